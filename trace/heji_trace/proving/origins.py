"""Names of logs: a log that goes on after a restore has the name of the one before, with the next number."""

from __future__ import annotations

import re
from collections.abc import Iterable

_NUMBERED = re.compile(r"(?P<stem>.+?)(?:-(?P<number>[1-9]\d{0,5}))?", re.ASCII)


def next_origin(origin: str, taken: Iterable[str]) -> str:
    """The name under which a log goes on: `host/log` -> `host/log-2` -> `host/log-3`, past every name already taken."""
    stem, number = _split(origin)
    numbers = [other for other_stem, other in map(_split, taken) if other_stem == stem]
    return f"{stem}-{max([number, *numbers]) + 1}"


def goes_on(before: str, now: str) -> bool:
    """Whether `now` is a name under which the log called `before` goes on."""
    (stem, number), (later_stem, later) = _split(before), _split(now)
    return stem == later_stem and later > number


def _split(origin: str) -> tuple[str, int]:
    found = _NUMBERED.fullmatch(origin)
    if not found:
        return origin, 1
    return found["stem"], int(found["number"] or 1)
