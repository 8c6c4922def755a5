"""Whether the laboratory looked for what was used: 用什么药、检什么药."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from heji_trace.dossier.results import sample_rows
from heji_trace.dossier.uses import found_uses
from heji_trace.judging.facts import Raised
from heji_trace.known.state import State
from heji_trace.known.statements import stated
from heji_trace.ledger.ledger import read_stored
from heji_trace.tracing.trail import Trail


def scope_gap(state: State, trail: Trail) -> list[Raised]:
    """The pesticides used behind a batch that none of its public laboratory results looked for.

    A screening finds a class of substances and says nothing about single ones: without a laboratory's result nothing
    is said here.
    """
    return scope_gaps(state, [trail])[trail.batch]


def scope_gaps(state: State, trails: Iterable[Trail]) -> dict[str, list[Raised]]:
    """The same for many batches, the results read together."""
    formal: dict[str, list[int]] = {}
    used: dict[str, set[str]] = {}
    for trail in trails:
        formal[trail.batch] = found = _formal(state, trail)
        used[trail.batch] = _actives(state, trail) if found else set()
    seqs = {seq for batch, found in formal.items() if used[batch] for seq in found}
    tested = _analytes(state, sorted(seqs))
    return {batch: _missing(found, used[batch], tested) for batch, found in formal.items()}


def _formal(state: State, trail: Trail) -> list[int]:
    """The entries of the laboratory results that speak for the batch."""
    return [
        row["seq"]
        for each in sample_rows(state, trail.base)
        if (row := each.current) is not None and row["method_class"] == "formal"
    ]


def _actives(state: State, trail: Trail) -> set[str]:
    return {
        active
        for found in found_uses(state, list(trail.rows))
        if found.use.input_type == "pesticide"
        for active in found.use.actives
    }


def _missing(formal: Sequence[int], used: Iterable[str], tested: Mapping[int, set[str]]) -> list[Raised]:
    looked_for = {analyte for seq in formal for analyte in tested.get(seq, ())}
    missing = sorted(active for active in used if not any(_is_covered(active, each) for each in looked_for))
    if not missing:
        return []
    return [Raised("TEST_SCOPE_GAP", max(formal), {"actives": "、".join(missing)})]


def _analytes(state: State, seqs: Sequence[int]) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    for stored in read_stored(state.connection, seqs):
        results = stated(stored.event).details.get("results", ())
        found[stored.seq] = {result["analyte"] for result in results}
    return found


def _is_covered(active: str, analyte: str) -> bool:
    """A table of limits names isomers together: 氯氰菊酯和高效氯氰菊酯 is looked for under either name."""
    return active in analyte or analyte in active
