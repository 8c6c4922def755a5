"""Days of goods that are repacked: who divides or mixes goods of one product makes them no fresher."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from heji_trace.events.event import Event
from heji_trace.judging.dated import best_before_told, shelf_facts
from heji_trace.known.state import State

REPACKING = frozenset({"collection", "grading", "packaging"})

Days = dict[str, str | None]


def days_of(state: State, event: Event, product: str | None) -> Days:
    """Best-before and use-by of what an event makes: as it states, else the earliest of the same product that went in."""
    stated = {name: event.details.get(name) for name in ("best_before", "use_by")}
    return stated if any(stated.values()) else days_of_sources(state, event, product)


def days_of_sources(state: State, event: Event, product: str | None) -> Days:
    """The earliest days of the same product that went into what is repacked; none where nothing is repacked."""
    if event.kind not in REPACKING or product is None:
        return {"best_before": None, "use_by": None}
    rows = [row for line in event.inputs if (row := state.find_batch(line.batch))]
    same = [row for row in rows if row["product"] == product]
    facts = [shelf_facts(row, state.find_registered("product", product) or {}) for row in same]
    return {
        "best_before": _earliest(best_before_told(each) for each in facts),
        "use_by": _earliest(each.use_by for each in facts),
    }


def _earliest(days: Iterable[date | None]) -> str | None:
    known = [day for day in days if day is not None]
    return min(known).isoformat() if known else None
