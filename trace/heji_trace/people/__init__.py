"""Who signs in and who speaks: accounts, passwords, sessions, throttles, the author of a statement."""
