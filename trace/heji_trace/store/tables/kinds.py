"""Read tables of single kinds: what loggers, environment tests, certificates, recall updates and objections say.

Sealed values stand in `series.data` (readings) and in
`recall_updates.data` (figures of consignees) alone.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Index, PrimaryKeyConstraint

from heji_trace.store.tables.words import KEPT, Big, rank, table, text, whole, withdrawn

cycle_sites: Final = table(
    "cycle_sites",
    text("cycle"),
    whole("seq"),
    text("site"),
    withdrawn(),
    PrimaryKeyConstraint("cycle", "seq"),
    Index(None, "site"),
)

environment: Final = table(
    "environment",
    whole("seq"),
    whole("position"),
    text("site"),
    text("medium"),
    text("analyte"),
    whole("is_over"),
    text("data"),
    whole("occurred_ms"),
    withdrawn(),
    PrimaryKeyConstraint("seq", "position"),
    Index(None, "site"),
)

conditions: Final = table(
    "conditions",
    whole("seq"),
    text("batch"),
    withdrawn(),
    # The rank of the shipping by which the batch is concerned; none of a batch that is named itself.
    Column("shipping_rank", Big, nullable=True),
    PrimaryKeyConstraint("seq", "batch"),
    Index(None, "batch"),
    Index(None, "shipping_rank"),
)

series: Final = table(
    "series",
    whole("seq", primary_key=True, autoincrement=False),
    text("data", info=KEPT),
    withdrawn(),
)

conformity: Final = table(
    "conformity",
    whole("seq"),
    text("batch"),
    text("event_id"),
    text("organisation"),
    whole("issued_ms"),
    withdrawn(),
    PrimaryKeyConstraint("seq", "batch"),
    Index(None, "batch"),
)

recall_updates: Final = table(
    "recall_updates",
    whole("seq", primary_key=True, autoincrement=False),
    text("event_id"),
    text("recall", info=KEPT),
    text("organisation"),
    text("status"),
    text("data", info=KEPT),
    withdrawn(),
    rank(),
    Index(None, "recall"),
)

objections: Final = table(
    "objections",
    whole("seq", primary_key=True, autoincrement=False),
    text("event_id"),
    text("target", info=KEPT),
    text("organisation"),
    withdrawn(),
    Index(None, "target"),
)

OF_KINDS: Final = (cycle_sites, environment, conditions, series, conformity, recall_updates, objections)
