"""The command `heji` of the operator."""
