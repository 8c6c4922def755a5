"""Shipments of goods that are still on their way: whoever receives some names the shipment that brought them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Select, exists, select

from heji_trace.store.tables import events, lines, stock


def under_way(organisations: Collection[str]) -> Select[Any]:
    """Shipments to the organisations of goods that are still on their way there, line by line, the newest first."""
    coming = (stock.c.batch == lines.c.batch) & (stock.c.holder == lines.c.to_organisation)
    return (
        select(events.c.event_id, lines.c.batch, events.c.organisation, events.c.occurred_ms)
        .join(lines, lines.c.seq == events.c.seq)
        .where(
            events.c.kind == "shipping",
            events.c.withdrawn_seq.is_(None),
            lines.c.to_organisation.in_(organisations),
            exists().where(coming, stock.c.state == "transit", stock.c.amount > 0),
        )
        .order_by(events.c.seq.desc())
    )


def shipments_with(connection: Connection, organisations: Collection[str], batch: str) -> list[str]:
    """The shipments that bring a batch to the organisations, the newest first."""
    query = under_way(organisations).where(lines.c.batch == batch)
    return list(dict.fromkeys(row.event_id for row in connection.execute(query)))
