"""Days of goods that are repacked: who divides or mixes goods of one product makes them no fresher."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from heji_trace.corrections.withdrawal import in_parts
from heji_trace.events.event import Event
from heji_trace.judging.dated import best_before_told, shelf_facts
from heji_trace.known.said import said_by
from heji_trace.known.state import State
from heji_trace.store.gather import Row

REPACKING = frozenset({"collection", "grading", "packaging"})

_Days = dict[str, str | None]


def days_of(state: State, event: Event, product: str | None) -> _Days:
    """Best-before and use-by of what an event makes: as it states, else the earliest of the same product that went in."""
    stated = {name: event.details.get(name) for name in ("best_before", "use_by")}
    if any(stated.values()) or event.kind not in REPACKING or product is None:
        return stated
    rows = [row for line in event.inputs if (row := state.find_batch(line.batch))]
    same = [row for row in rows if row["product"] == product]
    facts = [shelf_facts(row, state.find_registered("product", product) or {}) for row in same]
    return {
        "best_before": _earliest(best_before_told(each) for each in facts),
        "use_by": _earliest(each.use_by for each in facts),
    }


def redate(state: State, batches: Iterable[str], by_seq: int) -> None:
    """After correction `by_seq`: what was repacked out of these batches, at any distance, takes over their days anew."""
    waiting = list(dict.fromkeys(batches))
    seen = set(waiting)
    while waiting:
        changed: list[str] = []
        for part in in_parts(state, waiting):
            children = {edge["child"]: edge for batch in part for edge in state.edges.of("parent", batch)}
            state.batches.load("batch", children)
            repacked = [row for child in children if (row := _repacked(state, child))]
            said = said_by(state, [row["made_seq"] for row in repacked])
            for row in repacked:
                event = said[row["made_seq"]]
                state.batches.load("batch", [line.batch for line in event.inputs])
                days = days_of(state, event, row["product"])
                if any(row[name] != day for name, day in days.items()):
                    state.batches.change(row, version=by_seq, **days)
                    changed.append(row["batch"])
        waiting = [batch for batch in changed if batch not in seen]
        seen.update(waiting)


def _repacked(state: State, batch: str) -> Row | None:
    row = state.find_batch(batch)
    return row if row is not None and row["kind"] in REPACKING and not row["unknown_origin"] else None


def _earliest(days: Iterable[date | None]) -> str | None:
    known = [day for day in days if day is not None]
    return min(known).isoformat() if known else None
