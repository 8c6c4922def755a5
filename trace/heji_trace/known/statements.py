"""What stands of a statement that may have been corrected: itself, or what the newest correction puts in its place."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from heji_trace.events.event import Event
from heji_trace.events.schemas import event_of
from heji_trace.ledger.ledger import Stored, read_stored
from heji_trace.store.tables import events


@dataclass(frozen=True, slots=True)
class Standing:
    """A statement as it stands: `stored` is the entry that says it, `event` what is said.

    `first_id` and `first_ms` are the id under which others speak of it, and when it was first recorded;
    `withdrawn_seq` is the entry that took it back for good.
    """

    stored: Stored
    event: Event
    first_id: str
    first_ms: int
    withdrawn_seq: int | None


def stated(event: Event) -> Event:
    """What an event says that counts: of a correction its replacement."""
    replacement = event.details.get("replacement") if event.kind == "correction" else None
    return event if replacement is None else event_of(replacement)


def standing_of(connection: Connection, seq: int) -> Standing:
    """What stands of what entry `seq` says; where it was taken back, what stood last."""
    query = select(events.c.seq, events.c.rank, events.c.withdrawn_seq)
    rows = [connection.execute(query.where(events.c.seq == seq)).one()]
    while rows[-1].withdrawn_seq is not None:
        rows.append(connection.execute(query.where(events.c.seq == rows[-1].withdrawn_seq)).one())
    chain = read_stored(connection, [row.seq for row in rows])
    said = [stored for stored in chain if not _is_withdrawal(stored.event)] or chain
    first = select(events.c.event_id, events.c.recorded_ms).where(events.c.seq == rows[-1].rank)
    first_id, first_ms = connection.execute(first).one()
    withdrawn_seq = None if said[-1] is chain[-1] else chain[-1].seq
    return Standing(said[-1], stated(said[-1].event), first_id, first_ms, withdrawn_seq)


def _is_withdrawal(event: Event) -> bool:
    return event.kind == "correction" and event.details.get("replacement") is None
