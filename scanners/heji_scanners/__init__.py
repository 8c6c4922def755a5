"""The field: code readers, instrument files and the command `heji-scan`."""
