"""Projection: from an entry of the ledger to the read tables, and from the whole ledger to all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import islice

from sqlalchemy import Connection, delete

from heji_trace.corrections.rebinding import rebind_conditions
from heji_trace.corrections.resampled import judge_purposes
from heji_trace.corrections.restock import FOUND_OF_STOCK, restock
from heji_trace.corrections.retested import judge_instruments
from heji_trace.corrections.shelf import redate
from heji_trace.corrections.stopped import FOUND_OF_STOPS, judge_stops
from heji_trace.corrections.waited import judge_waits
from heji_trace.corrections.withdrawal import in_parts, withdraw
from heji_trace.effects.book import Entered, First
from heji_trace.effects.effects import EFFECTS, enter_index
from heji_trace.effects.settle import inherit, settle, unreach
from heji_trace.effects.suspect import suspicions
from heji_trace.effects.suspicion import Suspicion
from heji_trace.events.event import Event
from heji_trace.events.schemas import event_of
from heji_trace.known.prefetch import prefetch
from heji_trace.known.said import remember
from heji_trace.known.state import State
from heji_trace.ledger.ledger import Stored
from heji_trace.projection.goods import enter_lines
from heji_trace.store import tables

_REBUILD_GROUP = 1000


def apply(state: State, entered: Entered, suspected: list[Suspicion]) -> None:
    """All effects of one entry, warnings settled; `suspected` is what `sense.suspicions` found before."""
    if entered.event.kind == "correction":
        entered = replace(entered, first=_first_of(state, entered.event))
    enter_index(state, entered)
    remember(state, entered.seq, entered.event)
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


def _first_of(state: State, correction: Event) -> First | None:
    """What was said at first where the correction speaks; of several statements that it takes together, the newest."""
    rank = max((row["rank"] for row in state.corrected_by(correction)), default=None)
    row = None if rank is None else state.event_at(rank)
    return First(row["seq"], row["event_id"], row["occurred_ms"], row["recorded_ms"]) if row else None


def _as_said(entered: Entered, event: Event) -> Entered:
    """The replacement in a correction's place; one that leaves the time as it was first stated is recorded no later."""
    first = entered.first
    if first is None or first.occurred_ms != event.occurred_ms:
        return replace(entered, event=event)
    return replace(entered, event=event, recorded_ms=first.recorded_ms)


def _correct(state: State, entered: Entered) -> None:
    """Withdraw the effects of what is corrected, enter the replacement in its place, judge anew what rested on it."""
    seqs = [row["seq"] for row in state.corrected_by(entered.event)]
    replacement = entered.event.details.get("replacement")
    event = None if replacement is None else event_of(replacement)
    # What the replacement makes again is never without a maker: no warning comes and goes with a slip of the pen.
    remade = frozenset(line.batch for line in event.outputs) if event else frozenset()
    state.write()
    undone = withdraw(state, seqs, entered.seq, remade)
    for part in in_parts(state, undone.touched):
        settle(state, part, entered.seq)
    unreach(state, undone.children, entered.seq)
    for part in in_parts(state, undone.children):
        for child in part:
            # Another edge may still lead there, whose warnings and recalls it had from the withdrawn one.
            for edge in state.edges.of("child", child):
                inherit(state, edge["parent"], child, entered.seq)
    if event is not None:
        # What was there, and what stopped it, is found below, in its own place.
        found_below = FOUND_OF_STOCK | FOUND_OF_STOPS
        suspected = [each for each in suspicions(state, event) if each.code not in found_below]
        _enter(state, _as_said(entered, event), suspected)
    rebound = rebind_conditions(state, entered.rank, entered.seq)
    for part in in_parts(state, rebound):
        settle(state, part, entered.seq)
    judge_purposes(state, entered.seq)
    judge_instruments(state, entered.seq)
    judge_waits(state, entered.seq)
    judge_stops(state, undone.touched, entered.seq, event)
    lines = (*event.inputs, *event.outputs, *event.moves) if event else ()
    redate(state, [*undone.touched, *(line.batch for line in lines)], entered.seq)
    restock(state, [*undone.restocked, *(line.batch for line in lines)], entered.seq)


def rebuild(
    connection: Connection,
    stored: Iterable[Stored],
    progress: Callable[[int], None],
    ledger: Connection | None = None,
) -> None:
    """Empty all projections and make them again from the whole ledger, in its order.

    `progress` is told how many entries are done; `ledger` is where the ledger lies, if not beside the projections.
    """
    for table in tables.PROJECTIONS:
        connection.execute(delete(table))
    state = State(connection, ledger)
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
