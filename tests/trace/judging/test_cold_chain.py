from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heji_trace.judging.cold_chain import (
    MINUTE_MS,
    Band,
    Limits,
    Reading,
    Stretch,
    find_band,
    find_excursion,
    find_gaps,
)

BAND = Band(Decimal(0), Decimal(5))
LIMITS = Limits(minutes=30, degrees=Decimal(5))


def series(*temperatures: str, every: int = 10) -> list[Reading]:
    return [Reading(at * every * MINUTE_MS, Decimal(each)) for at, each in enumerate(temperatures)]


@pytest.mark.parametrize(
    ("words", "low", "high"),
    [
        ("0–5 ℃", "0", "5"),
        ("0-5℃", "0", "5"),
        ("2～8 ℃", "2", "8"),
        ("-1 to 4", "-1", "4"),
        ("−1.5 至 4 度", "-1.5", "4"),
        ("0 ℃ - 4 ℃", "0", "4"),
        ("≤ -18 ℃", None, "-18"),
        ("-18 ℃以下", None, "-18"),
        ("<= -18°C", None, "-18"),
    ],
)
def test_the_words_of_a_product_are_read_as_a_band(words: str, low: str | None, high: str) -> None:
    assert find_band(words) == Band(None if low is None else Decimal(low), Decimal(high))


@pytest.mark.parametrize("words", ["", "阴凉干燥处", "冷藏", "5-0 ℃", "0–5 ℃ 或常温", "ambient"])
def test_words_that_name_no_band_are_not_judged(words: str) -> None:
    assert find_band(words) is None


def test_a_series_within_the_band_breaks_nothing() -> None:
    assert find_excursion(series("0", "3.5", "5"), BAND, LIMITS) is None


def test_an_excursion_that_is_short_and_small_is_tolerated() -> None:
    assert find_excursion(series("4", "6", "7", "6", "6", "4"), BAND, LIMITS) is None


def test_an_excursion_that_lasts_is_a_breach_with_its_peak() -> None:
    found = find_excursion(series("4", "6", "7", "6", "6", "6", "4"), BAND, LIMITS)
    assert found is not None
    manner, excursion = found
    assert (manner, excursion.minutes, excursion.peak) == ("long", 40, Decimal(7))


def test_two_short_excursions_are_not_one_long_one() -> None:
    assert find_excursion(series("6", "6", "6", "4", "6", "6", "6"), BAND, LIMITS) is None


@pytest.mark.parametrize("peak", ["10.1", "-5.1"])
def test_beyond_the_hard_limit_one_reading_is_enough_and_too_cold_counts(peak: str) -> None:
    found = find_excursion(series("4", peak, "4"), BAND, LIMITS)
    assert found is not None
    assert (found[0], found[1].peak) == ("hard", Decimal(peak))


def test_frozen_goods_cannot_be_too_cold() -> None:
    assert find_excursion(series("-40", "-18"), Band(None, Decimal(-18)), LIMITS) is None


def test_a_gap_is_a_stretch_without_reading_longer_than_allowed() -> None:
    stretch = Stretch(0, 120 * MINUTE_MS)
    readings = [Reading(at * MINUTE_MS, Decimal(3)) for at in (10, 20, 100)]
    assert find_gaps(readings, stretch, 60) == [Stretch(20 * MINUTE_MS, 100 * MINUTE_MS)]
    assert find_gaps([], stretch, 60) == [stretch]
    assert find_gaps([], Stretch(0, 60 * MINUTE_MS), 60) == []


MOMENTS = st.lists(st.integers(0, 600), max_size=30)


@given(MOMENTS, st.integers(1, 120))
def test_gaps_lie_in_order_inside_the_stretch_and_hold_no_reading(moments: list[int], most: int) -> None:
    readings = [Reading(at * MINUTE_MS, Decimal(3)) for at in moments]
    gaps = find_gaps(readings, Stretch(0, 600 * MINUTE_MS), most)
    for gap in gaps:
        assert gap.to_ms - gap.from_ms > most * MINUTE_MS
        assert not any(gap.from_ms < reading.at_ms < gap.to_ms for reading in readings)
    assert gaps == sorted(gaps, key=lambda gap: gap.from_ms)


@given(st.lists(st.integers(-300, 300), min_size=1, max_size=40), st.randoms(use_true_random=False))
def test_the_order_in_which_readings_come_changes_nothing(tenths: list[int], random: object) -> None:
    readings = series(*(str(Decimal(each) / 10) for each in tenths))
    shuffled = list(readings)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert find_excursion(shuffled, BAND, LIMITS) == find_excursion(readings, BAND, LIMITS)
