from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heji_trace.vocabulary.working_days import Calendar, parse_calendar

FRIDAY = date(2026, 5, 29)
ROWS = [
    {"from": "2026-06-01", "to": "2026-06-02", "day": "off"},
    {"from": "2026-06-06", "to": "", "day": "working"},
]


def test_weekends_are_left_out() -> None:
    assert Calendar().after(FRIDAY, 1) == date(2026, 6, 1)
    assert Calendar().after(FRIDAY, 10) == date(2026, 6, 12)
    assert Calendar().years == frozenset()


def test_a_holiday_is_left_out_and_a_weekend_that_makes_up_for_it_counts() -> None:
    calendar = parse_calendar(ROWS)
    assert calendar.after(FRIDAY, 1) == date(2026, 6, 3)
    assert calendar.after(FRIDAY, 4) == date(2026, 6, 6)
    assert calendar.years == {2026}


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"from": "五月一日", "to": "", "day": "off"},
        {"from": "2026-06-05", "to": "2026-06-01", "day": "off"},
        {"from": "2026-01-01", "to": "2026-12-31", "day": "off"},
        {"from": "2026-06-01", "to": "2026-06-01", "day": "maybe"},
    ],
)
def test_a_row_that_cannot_be_read_changes_nothing(row: dict[str, str]) -> None:
    assert parse_calendar([row]) == Calendar()


@given(st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.integers(1, 40))
def test_the_day_reached_is_a_working_day_with_as_many_behind_it(day: date, count: int) -> None:
    calendar = parse_calendar(ROWS)
    reached = calendar.after(day, count)
    between = [day + timedelta(days=at) for at in range(1, (reached - day).days + 1)]
    assert calendar.is_working(reached)
    assert sum(map(calendar.is_working, between)) == count
