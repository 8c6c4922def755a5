"""The warnings of a batch as they are told: those that are stored, and those that the date causes."""
