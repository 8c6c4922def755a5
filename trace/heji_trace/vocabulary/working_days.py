"""Working days: Mondays to Fridays, less public holidays, with the weekends that are worked to make up for them.

Holidays are fixed anew each year by the State Council; they come from editions of the table `holidays`, whose rows
name `from`, `to` and `day`: "off" or "working". Where no edition speaks of a year, its weekends alone are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

_MOST_DAYS = 31


@dataclass(frozen=True, slots=True)
class Calendar:
    """Days off and weekends worked, by the editions that state them; `years` are those they speak of."""

    off: frozenset[date] = frozenset()
    working: frozenset[date] = frozenset()

    @property
    def years(self) -> frozenset[int]:
        """The years that are known."""
        return frozenset(day.year for day in self.off | self.working)

    def is_working(self, day: date) -> bool:
        """Whether people work on the day."""
        return day in self.working or (day.weekday() < 5 and day not in self.off)

    def after(self, day: date, count: int) -> date:
        """The day that is so many working days after `day`."""
        while count:
            day += timedelta(days=1)
            count -= self.is_working(day)
        return day


def parse_calendar(rows: Iterable[Mapping[str, str]]) -> Calendar:
    """The calendar of the rows of all editions; rows whose days cannot be read, or span over a month, are left out."""
    days: dict[str, set[date]] = {"off": set(), "working": set()}
    for row in rows:
        kind = row.get("day", "")
        if kind in days:
            days[kind].update(_span(row))
    return Calendar(frozenset(days["off"] - days["working"]), frozenset(days["working"]))


def is_span(row: Mapping[str, str]) -> bool:
    """Whether the days of a row can be read."""
    return bool(_span(row))


def _span(row: Mapping[str, str]) -> Sequence[date]:
    try:
        first = date.fromisoformat(row.get("from", ""))
        last = date.fromisoformat(row.get("to") or row.get("from", ""))
    except ValueError:
        return ()
    length = (last - first).days + 1
    return [first + timedelta(days=at) for at in range(length)] if 0 < length <= _MOST_DAYS else ()
