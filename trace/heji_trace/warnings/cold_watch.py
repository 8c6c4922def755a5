"""Transits without readings: what a logger that was read shows of the way, and where it shows nothing."""

from __future__ import annotations

from collections.abc import Sequence

from heji_trace.effects.watch import band_of, readings_of
from heji_trace.judging.cold_chain import MINUTE_MS, Reading, Stretch, find_gaps
from heji_trace.judging.facts import Raised, Thresholds
from heji_trace.known.state import State
from heji_trace.tracing.trail import moves_of


def transit_gaps(state: State, batch: str, thresholds: Thresholds) -> list[Raised]:
    """The longest stretch of a transit of the batch, from its shipping to its receipt, that no reading covers.

    Only goods with a storage band that are under way for longer than readings may be apart are concerned.
    """
    row = state.find_batch(batch)
    if row is None or band_of(state, row["product"]) is None:
        return []
    readings = _readings(state, batch)
    gaps: list[tuple[int, int]] = [
        ((gap.to_ms - gap.from_ms) // MINUTE_MS, seq)
        for seq, stretch in _transits(state, batch)
        for gap in find_gaps(readings, stretch, thresholds.cold_gap_minutes)
    ]
    if not gaps:
        return []
    minutes, seq = max(gaps)
    return [Raised("COLD_CHAIN_GAP", seq, {"minutes": minutes})]


def _readings(state: State, batch: str) -> Sequence[Reading]:
    return [
        reading
        for condition in state.conditions.of("batch", batch)
        for series in state.series.of("seq", condition["seq"])
        for reading in readings_of(series["data"])
    ]


def _transits(state: State, batch: str) -> list[tuple[int, Stretch]]:
    """Each receipt with the shipping before it that was on its way to the receiver."""
    under_way: dict[str, int] = {}
    found = []
    for move in sorted(moves_of(state, [batch]), key=lambda move: (move.occurred_ms, move.seq)):
        if move.kind == "shipping":
            under_way[move.to_organisation or move.holder] = move.occurred_ms
        elif move.kind == "receiving" and move.holder in under_way:
            found.append((move.seq, Stretch(under_way.pop(move.holder), move.occurred_ms)))
    return found
