"""Readers of the files that instruments and loggers write; they need no network and no database."""
