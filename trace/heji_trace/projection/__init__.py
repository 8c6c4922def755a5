"""From entries to the read tables: each event's effects applied, and all of them made again from the ledger."""
