"""Objections that stand beside a statement."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from heji_trace.people.parties import Author
from heji_trace.rights.listing import Filter, visible_events
from heji_trace.store.tables import events, objections


@dataclass(frozen=True, slots=True)
class Objection:
    """Who objected, and by which event."""

    event_id: str
    seq: int
    organisation: str
    recorded_ms: int


def objections_to(connection: Connection, author: Author, event_id: str) -> tuple[Objection, ...]:
    """The standing objections to an event that the author may read, oldest first."""
    query = (
        select(objections.c.event_id, objections.c.seq, objections.c.organisation, events.c.recorded_ms)
        .join(events, events.c.seq == objections.c.seq)
        .where(objections.c.target == event_id, objections.c.withdrawn_seq.is_(None))
        .order_by(objections.c.seq)
    )
    return tuple(
        Objection(*row)
        for row in connection.execute(query).all()
        if visible_events(connection, author, Filter(), after=row.seq - 1, before=row.seq + 1, limit=1)
    )
