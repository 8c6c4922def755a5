"""The ledger: only ever inserted into, but for disclosures, which an erasure deletes."""

from __future__ import annotations

from sqlalchemy import Column, Index, LargeBinary, PrimaryKeyConstraint

from heji_trace.store.tables.words import Big, table, text, whole

foundation = table("foundation", text("name", primary_key=True), text("value"))

entries = table(
    "entries",
    whole("seq", primary_key=True, autoincrement=False),
    text("event_id", unique=True),
    Column("entry", LargeBinary, nullable=False),
    Column("record", LargeBinary, nullable=False),
    Column("record_salt", LargeBinary, nullable=False),
)

disclosures = table(
    "disclosures",
    whole("seq"),
    text("pointer"),
    Column("salt", LargeBinary, nullable=False),
    Column("value", LargeBinary, nullable=False),
    PrimaryKeyConstraint("seq", "pointer"),
)

# Which disclosures an erasure took away, and the entry that says so.
erasures = table(
    "erasures",
    whole("seq"),
    text("pointer"),
    whole("by_seq"),
    PrimaryKeyConstraint("seq", "pointer"),
    Index(None, "by_seq"),
)

nodes = table(
    "nodes",
    whole("level"),
    whole("position"),
    Column("hash", LargeBinary, nullable=False),
    PrimaryKeyConstraint("level", "position"),
)

checkpoints = table(
    "checkpoints",
    whole("size", primary_key=True, autoincrement=False),
    Column("previous_size", Big, nullable=True),
    text("note"),
)

LEDGER = (foundation, entries, disclosures, erasures, nodes, checkpoints)
