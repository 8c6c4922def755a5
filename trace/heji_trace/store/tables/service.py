"""The service's own: neither proved nor rebuilt."""

from __future__ import annotations

from sqlalchemy import Column, Index, LargeBinary

from heji_trace.store.tables.words import Big, table, text, whole

accounts = table(
    "accounts",
    text("account", primary_key=True),
    text("name", unique=True),
    text("organisation"),
    text("roles"),
    text("password_hash"),
    whole("created_ms"),
    Column("closed_ms", Big, nullable=True),
)

sessions = table(
    "sessions",
    Column("token_hash", LargeBinary, primary_key=True),
    text("account"),
    text("csrf"),
    whole("created_ms"),
    whole("seen_ms"),
    Index(None, "account"),
)

tokens = table(
    "tokens",
    Column("token_hash", LargeBinary, primary_key=True),
    text("token_name"),
    text("account"),
    whole("created_ms"),
    Column("revoked_ms", Big, nullable=True),
    Index(None, "account"),
)

throttles = table(
    "throttles",
    text("key", primary_key=True),
    whole("count"),
    whole("since_ms"),
)

imports = table(
    "imports",
    text("import_id", primary_key=True),
    text("account"),
    text("file_name"),
    Column("data", LargeBinary, nullable=False),
    text("choices"),
    whole("created_ms"),
    Index(None, "account"),
)

# The entries of a recorded import are those from first_seq up to, not including, end_seq.
imported = table(
    "imported",
    text("import_id", primary_key=True),
    text("account"),
    text("organisation"),
    text("file_name"),
    text("sha256"),
    text("kind"),
    whole("row_count"),
    whole("first_seq"),
    whole("end_seq"),
    whole("recorded_ms"),
    Index(None, "organisation", "first_seq"),
    Index(None, "sha256"),
)
