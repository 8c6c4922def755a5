"""Sealed values that are gone: which erasure took them, and whether each that is gone was taken by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, select

from heji_trace.ledger.faults import Fault, raw, readable, row_fault
from heji_trace.store import tables

_AT_ONCE = 1000


class Gone:
    """What records told about erased values while they were read in ledger order."""

    def __init__(self) -> None:
        self.erased: dict[tuple[str, str], int] = {}
        """The erasure that first named an event's pointer."""
        self._missing: list[tuple[int, str, str]] = []
        self._unread: set[int] = set()

    def hear(self, seq: int, event: Mapping[str, Any]) -> None:
        """Take in the public part of an entry's event, which may be an erasure."""
        if event["kind"] == "erasure":
            for part in event["details"]["values"]:
                for pointer in part["pointers"]:
                    self.erased.setdefault((part["event"], pointer), seq)

    def miss(self, seq: int, event_id: str, pointers: Iterable[str]) -> None:
        """Sealed values of an entry of which nothing is disclosed any more."""
        self._missing += [(seq, event_id, pointer) for pointer in sorted(pointers)]

    def lose(self, seq: int) -> None:
        """An entry whose record tells nothing: it may have been an erasure."""
        self._unread.add(seq)

    def unexplained(self, connection: Connection, end: int) -> Iterator[Fault]:
        """The values that are gone without an erasure; entries from `end` on are behind a break and were not read.

        Where an erasure cannot be read its rows are believed: what is reported first must be its own entry.
        """
        believed = {
            (seq, pointer)
            for seq, pointer, by_seq in _rows(connection)
            if by_seq in self._unread or by_seq >= end
        }
        for seq, event_id, pointer in self._missing:
            if self.erased.get((event_id, pointer), -1) <= seq and (seq, pointer) not in believed:
                yield Fault("value-missing", seq, names={"pointer": pointer})


def erased_values(connection: Connection, seqs: Iterable[int]) -> dict[int, dict[str, int]]:
    """By entry, the pointers of values that were erased, each with the entry that says so."""
    taken = tables.erasures
    found: dict[int, dict[str, int]] = {}
    query = select(taken).where(taken.c.seq.in_(list(seqs))).order_by(taken.c.seq, taken.c.pointer)
    for row in connection.execute(query):
        found.setdefault(row.seq, {})[row.pointer] = row.by_seq
    return found


def check_erasures(connection: Connection, gone: Gone) -> Iterator[Fault]:
    """The table of erasures against the entries it rests on, and values that stand there although they were erased."""
    seqs = _seqs_of(connection, {event_id for event_id, _ in gone.erased})
    want = {
        (seqs[event_id], pointer): by_seq
        for (event_id, pointer), by_seq in gone.erased.items()
        if event_id in seqs
    }
    have = {(seq, pointer): by_seq for seq, pointer, by_seq in _rows(connection)}
    for place in sorted(want.keys() | have.keys()):
        if place not in have:
            yield row_fault("erasure-missing", tables.erasures, place)
        elif have[place] != want.get(place):
            yield row_fault("erasure-unfounded", tables.erasures, place)
    held = tables.disclosures
    for seq in sorted({seq for seq, _ in want}):
        for row in connection.execute(select(*raw(connection, held)).where(held.c.seq == seq)).all():
            if (seq, readable(row.pointer)) in want:
                yield Fault("value-back", seq, names={"pointer": readable(row.pointer)})


def _rows(connection: Connection) -> Iterator[tuple[int, str, int]]:
    for row in connection.execute(select(*raw(connection, tables.erasures))):
        yield row.seq, readable(row.pointer), row.by_seq


def _seqs_of(connection: Connection, event_ids: Iterable[str]) -> dict[str, int]:
    wanted = sorted(event_ids)
    found: dict[str, int] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        query = select(tables.entries.c.event_id, tables.entries.c.seq)
        part = query.where(tables.entries.c.event_id.in_(wanted[start : start + _AT_ONCE]))
        found |= dict(connection.execute(part).all())
    return found
