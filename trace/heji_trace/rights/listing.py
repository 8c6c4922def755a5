"""Lists of events: the places of those that somebody asks for and may read, page by page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Select, func, select, union

from heji_trace.people.parties import Author
from heji_trace.rights.reading import Window, is_readable, within
from heji_trace.rights.rights import may_oversee
from heji_trace.store.tables import conditions, events, holds, labels, lines, recall_scope, samples, tests

_AT_ONCE = 500
# So many places are looked at one by one rather than the whole ledger for them.
_FEW = 10_000
_FIRST_WINDOW = 512
_LARGEST_WINDOW = 1 << 16


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events are asked for; moments are of recording, in milliseconds, `until_ms` not included."""

    batch: str | None = None
    kind: str | None = None
    organisation: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None


def visible_events(
    connection: Connection,
    author: Author,
    wanted: Filter,
    *,
    after: int,
    before: int,
    limit: int,
    newest_first: bool = False,
) -> list[int]:
    """The places of `limit` events, behind `after` and before `before`, that the author may read.

    They are the first ones, or with `newest_first` the last ones from the last on.
    """
    order = events.c.seq.desc() if newest_first else events.c.seq
    if may_oversee(author):
        query = _filtered(wanted).where(events.c.seq > after, events.c.seq < before)
        return list(connection.execute(query.order_by(order).limit(limit)).scalars())
    found: list[int] = []
    for window in _windows(connection, wanted, after, before, newest_first=newest_first):
        # The places of a batch are the windows themselves: found once, and not again for each.
        query = _filtered(replace(wanted, batch=None)).where(
            window(events.c.seq), is_readable(author, window)
        )
        found += connection.execute(query.order_by(order).limit(limit - len(found))).scalars()
        if len(found) == limit:
            break
    return found


def _windows(
    connection: Connection, wanted: Filter, after: int, before: int, *, newest_first: bool
) -> Iterator[Window]:
    """Where to look for what is wanted, one after the other: in the few places that it can have, else everywhere."""
    few = _few(connection, wanted, after, before)
    if few is not None:
        named = few[::-1] if newest_first else few
        return (within(named[at : at + _AT_ONCE]) for at in range(0, len(named), _AT_ONCE))
    last: int = connection.execute(select(func.max(events.c.seq))).scalar() or 0
    return (
        _between(start, end)
        for start, end in _stretches(after + 1, min(before, last + 1), newest_first=newest_first)
    )


def _few(connection: Connection, wanted: Filter, after: int, before: int) -> Sequence[int] | None:
    """The places, in order, that an index finds for what is wanted, where they are not many."""
    if wanted.batch is not None:
        return sorted(
            seq for seq in connection.execute(_about(wanted.batch)).scalars() if after < seq < before
        )
    if wanted.kind is None:
        return None
    query = select(events.c.seq).where(
        events.c.kind == wanted.kind, events.c.seq > after, events.c.seq < before
    )
    found = connection.execute(query.order_by(events.c.seq).limit(_FEW + 1)).scalars().all()
    return found if len(found) <= _FEW else None


def _stretches(start: int, end: int, *, newest_first: bool) -> Iterator[tuple[int, int]]:
    """Stretches of the ledger, each twice as long: who reads much finds a page early, who reads little looks far."""
    length = _FIRST_WINDOW
    while start < end:
        if newest_first:
            yield max(start, end - length), end - 1
            end -= length
        else:
            yield start, min(start + length, end) - 1
            start += length
        length = min(2 * length, _LARGEST_WINDOW)


def _between(first: int, last: int) -> Window:
    return lambda column: column.between(first, last)


def _filtered(wanted: Filter) -> Select[Any]:
    query = select(events.c.seq)
    if wanted.batch is not None:
        query = query.where(events.c.seq.in_(_about(wanted.batch)))
    if wanted.kind is not None:
        query = query.where(events.c.kind == wanted.kind)
    if wanted.organisation is not None:
        query = query.where(events.c.organisation == wanted.organisation)
    if wanted.since_ms is not None:
        query = query.where(events.c.recorded_ms >= wanted.since_ms)
    if wanted.until_ms is not None:
        query = query.where(events.c.recorded_ms < wanted.until_ms)
    return query


def _about(batch: str) -> Any:
    """The places of all events that speak of a batch, corrected ones too."""
    drawn = select(samples.c.sample).where(samples.c.target == batch)
    return union(
        select(lines.c.seq).where(lines.c.batch == batch),
        select(samples.c.seq).where(samples.c.target == batch),
        select(tests.c.seq).where(tests.c.sample.in_(drawn)),
        select(holds.c.released_seq).where(holds.c.batch == batch, holds.c.released_seq.is_not(None)),
        select(conditions.c.seq).where(conditions.c.batch == batch),
        select(labels.c.bound_seq).where(labels.c.batch == batch, labels.c.bound_seq.is_not(None)),
        select(labels.c.voided_seq).where(labels.c.batch == batch, labels.c.voided_seq.is_not(None)),
        select(events.c.seq).where(
            events.c.event_id.in_(select(recall_scope.c.event_id).where(recall_scope.c.batch == batch))
        ),
    )
