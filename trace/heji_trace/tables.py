"""The tables: the ledger itself, the read tables projected from it, and what the service keeps for itself.

Amounts are integers in millionths of a base unit (`heji_trace.units`), moments are milliseconds since 1970 in UTC,
and composite facts are canonical JSON text, so that SQLite and PostgreSQL hold the same values.

A row of a projection names the entry (`seq`) that proves it. A correction does not delete the row but fills
`withdrawn_seq`, so that what was known at any recorded time can still be asked.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite's rowid alias must be INTEGER; the eight bytes are the same.
Big = BigInteger().with_variant(Integer(), "sqlite")


def _table(name: str, *items: Any) -> Table:
    return Table(name, metadata, *items, sqlite_strict=True)


def _text(name: str, **options: Any) -> Column[str]:
    return Column(name, Text, **{"nullable": False, **options})


def _maybe(name: str) -> Column[str | None]:
    return Column(name, Text, nullable=True)


def _whole(name: str, **options: Any) -> Column[int]:
    return Column(name, Big, **{"nullable": False, **options})


def _withdrawn() -> Column[int | None]:
    return Column("withdrawn_seq", Big, nullable=True)


# --- the ledger: only ever inserted into -----------------------------------------------------------------------------

foundation = _table("foundation", _text("name", primary_key=True), _text("value"))

entries = _table(
    "entries",
    _whole("seq", primary_key=True, autoincrement=False),
    _text("event_id", unique=True),
    Column("entry", LargeBinary, nullable=False),
    Column("record", LargeBinary, nullable=False),
    Column("record_salt", LargeBinary, nullable=False),
)

disclosures = _table(
    "disclosures",
    _whole("seq"),
    _text("pointer"),
    Column("salt", LargeBinary, nullable=False),
    Column("value", LargeBinary, nullable=False),
    PrimaryKeyConstraint("seq", "pointer"),
)

nodes = _table(
    "nodes",
    _whole("level"),
    _whole("position"),
    Column("hash", LargeBinary, nullable=False),
    PrimaryKeyConstraint("level", "position"),
)

checkpoints = _table(
    "checkpoints",
    _whole("size", primary_key=True, autoincrement=False),
    Column("previous_size", Big, nullable=True),
    _text("note"),
)

LEDGER = (foundation, entries, disclosures, nodes, checkpoints)

# --- projections: `heji rebuild` makes them again from the ledger ------------------------------------------------------

events = _table(
    "events",
    _whole("seq", primary_key=True, autoincrement=False),
    _text("event_id", unique=True),
    _text("kind"),
    _text("organisation"),
    _maybe("performed_by"),
    _maybe("site"),
    _text("actor"),
    _whole("occurred_ms"),
    _whole("recorded_ms"),
    _withdrawn(),
    Index(None, "organisation", "seq"),
    Index(None, "kind", "seq"),
)

register = _table(
    "register",
    _text("kind"),
    _text("code"),
    _whole("seq"),
    _text("organisation"),
    _text("data"),
    _withdrawn(),
    PrimaryKeyConstraint("kind", "code", "seq"),
    Index(None, "kind", "organisation"),
    Index(None, "seq"),
)

batches = _table(
    "batches",
    _text("batch", primary_key=True),
    _text("kind"),
    _maybe("product"),
    _text("organisation"),
    _maybe("site"),
    _whole("made_seq"),
    _whole("made_ms"),
    _whole("unknown_origin"),
    _maybe("batch_number"),
    _maybe("best_before"),
    _maybe("use_by"),
    _whole("version"),
    Index(None, "organisation"),
    Index(None, "batch_number"),
)

lines = _table(
    "lines",
    _whole("seq"),
    _whole("position"),
    _text("role"),
    _text("batch"),
    _maybe("dimension"),
    Column("amount", Big, nullable=True),
    _maybe("unit"),
    _maybe("product"),
    _text("holder"),
    _maybe("to_organisation"),
    _maybe("site"),
    _maybe("to_site"),
    _withdrawn(),
    PrimaryKeyConstraint("seq", "position"),
    Index(None, "batch", "seq"),
)

stock = _table(
    "stock",
    _text("batch"),
    _text("holder"),
    _text("state"),
    _text("dimension"),
    _whole("amount"),
    PrimaryKeyConstraint("batch", "holder", "state", "dimension"),
    Index(None, "holder"),
)

stock_changes = _table(
    "stock_changes",
    _whole("seq"),
    _whole("position"),
    _text("batch"),
    _text("holder"),
    _text("state"),
    _text("dimension"),
    _whole("amount"),
    _withdrawn(),
    PrimaryKeyConstraint("seq", "position"),
    Index(None, "batch"),
)

edges = _table(
    "edges",
    _whole("seq"),
    _text("parent"),
    _text("child"),
    _text("flow"),
    _text("dimension"),
    _whole("amount"),
    _whole("occurred_ms"),
    _withdrawn(),
    PrimaryKeyConstraint("seq", "parent", "child"),
    Index(None, "parent"),
    Index(None, "child"),
)

harvests = _table(
    "harvests",
    _whole("seq"),
    _text("cycle"),
    _text("batch"),
    _whole("occurred_ms"),
    _whole("recorded_ms"),
    _withdrawn(),
    PrimaryKeyConstraint("seq", "cycle", "batch"),
    Index(None, "cycle"),
    Index(None, "batch"),
)

applications = _table(
    "applications",
    _whole("seq"),
    _text("cycle"),
    _text("input_type"),
    _text("data"),
    _whole("occurred_ms"),
    _whole("recorded_ms"),
    _withdrawn(),
    PrimaryKeyConstraint("seq", "cycle"),
    Index(None, "cycle"),
)

samples = _table(
    "samples",
    _whole("seq"),
    _text("sample"),
    _text("target"),
    _text("target_kind"),
    _text("purpose"),
    _text("organisation"),
    _whole("composite_of"),
    _withdrawn(),
    PrimaryKeyConstraint("seq", "sample", "target"),
    Index(None, "sample"),
    Index(None, "target"),
)

tests = _table(
    "tests",
    _whole("seq"),
    _text("sample"),
    _text("laboratory"),
    _text("method_class"),
    _text("conclusion"),
    _text("status"),
    _whole("released"),
    _whole("occurred_ms"),
    _withdrawn(),
    PrimaryKeyConstraint("seq", "sample"),
    Index(None, "sample"),
)

holds = _table(
    "holds",
    _whole("seq"),
    _text("event_id"),
    _text("batch"),
    _text("organisation"),
    Column("released_seq", Big, nullable=True),
    _withdrawn(),
    PrimaryKeyConstraint("seq", "batch"),
    Index(None, "batch"),
    Index(None, "event_id"),
)

recall_scope = _table(
    "recall_scope",
    _whole("seq"),
    _text("event_id"),
    _text("batch"),
    _text("standing"),
    _text("organisation"),
    _withdrawn(),
    PrimaryKeyConstraint("seq", "batch", "event_id"),
    Index(None, "batch"),
    Index(None, "event_id"),
)

findings = _table(
    "findings",
    _whole("seq"),
    _text("batch"),
    _text("code"),
    _text("data"),
    _withdrawn(),
    PrimaryKeyConstraint("seq", "batch", "code"),
    Index(None, "batch"),
)

labels = _table(
    "labels",
    _text("run", primary_key=True),
    _whole("seq"),
    _text("organisation"),
    _text("product"),
    _maybe("batch"),
    _maybe("trace_code"),
    _maybe("phone_code"),
    _whole("copies"),
    _withdrawn(),
    UniqueConstraint("trace_code"),
    UniqueConstraint("phone_code"),
    Index(None, "batch"),
)

warnings = _table(
    "warnings",
    _text("batch"),
    _text("code"),
    _text("source"),
    _whole("cause_seq"),
    _whole("raised_seq"),
    Column("lifted_seq", Big, nullable=True),
    _text("data"),
    PrimaryKeyConstraint("batch", "code", "source", "cause_seq", "raised_seq"),
    Index(None, "source"),
    Index(None, "code", "lifted_seq"),
)

PROJECTIONS = (
    events,
    register,
    batches,
    lines,
    stock,
    stock_changes,
    edges,
    harvests,
    applications,
    samples,
    tests,
    holds,
    recall_scope,
    findings,
    labels,
    warnings,
)

# --- the service's own: neither proved nor rebuilt ---------------------------------------------------------------------

accounts = _table(
    "accounts",
    _text("account", primary_key=True),
    _text("name", unique=True),
    _text("organisation"),
    _text("roles"),
    _text("password_hash"),
    _whole("created_ms"),
    Column("closed_ms", Big, nullable=True),
)

sessions = _table(
    "sessions",
    Column("token_hash", LargeBinary, primary_key=True),
    _text("account"),
    _text("csrf"),
    _whole("created_ms"),
    _whole("seen_ms"),
    Index(None, "account"),
)

tokens = _table(
    "tokens",
    Column("token_hash", LargeBinary, primary_key=True),
    _text("token_name"),
    _text("account"),
    _whole("created_ms"),
    Column("revoked_ms", Big, nullable=True),
    Index(None, "account"),
)

throttles = _table(
    "throttles",
    _text("key", primary_key=True),
    _whole("count"),
    _whole("since_ms"),
)

imports = _table(
    "imports",
    _text("import_id", primary_key=True),
    _text("account"),
    _text("file_name"),
    Column("data", LargeBinary, nullable=False),
    _text("choices"),
    _whole("created_ms"),
    Index(None, "account"),
)

# The entries of a recorded import are those from first_seq up to, not including, end_seq.
imported = _table(
    "imported",
    _text("import_id", primary_key=True),
    _text("account"),
    _text("organisation"),
    _text("file_name"),
    _text("sha256"),
    _text("kind"),
    _whole("row_count"),
    _whole("first_seq"),
    _whole("end_seq"),
    _whole("recorded_ms"),
    Index(None, "organisation", "first_seq"),
    Index(None, "sha256"),
)
