"""The database: its engines and tables, what keeps the ledger's rows unchanged, and how rows are read and written fast."""
