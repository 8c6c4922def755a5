"""Editions: whether the rows of a table can be read, so that nobody's goods are judged by a number that is none."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType

from heji_trace.errors import Problem
from heji_trace.judging.facts import Thresholds
from heji_trace.judging.intervals import MOST_DAYS, largest_number
from heji_trace.vocabulary.working_days import is_span

MOST_THRESHOLD = 100_000
_NO_DAYS = ("", "-", "—", "－", "/", "无")
_OTHER_THAN_DAYS = re.compile(
    r"[0-9][.．][0-9]|[0-9]\s*(?:h|小时|时|周|月|weeks?|months?)|[℃°度]", re.IGNORECASE
)

_Row = Mapping[str, str]


def unreadable_rows(table: str, rows: Sequence[_Row]) -> Iterator[Problem]:
    """The problems of an edition's rows, each with its pointer; tables that nothing is judged by yet have none."""
    check = _CHECKS.get(table)
    for at, row in enumerate(rows if check else ()):
        for name, code, names in check(row) if check else ():
            yield Problem(f"/details/rows/{at}/{name}" if name else f"/details/rows/{at}", code, names)


def parse_thresholds(rows: Sequence[_Row]) -> Thresholds:
    """The thresholds that the rows name; what cannot be read, in an older entry, leaves the default."""
    found = {row.get("name", ""): _whole(row.get("value", "")) for row in rows}
    known = Thresholds.__dataclass_fields__
    return Thresholds(**{name: value for name, value in found.items() if name in known and value is not None})


_Problems = Iterator[tuple[str, str, dict[str, object]]]


def _check_interval(row: _Row) -> _Problems:
    yield from _missing(row, ("active",), ("crop",), ("days",))
    yield from _long(row)


def _check_withdrawal(row: _Row) -> _Problems:
    yield from _missing(row, ("active", "drug"), ("species", "crop"), ("days",))
    yield from _long(row)


def _check_threshold(row: _Row) -> _Problems:
    yield from _missing(row, ("name",), ("value",))
    known = Thresholds.__dataclass_fields__
    if row.get("name") and row["name"] not in known:
        yield "name", "threshold-unknown", {"name": row["name"], "known": ", ".join(known)}
    elif row.get("value") and _whole(row["value"]) is None:
        yield "value", "edition-number", {"value": row["value"], "most": MOST_THRESHOLD}


def _check_holiday(row: _Row) -> _Problems:
    yield from _missing(row, ("day",), ("from",))
    if row.get("day") and row["day"] not in ("off", "working"):
        yield "day", "holiday-kind", {"value": row["day"]}
    if row.get("from") and not is_span(row):
        yield "from", "holiday-span", {}


_CHECKS: Mapping[str, Callable[[_Row], _Problems]] = MappingProxyType(
    {
        "intervals": _check_interval,
        "withdrawals": _check_withdrawal,
        "thresholds": _check_threshold,
        "holidays": _check_holiday,
    }
)


def _missing(row: _Row, *columns: Sequence[str]) -> _Problems:
    """Each of `columns` under one of its names."""
    for names in columns:
        if not any(row.get(name, "").strip() for name in names):
            yield "", "edition-column-missing", {"name": " / ".join(names)}


def _long(row: _Row) -> _Problems:
    text = row.get("days", "").strip()
    days = largest_number(text)
    if text in _NO_DAYS:
        return
    if days is None or _OTHER_THAN_DAYS.search(text):
        # Read as days, 60 hours would be two months, and 7.5 days a week.
        yield "days", "edition-days", {"value": text}
    elif days > MOST_DAYS:
        yield "days", "edition-number", {"value": text, "most": MOST_DAYS}


def _whole(text: str) -> int | None:
    digits = text.strip()
    is_number = digits.isascii() and digits.isdigit() and len(digits) <= len(str(MOST_THRESHOLD))
    return int(digits) if is_number and int(digits) <= MOST_THRESHOLD else None
