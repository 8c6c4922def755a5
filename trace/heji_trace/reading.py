"""Reading rights: whose events and batches an author sees, and how much of each.

An organisation reads what it recorded, performed or was party to, and one step up and down from it: the event that
made a batch which it holds or held, and what others made of a batch which it made. A laboratory reads what it sampled
or tested. Regulators and the operator read everything. All else is answered as if it did not exist.

Sealed values are shown to fewer people than the events themselves: see `disclosed_values`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, or_, select, union

from heji_trace import canonical
from heji_trace.errors import Unknown
from heji_trace.event import Event
from heji_trace.ledger import Stored, read_stored
from heji_trace.parties import Author
from heji_trace.rights import may_oversee
from heji_trace.sealing import seal
from heji_trace.tables import (
    accounts,
    batches,
    disclosures,
    edges,
    events,
    holds,
    lines,
    recall_scope,
    register,
    samples,
    tests,
)

_REVIEWED = ("reviewed", "final")


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events are asked for; moments are of recording, in milliseconds, `until` not included."""

    batch: str | None = None
    kind: str | None = None
    organisation: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None


def visible_events(
    connection: Connection, author: Author, wanted: Filter, after: int, limit: int, end: int
) -> list[int]:
    """The places, in ledger order, of at most `limit` events behind `after` and before `end` that the author may read."""
    query = select(events.c.seq).where(events.c.seq > after, events.c.seq < end)
    if wanted.kind is not None:
        query = query.where(events.c.kind == wanted.kind)
    if wanted.organisation is not None:
        query = query.where(events.c.organisation == wanted.organisation)
    if wanted.since_ms is not None:
        query = query.where(events.c.recorded_ms >= wanted.since_ms)
    if wanted.until_ms is not None:
        query = query.where(events.c.recorded_ms < wanted.until_ms)
    if wanted.batch is not None:
        query = query.where(events.c.seq.in_(_naming(wanted.batch)))
    if not may_oversee(author):
        query = query.where(_is_readable(author))
    return list(connection.execute(query.order_by(events.c.seq).limit(limit)).scalars())


def event_seq_of(connection: Connection, author: Author, event_id: str) -> int:
    """The place of an event that the author may read; raises Unknown."""
    query = select(events.c.seq).where(events.c.event_id == event_id)
    if not may_oversee(author):
        query = query.where(_is_readable(author))
    seq: int | None = connection.execute(query).scalar()
    if seq is None:
        raise Unknown
    return seq


def check_may_read_batch(connection: Connection, author: Author, batch: str) -> None:
    """Raise Unknown unless there is such a batch, and the author had a part in it or in one a step up or down."""
    if not may_read_batches(connection, author, [batch]):
        raise Unknown


def may_read_batches(connection: Connection, author: Author, asked: list[str]) -> set[str]:
    """Those of the batches that exist and that the author may read."""
    readable: set[str] = set()
    for start in range(0, len(asked), 500):
        part = asked[start : start + 500]
        query = select(batches.c.batch).where(batches.c.batch.in_(part))
        if not may_oversee(author):
            query = query.where(_is_readable_batch(author))
        readable.update(connection.execute(query).scalars())
    return readable


def is_party_to_batch(connection: Connection, author: Author, batch: str) -> bool:
    """Whether the author's organisation made, held, handled or tests the batch itself."""
    own = select(batches.c.batch).where(batches.c.batch == batch, _has_part(author, batches.c.batch))
    return may_oversee(author) or connection.execute(own).first() is not None


def read_visible(connection: Connection, author: Author, seqs: list[int]) -> list[tuple[Stored, dict[str, Any]]]:
    """Each entry with its body as the author may see it: sealed values that are not for him are absent."""
    actors = _actors_of(connection, author)
    read = []
    for stored in read_stored(connection, seqs):
        shown = disclosed_values(stored, author, actors)
        hidden = seal(stored.event.body)[1].keys() - shown.keys()
        read.append((stored, _without(stored.event.body, hidden)))
    return read


def disclosed_values(stored: Stored, author: Author, actors: frozenset[str] | None = None) -> Mapping[str, Any]:
    """The sealed values of a readable entry that the author may see, by pointer.

    Everything is shown to overseers, to the organisation that answers for the event, to who performed it and to the
    organisation of the account that typed it (`actors` are that organisation's accounts; None is the author's alone).
    Who is named as receiver of a line sees that line and the transport's details; a carrier sees all lines, but no
    price. Anybody else sees the public part only, whatever the reason for which the event is readable.
    """
    event = stored.event
    _, sealed = seal(event.body)
    own = author.organisation
    if (
        may_oversee(author)
        or own in (event.organisation, event.performed_by)
        or stored.actor in (actors or {author.account})
    ):
        return sealed
    mine = [f"/moves/{at}/" for at, line in enumerate(event.moves) if line.to_organisation == own]
    if event.details.get("carrier") == own:
        mine = ["/moves/"]
    if event.kind == "mandate" and event.details.get("to") == own:
        mine = ["/details/"]
    if not mine:
        return {}
    with_transport = [*mine, "/details/"] if event.kind == "shipping" else mine
    return {
        pointer: value
        for pointer, value in sealed.items()
        if any(pointer.startswith(prefix) for prefix in with_transport)
    }


def own_part_only(author: Author, event: Event) -> bool:
    """Whether the author sees the amounts of an event at all, as party to all of it."""
    return may_oversee(author) or author.organisation in (event.organisation, event.performed_by)


def accounts_of(connection: Connection, author: Author) -> frozenset[str]:
    """All accounts of the author's organisation, closed ones too: what a colleague typed is ours to read."""
    return _actors_of(connection, author)


def _actors_of(connection: Connection, author: Author) -> frozenset[str]:
    found = connection.execute(_own_accounts(author)).scalars()
    return frozenset(found) | {author.account}


def _without(body: Mapping[str, Any], hidden: set[str]) -> dict[str, Any]:
    """The body without the members at these pointers."""
    public, sealed = seal(body)
    from_sealed = {pointer: value for pointer, value in sealed.items() if pointer not in hidden}
    from heji_trace.sealing import unseal

    return unseal(public, from_sealed)
