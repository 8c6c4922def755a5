"""Events on pages: written in forms, told in words, listed."""
