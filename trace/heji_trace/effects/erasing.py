"""Erasure: a person's sealed values, and every copy of them, vanish; the commitments stay, and old receipts still hold.

The event `erasure` names the values. In the transaction that records it their disclosures are deleted and their copies
in the read tables taken out; then the storage is swept, and the erasure is listed beside the remembered head.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import ColumnElement, Connection, LargeBinary, delete, func, literal, select, update

from heji_trace.effects.settle import dump_data
from heji_trace.errors import Problem
from heji_trace.events.erasable import copied_paths, find_field, is_erasable, without
from heji_trace.events.event import Event
from heji_trace.known.state import State
from heji_trace.ledger import ledger
from heji_trace.ledger.erasure_list import ErasureList, Listed, Values, listed_of, values_of
from heji_trace.ledger.ledger import Stored
from heji_trace.proving import canonical
from heji_trace.store.db import Store
from heji_trace.store.sweep import COPYING, sweep
from heji_trace.store.tables import ERASABLE, disclosures, entries, erasures, imported, imports


@dataclass(frozen=True, slots=True)
class Target:
    """An entry and the pointers of its values that are to go."""

    seq: int
    kind: str
    pointers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Vanishing:
    """One sealed value as it still stands: where, what it is called in zh and en, and whether an erasure may take it."""

    event_id: str
    seq: int
    kind: str
    pointer: str
    zh: str
    en: str
    value: Any
    erasable: bool


def problems_of(state: State, event: Event) -> Iterator[Problem]:
    """Why an erasure of recorded events cannot be recorded: no such sealed value, one that stays, one that has gone."""
    named: set[tuple[str, str]] = set()
    for at, (event_id, pointers) in enumerate(values_of(event)):
        if not state.events.of("event_id", event_id):
            continue
        stored = _find_stored(state, event_id)
        if stored is None:
            # It comes in the same import, and nothing of it can be read yet.
            yield Problem(f"/details/values/{at}/event", "unknown-event", {"id": event_id})
            continue
        sealed = ledger.read_pointers(stored.record)
        there = ledger.read_disclosures(state.connection, stored.seq)
        for place, pointer in enumerate(pointers):
            where = f"/details/values/{at}/pointers/{place}"
            field = find_field(stored.event.body, pointer)
            if pointer not in sealed or field is None:
                yield Problem(where, "no-such-sealed-value", {"pointer": pointer})
            elif not is_erasable(field):
                yield Problem(where, "value-kept", {"name_zh": field.zh, "name_en": field.en})
            elif pointer not in there or (event_id, pointer) in named:
                yield Problem(where, "value-gone-already", {"pointer": pointer})
            named.add((event_id, pointer))


def targets_of(state: State, event: Event) -> list[Target]:
    """The entries that an erasure names."""
    return [
        Target(row["seq"], row["kind"], pointers)
        for event_id, pointers in values_of(event)
        for row in state.events.of("event_id", event_id)
    ]


def take_away(state: State, draft: ledger.Draft, event: Event) -> None:
    """Let the draft delete what an erasure, its newest entry, names; uploads that wait go too.

    Nobody can tell which waiting file holds a copy: a workbook is compressed. Uploading it again doubles nothing. Of
    a recorded import its name goes: people name files after people.
    """
    state.connection.execute(delete(imports))
    for target in targets_of(state, event):
        draft.erase(target.seq, target.pointers)
        state.connection.execute(
            update(imported)
            .where(imported.c.first_seq <= target.seq, imported.c.end_seq > target.seq)
            .values(file_name="")
        )


def finish(store: Store, listed: ErasureList, values: Sequence[bytes]) -> None:
    """List the erasures that were committed, then clear the storage of the values they took.

    Called again it takes up what is left of earlier ones, as after a crash. Raises OSError where the list cannot be
    made durable, LedgerBusy while somebody reads an older state.
    """
    with store.read() as connection:
        new = unlisted(connection, listed.read())
    listed.add(new)
    waiting = {each.erasure for each in listed.read() if not each.swept}
    if waiting:
        known = bool(values) and waiting == {each.erasure for each in new}
        sweep(store, [text for value in values for text in texts_of(value)] if known else None)
        listed.mark_swept(waiting)


def texts_of(value: bytes) -> list[bytes]:
    """The texts inside a canonical value, as they stand in columns: those are what a file is searched for."""
    found: list[str] = []
    waiting = [canonical.load(value)]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            found.append(json.dumps(each, ensure_ascii=False)[1:-1])
        elif isinstance(each, dict):
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each
    return [text.encode() for text in found]


def clear_copies(state: State, targets: Iterable[Target]) -> None:
    """Take the values out of every read table that copied them; where they are gone already nothing changes."""
    wanted = {target.seq: [*copied_paths(target.kind, target.pointers)] for target in targets}
    state.write()
    for table in COPYING:
        columns = [column.name for column in table.columns if column.info == ERASABLE]
        for row in state.connection.execute(select(table).where(table.c.seq.in_(wanted))).mappings().all():
            cleared = {name: _cleared(row[name], wanted[row["seq"]]) for name in columns}
            if any(cleared[name] != row[name] for name in columns):
                place = [column == row[column.name] for column in table.primary_key]
                state.connection.execute(update(table).where(*place).values(cleared))
    state.forget()


def _cleared(data: str, paths: Sequence[Sequence[str]]) -> str:
    return dump_data(without(json.loads(data), paths))


def preview(connection: Connection, event_ids: Sequence[str]) -> list[Vanishing]:
    """The sealed values of these events that still exist, those first that an erasure may take."""
    seqs = [seq for each in event_ids if (seq := ledger.find_seq(connection, each)) is not None]
    found = [
        Vanishing(
            stored.event.id,
            stored.seq,
            stored.event.kind,
            pointer,
            field.zh,
            field.en,
            canonical.load(value),
            is_erasable(field),
        )
        for stored in ledger.read_stored(connection, seqs)
        for pointer, (_, value) in sorted(ledger.read_disclosures(connection, stored.seq).items())
        if (field := find_field(stored.event.body, pointer)) is not None
    ]
    return sorted(found, key=lambda each: (each.seq, not each.erasable))


def find_texts(connection: Connection, text: str, limit: int = 500) -> list[Vanishing]:
    """The erasable values, of all entries, that contain a text, such as a person's name or telephone."""
    part = json.dumps(text, ensure_ascii=False)[1:-1].encode()
    held = disclosures
    query = select(held.c.seq).where(_contains(connection, part)).distinct().order_by(held.c.seq).limit(limit)
    ids = select(entries.c.event_id).where(entries.c.seq.in_(query))
    found = preview(connection, list(connection.execute(ids).scalars()))
    return [each for each in found if each.erasable and part in canonical.dump(each.value)]


def _contains(connection: Connection, part: bytes) -> ColumnElement[bool]:
    value = disclosures.c.value
    if connection.dialect.name == "postgresql":
        return func.position(literal(part, LargeBinary).op("IN")(value)) > 0
    return func.instr(value, part) > 0


def unlisted(connection: Connection, listed: Iterable[Listed]) -> list[Listed]:
    """The erasures in the ledger that are not listed: committed before the list was durable."""
    known = {each.erasure for each in listed}
    by = select(erasures.c.by_seq).distinct().order_by(erasures.c.by_seq)
    stored = ledger.read_stored(connection, list(connection.execute(by).scalars()))
    return [listed_of(each.event) for each in stored if each.event.id not in known]


def returned(connection: Connection, listed: Iterable[Listed]) -> list[tuple[Listed, Values]]:
    """What was erased once and stands here again, as after the restore of an older backup."""
    found: list[tuple[Listed, Values]] = []
    taken: set[tuple[str, str]] = set()
    for each in listed:
        values: list[tuple[str, tuple[str, ...]]] = []
        for event_id, pointers in each.values:
            seq = ledger.find_seq(connection, event_id)
            there = {} if seq is None else ledger.read_disclosures(connection, seq)
            back = tuple(name for name in pointers if name in there and (event_id, name) not in taken)
            taken |= {(event_id, name) for name in back}
            if back:
                values.append((event_id, back))
        if values:
            found.append((each, tuple(values)))
    return found


def again(listed: Listed, values: Values, occurred_at: str) -> dict[str, Any]:
    """The event by which an erasure is made again, as a program would send it; the same values give the same id."""
    parts = [{"event": event_id, "pointers": list(pointers)} for event_id, pointers in values]
    return {
        "id": str(uuid5(UUID(listed.erasure), canonical.dump(parts).decode())),
        "kind": "erasure",
        "occurred_at": occurred_at,
        "organisation": listed.organisation,
        "details": {"values": parts, "ground": listed.ground},
    }


def _find_stored(state: State, event_id: str) -> Stored | None:
    rows = state.events.of("event_id", event_id)
    found = ledger.read_stored(state.connection, [row["seq"] for row in rows])
    return found[0] if found else None
