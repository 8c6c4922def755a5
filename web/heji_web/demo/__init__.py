"""The demonstration: a county whose files are read through the same doors as anybody's. Nothing in it is real."""
