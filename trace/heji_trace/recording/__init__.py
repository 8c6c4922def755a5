"""The write path: from a statement to its entry, in groups with one commit."""
