"""The consumer's page: no cookie, no script, kept in memory while what it rests on is unchanged."""
