"""Projection: from an entry of the ledger to the read tables, and from the whole ledger to all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import islice

from sqlalchemy import Connection, Table, delete, or_, select, update

from heji_trace import tables
from heji_trace.book import Entered, add_finding, change_stock
from heji_trace.effects import EFFECTS, batches_of_site, enter_index
from heji_trace.goods import enter_lines
from heji_trace.ledger import Stored
from heji_trace.prefetch import prefetch
from heji_trace.schemas import event_of
from heji_trace.settle import inherit, settle, unreach
from heji_trace.state import State
from heji_trace.suspect import Suspicion, suspicions

_WITHDRAWABLE = tuple(table for table in tables.PROJECTIONS if "withdrawn_seq" in table.c)
_REBUILD_GROUP = 1000


def apply(state: State, entered: Entered, suspected: list[Suspicion]) -> None:
    """All effects of one entry, warnings settled; `suspected` is what `sense.suspicions` found before."""
    enter_index(state, entered)
    if entered.event.kind == "correction":
        _correct(state, entered)
    else:
        _enter(state, entered, suspected)


def _enter(state: State, entered: Entered, suspected: list[Suspicion]) -> None:
    event = entered.event
    touched = enter_lines(state, entered, suspected)
    effect = EFFECTS.get(event.kind)
    if effect is not None:
        touched += effect(state, entered)
    settle(state, touched, entered.seq)
    for parent in dict.fromkeys(line.batch for line in event.inputs):
        for line in event.outputs:
            inherit(state, parent, line.batch, entered.seq)


def _correct(state: State, entered: Entered) -> None:
    """Withdraw the effects of what is corrected, then enter the replacement in the correction's own place."""
    seqs = [
        row["seq"]
        for event_id in entered.event.details["corrects"]
        for row in state.events.of("event_id", event_id)
    ]
    replacement = entered.event.details.get("replacement")
    event = None if replacement is None else event_of(replacement)
    # What the replacement makes again is never without a maker: no warning comes and goes with a slip of the pen.
    remade = frozenset(line.batch for line in event.outputs) if event else frozenset()
    state.write()
    undone = _withdraw(state, seqs, entered.seq, remade)
    settle(state, undone.touched, entered.seq)
    unreach(state, undone.children, entered.seq)
    for child in undone.children:
        # Another edge may still lead there, whose warnings and recalls it had from the withdrawn one.
        for edge in state.edges.of("child", child):
            inherit(state, edge["parent"], child, entered.seq)
    if event is not None:
        _enter(state, replace(entered, event=event), suspicions(state, event))
    _enter_shortages(state, undone.stock, entered.seq)


def _enter_shortages(state: State, before: Mapping[tuple[str, str, str], int], seq: int) -> None:
    """A finding for each stock that a correction left below nothing, or further below."""
    short: list[str] = []
    for (batch, holder, dimension), had in before.items():
        has = state.held_stock(batch, holder).get(dimension, 0)
        if has < min(had, 0):
            add_finding(state, seq, batch, "OVER_CONSUMPTION", {"short": -has, "dimension": dimension})
            short.append(batch)
    settle(state, short, seq)


@dataclass(frozen=True, slots=True)
class _Undone:
    """What a withdrawal concerns: batches to settle, batches that lost a parent, and stock held before it."""

    touched: list[str]
    children: list[str]
    stock: dict[tuple[str, str, str], int]


def _withdraw(state: State, seqs: list[int], by_seq: int, remade: frozenset[str]) -> _Undone:
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
    released = list(
        connection.execute(
            select(tables.holds.c.batch).where(tables.holds.c.released_seq.in_(seqs))
        ).scalars()
    )
    connection.execute(
        update(tables.holds).where(tables.holds.c.released_seq.in_(seqs)).values(released_seq=None)
    )
    children = _values(connection, tables.edges, "child", seqs)
    children += _values(connection, tables.recall_scope, "batch", seqs)
    changes = connection.execute(
        select(tables.stock_changes).where(
            tables.stock_changes.c.seq.in_(seqs), tables.stock_changes.c.withdrawn_seq.is_(None)
        )
    ).mappings()
    undone = [dict(change) for change in changes]
    for table in _WITHDRAWABLE:
        connection.execute(
            update(table)
            .where(table.c.seq.in_(seqs), table.c.withdrawn_seq.is_(None))
            .values(withdrawn_seq=by_seq)
        )
    state.forget()
    held = {
        (change["batch"], change["holder"], change["dimension"]): state.held_stock(
            change["batch"], change["holder"]
        ).get(change["dimension"], 0)
        for change in undone
        if change["state"] == "held"
    }
    for change in undone:
        change_stock(
            state, change["batch"], change["holder"], change["state"], change["dimension"], -change["amount"]
        )
    for batch in dict.fromkeys(touched):
        row = state.find_batch(batch)
        if row is not None and row["made_seq"] in seqs and batch not in remade:
            state.batches.change(row, kind="withdrawn", unknown_origin=1, made_seq=by_seq)
    return _Undone([*touched, *released], list(dict.fromkeys(children)), held)


def _unlabel(connection: Connection, seqs: list[int]) -> list[str]:
    """Undo bindings and voidings of codes; the batches that the codes lead or led to."""
    labels = tables.labels
    changed = or_(labels.c.bound_seq.in_(seqs), labels.c.voided_seq.in_(seqs))
    led = select(labels.c.batch).where(changed, labels.c.batch.is_not(None)).order_by(labels.c.batch)
    batches = list(connection.execute(led).scalars())
    connection.execute(update(labels).where(labels.c.bound_seq.in_(seqs)).values(bound_seq=None, batch=None))
    connection.execute(update(labels).where(labels.c.voided_seq.in_(seqs)).values(voided_seq=None))
    return batches


def _values(connection: Connection, table: Table, column: str, seqs: list[int]) -> list[str]:
    found = table.c[column]
    query = select(found).where(table.c.seq.in_(seqs), table.c.withdrawn_seq.is_(None), found.is_not(None))
    return list(connection.execute(query.distinct().order_by(found)).scalars())


def rebuild(connection: Connection, stored: Iterable[Stored], progress: Callable[[int], None]) -> None:
    """Empty all projections and make them again from the whole ledger, in its order.

    `progress` is told how many entries are done.
    """
    for table in tables.PROJECTIONS:
        connection.execute(delete(table))
    state = State(connection)
    source = iter(stored)
    done = 0
    while group := list(islice(source, _REBUILD_GROUP)):
        prefetch(state, [entry.event for entry in group])
        for entry in group:
            entered = Entered(entry.seq, entry.recorded_ms, entry.actor, entry.event)
            apply(state, entered, suspicions(state, entry.event))
        state.forget()
        done += len(group)
        progress(done)
