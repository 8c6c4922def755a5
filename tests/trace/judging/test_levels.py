from __future__ import annotations

from heji_trace.judging.levels import INHERITED, LEVELS, LOUDNESS, STOPPING


def test_every_code_that_spreads_or_stops_has_a_level() -> None:
    assert {*INHERITED, *INHERITED.values(), *STOPPING} <= set(LEVELS)
    assert {level for each in LEVELS.values() for level in (each.consumer, each.regulator)} <= set(LOUDNESS)
