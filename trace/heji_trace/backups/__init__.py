"""The ledger in a safe place, in another database, and back, without ever saying two things."""
