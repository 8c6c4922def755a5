"""Moments and days: the clock a door hands in, and the forms a moment has in the ledger and for people."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache

BEIJING = timezone(timedelta(hours=8), "Asia/Shanghai")

_EPOCH_DAY = date(1970, 1, 1).toordinal()
_DAY_MS = 86_400_000
_BEIJING_MS = BEIJING.utcoffset(None) // timedelta(milliseconds=1)
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Clock:
    """A wall clock and a monotonic one, in seconds; the ledger stops when the two part."""

    wall: Callable[[], float]
    monotonic: Callable[[], float]

    def now_ms(self) -> int:
        """Milliseconds since 1970 in UTC, truncated."""
        return int(self.wall() * 1000)


SYSTEM_CLOCK = Clock(time.time, time.monotonic)


def parse_moment(text: str) -> datetime:
    """An RFC 3339 moment with an offset; raises ValueError for anything else, a naive time included."""
    if not _MOMENT.fullmatch(text):
        raise ValueError(text)
    return datetime.fromisoformat(text)


def ms_of(moment: datetime) -> int:
    """Milliseconds since 1970 in UTC, truncated."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def moment_of(ms: int) -> datetime:
    """The moment in UTC of milliseconds since 1970."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)


@lru_cache(maxsize=256)
def dump_ms(ms: int) -> str:
    """`YYYY-MM-DDTHH:MM:SS.sssZ`, as entries carry it."""
    return moment_of(ms).strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"


def beijing_date(ms: int) -> date:
    """The calendar day in Beijing, by which intervals and expiry are judged."""
    return date.fromordinal(_EPOCH_DAY + (ms + _BEIJING_MS) // _DAY_MS)


def beijing_midnight_ms(day: date) -> int:
    """The moment at which a day begins in Beijing, in milliseconds since 1970."""
    return (day.toordinal() - _EPOCH_DAY) * _DAY_MS - _BEIJING_MS
