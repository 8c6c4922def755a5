"""Days of goods that were repacked, after a correction of what they were made of."""

from __future__ import annotations

from collections.abc import Iterable

from heji_trace.corrections.withdrawal import in_parts
from heji_trace.effects.repacked import REPACKING, days_of
from heji_trace.known.said import said_by
from heji_trace.known.state import State
from heji_trace.store.gather import Row


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
