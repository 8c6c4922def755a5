"""Shifting: the files tell of fixed days, the demonstration takes place in the weeks before it is built."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
# 2026-06-12, alone or before a time, and the 20260612 inside LZ20260612-01.
_DAY = re.compile(r"(?<![0-9])(20[0-9]{2})(-?)(0[1-9]|1[0-2])\2(0[1-9]|[12][0-9]|3[01])(?![0-9])")


def shift(value: Any, days: int) -> Any:
    """A JSON value with every day in its texts moved by whole `days`; numbers that are no days stay."""
    match value:
        case str():
            return shift_text(value, days)
        case list():
            return [shift(each, days) for each in value]
        case dict():
            return {name: shift(each, days) for name, each in value.items()}
        case _:
            return value


def shift_text(text: str, days: int) -> str:
    """The text with its days moved; ids stay, as the same file always makes the same ones."""
    return text if _UUID.fullmatch(text) else _DAY.sub(lambda found: _shifted(found, days), text)


def _shifted(found: re.Match[str], days: int) -> str:
    year, dash, month, day = found.groups()
    try:
        moved = date(int(year), int(month), int(day)) + timedelta(days=days)
    except ValueError:
        return found[0]
    return moved.strftime(f"%Y{dash}%m{dash}%d")
