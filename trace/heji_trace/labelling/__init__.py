"""Labels: issuing the codes of a batch, and printing them in runs."""
