"""Projections: `heji rebuild` makes them again from the ledger."""

from __future__ import annotations

from sqlalchemy import Column, Index, PrimaryKeyConstraint, UniqueConstraint

from heji_trace.store.tables.kinds import OF_KINDS
from heji_trace.store.tables.words import ERASABLE, KEPT, Big, maybe, rank, table, text, whole, withdrawn

events = table(
    "events",
    whole("seq", primary_key=True, autoincrement=False),
    text("event_id", unique=True),
    text("kind"),
    text("organisation"),
    maybe("performed_by"),
    maybe("site"),
    text("actor"),
    whole("occurred_ms"),
    whole("recorded_ms"),
    withdrawn(),
    rank(),
    Index(None, "organisation", "seq"),
    Index(None, "kind", "seq"),
)

register = table(
    "register",
    text("kind"),
    text("code", info=KEPT),
    whole("seq"),
    text("organisation"),
    text("data", info=ERASABLE),
    withdrawn(),
    rank(),
    PrimaryKeyConstraint("kind", "code", "seq"),
    Index(None, "code"),
    Index(None, "organisation", "kind"),
    Index(None, "seq"),
)

batches = table(
    "batches",
    text("batch", primary_key=True),
    text("kind"),
    maybe("product"),
    text("organisation"),
    maybe("site"),
    whole("made_seq"),
    whole("made_ms"),
    whole("unknown_origin"),
    maybe("batch_number"),
    maybe("best_before"),
    maybe("use_by"),
    whole("version"),
    Index(None, "organisation"),
    Index(None, "batch_number"),
)

lines = table(
    "lines",
    whole("seq"),
    whole("position"),
    text("role"),
    text("batch"),
    maybe("dimension", info=KEPT),
    Column("amount", Big, nullable=True, info=KEPT),
    maybe("unit", info=KEPT),
    maybe("product"),
    text("holder"),
    maybe("to_organisation", info=KEPT),
    maybe("site"),
    maybe("to_site", info=KEPT),
    withdrawn(),
    PrimaryKeyConstraint("seq", "position"),
    Index(None, "batch", "seq"),
)

stock = table(
    "stock",
    text("batch"),
    text("holder", info=KEPT),
    text("state"),
    text("dimension", info=KEPT),
    whole("amount", info=KEPT),
    PrimaryKeyConstraint("batch", "holder", "state", "dimension"),
    Index(None, "holder"),
)

stock_changes = table(
    "stock_changes",
    whole("seq"),
    whole("position"),
    text("batch"),
    text("holder", info=KEPT),
    text("state"),
    text("dimension", info=KEPT),
    whole("amount", info=KEPT),
    withdrawn(),
    PrimaryKeyConstraint("seq", "position"),
    Index(None, "batch"),
)

edges = table(
    "edges",
    whole("seq"),
    text("parent"),
    text("child"),
    text("flow"),
    text("dimension", info=KEPT),
    whole("amount", info=KEPT),
    whole("occurred_ms"),
    withdrawn(),
    PrimaryKeyConstraint("seq", "parent", "child"),
    Index(None, "parent"),
    Index(None, "child"),
)

harvests = table(
    "harvests",
    whole("seq"),
    text("cycle"),
    text("batch"),
    whole("occurred_ms"),
    whole("recorded_ms"),
    withdrawn(),
    rank(),
    # Behind the others, as a table that grows by a column has it.
    whole("ended_ms", nullable=True),
    PrimaryKeyConstraint("seq", "cycle", "batch"),
    Index(None, "cycle"),
    Index(None, "batch"),
)

applications = table(
    "applications",
    whole("seq"),
    text("cycle"),
    text("input_type"),
    text("data", info=ERASABLE),
    whole("occurred_ms"),
    whole("recorded_ms"),
    withdrawn(),
    rank(),
    PrimaryKeyConstraint("seq", "cycle"),
    Index(None, "cycle"),
)

samples = table(
    "samples",
    whole("seq"),
    text("sample"),
    text("target"),
    text("target_kind"),
    text("purpose"),
    text("organisation"),
    whole("composite_of"),
    withdrawn(),
    rank(),
    PrimaryKeyConstraint("seq", "sample", "target"),
    Index(None, "sample"),
    Index(None, "target"),
)

tests = table(
    "tests",
    whole("seq"),
    text("sample"),
    text("laboratory"),
    text("method_class"),
    text("conclusion"),
    text("status"),
    whole("released"),
    whole("occurred_ms"),
    withdrawn(),
    rank(),
    PrimaryKeyConstraint("seq", "sample"),
    Index(None, "sample"),
)

holds = table(
    "holds",
    whole("seq"),
    text("event_id"),
    text("batch"),
    text("organisation"),
    Column("released_seq", Big, nullable=True),
    withdrawn(),
    PrimaryKeyConstraint("seq", "batch"),
    Index(None, "batch"),
    Index(None, "event_id"),
)

recall_scope = table(
    "recall_scope",
    whole("seq"),
    text("event_id"),
    text("batch"),
    text("standing"),
    text("organisation"),
    withdrawn(),
    PrimaryKeyConstraint("seq", "batch", "event_id"),
    Index(None, "batch"),
    Index(None, "event_id"),
)

findings = table(
    "findings",
    whole("seq"),
    text("batch"),
    text("code"),
    text("data", info=KEPT),
    withdrawn(),
    PrimaryKeyConstraint("seq", "batch", "code"),
    Index(None, "batch"),
)

labels = table(
    "labels",
    text("run", primary_key=True),
    whole("seq"),
    text("organisation"),
    text("product"),
    maybe("batch", info=KEPT),
    maybe("trace_code", info=KEPT),
    maybe("phone_code", info=KEPT),
    whole("copies", info=KEPT),
    withdrawn(),
    Column("bound_seq", Big, nullable=True),
    Column("voided_seq", Big, nullable=True),
    UniqueConstraint("trace_code"),
    UniqueConstraint("phone_code"),
    Index(None, "batch"),
)

warnings = table(
    "warnings",
    text("batch"),
    text("code"),
    text("source"),
    whole("cause_seq"),
    whole("raised_seq"),
    Column("lifted_seq", Big, nullable=True),
    text("data", info=KEPT),
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
    *OF_KINDS,
)
