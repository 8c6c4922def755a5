"""What stands on record about a batch beside its journey: registers, tests, inputs used, certificates."""
