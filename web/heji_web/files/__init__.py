"""Files that people have: read, checked with them, recorded wholly or not at all, taken back."""
