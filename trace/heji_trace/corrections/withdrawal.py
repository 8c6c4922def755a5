"""Withdrawal: the rows of entries that a correction takes back are marked, and what was summed up is undone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, or_, select, update

from heji_trace.effects.book import change_stock
from heji_trace.effects.effects import batches_of_site
from heji_trace.effects.suspect import OPENING_KINDS
from heji_trace.known.prefetch import prefetch_batches
from heji_trace.known.state import State
from heji_trace.store import tables

_WITHDRAWABLE = tuple(table for table in tables.PROJECTIONS if "withdrawn_seq" in table.c)
_SEQS_AT_ONCE = 1000
_BATCHES_AT_ONCE = 500

_Change = tuple[str, str, str, int]


@dataclass(frozen=True, slots=True)
class Undone:
    """What a withdrawal concerns: batches to settle, batches that lost a parent, and those whose stock it changed."""

    touched: list[str]
    children: list[str]
    restocked: list[str]


def withdraw(state: State, seqs: list[int], by_seq: int, remade: frozenset[str]) -> Undone:
    """Mark every row of `seqs` as withdrawn and undo what was summed up; `remade` batches get another maker."""
    connection = state.connection
    touched: list[str] = []
    for table, column in (
        (tables.lines, tables.lines.c.batch),
        (tables.holds, tables.holds.c.batch),
        (tables.recall_scope, tables.recall_scope.c.batch),
        (tables.labels, tables.labels.c.batch),
        (tables.conditions, tables.conditions.c.batch),
        (tables.conformity, tables.conformity.c.batch),
    ):
        touched += _values(connection, table, column.name, seqs)
    samples = _values(connection, tables.tests, "sample", seqs) + _values(
        connection, tables.samples, "sample", seqs
    )
    targets = [row["target"] for sample in samples for row in state.samples.of("sample", sample)]
    cycles = _values(connection, tables.applications, "cycle", seqs) + targets
    cycles += _values(connection, tables.register, "code", seqs)
    touched += targets
    touched += _unlabel(connection, seqs)
    for site in _values(connection, tables.environment, "site", seqs):
        touched += batches_of_site(state, site)
    touched += [row["batch"] for cycle in cycles for row in state.harvests.of("cycle", cycle)]
    released = _release(connection, seqs)
    children = _values(connection, tables.edges, "child", seqs)
    children += _values(connection, tables.recall_scope, "batch", seqs)
    changes = _stock_changes(connection, seqs)
    for table in _WITHDRAWABLE:
        for part in _parted(seqs):
            connection.execute(
                update(table)
                .where(table.c.seq.in_(part), table.c.withdrawn_seq.is_(None))
                .values(withdrawn_seq=by_seq)
            )
    state.forget()
    for batches in in_parts(state, changes):
        for batch in batches:
            for holder, place, dimension, amount in changes[batch]:
                change_stock(state, batch, holder, place, dimension, -amount)
    undone = frozenset(seqs)
    for batches in in_parts(state, touched):
        for batch in batches:
            row = state.find_batch(batch)
            if row is not None and row["made_seq"] in undone and batch not in remade:
                state.batches.change(row, **_facts_left(state, batch, by_seq))
    return Undone([*touched, *released], list(dict.fromkeys(children)), list(changes))


def _facts_left(state: State, batch: str, by_seq: int) -> dict[str, Any]:
    """What a batch is whose maker was taken back: as whoever received it first says, of unknown origin."""
    for line in state.lines.of("batch", batch):
        event = state.event_at(line["seq"])
        if event is not None and event["kind"] in OPENING_KINDS and line["product"] is not None:
            return {
                "kind": event["kind"],
                "product": line["product"],
                "organisation": line["holder"],
                "site": line["site"],
                "made_seq": line["seq"],
                "made_ms": event["occurred_ms"],
                "unknown_origin": 1,
                "batch_number": None,
                "best_before": None,
                "use_by": None,
            }
    return {"kind": "withdrawn", "unknown_origin": 1, "made_seq": by_seq}


def in_parts(state: State, batches: Iterable[str]) -> Iterator[list[str]]:
    """The batches in parts, each read beforehand and forgotten before the next: a correction may concern thousands."""
    listed = list(dict.fromkeys(batches))
    for start in range(0, len(listed), _BATCHES_AT_ONCE):
        if start:
            state.forget()
        part = listed[start : start + _BATCHES_AT_ONCE]
        prefetch_batches(state, part)
        yield part


def _stock_changes(connection: Connection, seqs: list[int]) -> dict[str, list[_Change]]:
    """What was added to stocks, by batch: holder, state, dimension and amount."""
    found: dict[str, list[_Change]] = {}
    changed = tables.stock_changes.c
    query = select(changed.batch, changed.holder, changed.state, changed.dimension, changed.amount)
    for part in _parted(seqs):
        asked = query.where(changed.seq.in_(part), changed.withdrawn_seq.is_(None))
        for batch, *change in connection.execute(asked.order_by(changed.seq, changed.position)):
            found.setdefault(batch, []).append((*change,))
    return found


def _release(connection: Connection, seqs: list[int]) -> list[str]:
    """Undo the ends of holds; the batches that are held again."""
    batches: list[str] = []
    for part in _parted(seqs):
        ended = tables.holds.c.released_seq.in_(part)
        batches += connection.execute(select(tables.holds.c.batch).where(ended)).scalars()
        connection.execute(update(tables.holds).where(ended).values(released_seq=None))
    return batches


def _unlabel(connection: Connection, seqs: list[int]) -> list[str]:
    """Undo bindings and voidings of codes; the batches that the codes lead or led to."""
    labels = tables.labels
    batches: list[str] = []
    for part in _parted(seqs):
        changed = or_(labels.c.bound_seq.in_(part), labels.c.voided_seq.in_(part))
        led = select(labels.c.batch).where(changed, labels.c.batch.is_not(None)).order_by(labels.c.batch)
        batches += connection.execute(led).scalars()
        connection.execute(
            update(labels).where(labels.c.bound_seq.in_(part)).values(bound_seq=None, batch=None)
        )
        connection.execute(update(labels).where(labels.c.voided_seq.in_(part)).values(voided_seq=None))
    return batches


def _values(connection: Connection, table: Table, column: str, seqs: list[int]) -> list[str]:
    found = table.c[column]
    values: list[str] = []
    for part in _parted(seqs):
        query = select(found).where(
            table.c.seq.in_(part), table.c.withdrawn_seq.is_(None), found.is_not(None)
        )
        values += connection.execute(query.distinct().order_by(found)).scalars()
    return list(dict.fromkeys(values))


def _parted(seqs: list[int]) -> Iterator[list[int]]:
    """PostgreSQL takes 65,535 values in a statement, and an import has more."""
    for start in range(0, len(seqs), _SEQS_AT_ONCE):
        yield seqs[start : start + _SEQS_AT_ONCE]
