"""Whether the laboratory looked for what was used: 用什么药、检什么药."""

from __future__ import annotations

from heji_trace.ledger import read_stored
from heji_trace.results import sample_rows
from heji_trace.rules import Raised
from heji_trace.state import State
from heji_trace.trail import Trail
from heji_trace.uses import found_uses


def scope_gap(state: State, trail: Trail) -> list[Raised]:
    """The pesticides used behind a batch that none of its public laboratory results looked for.

    A screening finds a class of substances and says nothing about single ones: without a laboratory's result nothing
    is said here.
    """
    rows = [
        row
        for each in sample_rows(state, trail.base)
        if (row := each.current) is not None and row["method_class"] == "formal"
    ]
    if not rows:
        return []
    used = {
        active
        for found in found_uses(state, list(trail.rows))
        if found.use.input_type == "pesticide"
        for active in found.use.actives
    }
    tested = _analytes(state, [row["seq"] for row in rows]) if used else set()
    missing = sorted(active for active in used if not any(_is_covered(active, each) for each in tested))
    if not missing:
        return []
    seq = max(row["seq"] for row in rows)
    return [Raised("TEST_SCOPE_GAP", seq, {"actives": "、".join(missing)})]


def _analytes(state: State, seqs: list[int]) -> set[str]:
    found: set[str] = set()
    for stored in read_stored(state.connection, seqs):
        details = stored.event.details
        stated = (details.get("replacement") or {}).get("details", {}) or details
        found |= {result["analyte"] for result in stated.get("results", ())}
    return found


def _is_covered(active: str, analyte: str) -> bool:
    """A table of limits names isomers together: 氯氰菊酯和高效氯氰菊酯 is looked for under either name."""
    return active in analyte or analyte in active
