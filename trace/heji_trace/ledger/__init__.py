"""The ledger in the database: appending, the remembered head, proving what was read, and verifying all of it."""
