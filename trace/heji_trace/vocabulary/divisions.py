"""Administrative divisions of China: codes of 2 to 12 digits, told as places."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

_LENGTHS = (2, 4, 6, 9)


@cache
def _names() -> Mapping[str, tuple[str, str]]:
    text = files(__package__).joinpath("divisions.toml").read_text("utf-8")
    return {code: (zh, en) for table in tomllib.loads(text).values() for code, (zh, en) in table.items()}


def place_of(division: str) -> dict[str, str]:
    """The place of a division code in both languages, from the province down: 广东省清远市佛冈县高岗镇.

    A code that is not listed is told by what lies above it, and by itself where nothing does.
    """
    return _told(division, _LENGTHS) or {"zh": division, "en": division}


def local_place_of(division: str) -> dict[str, str]:
    """The same without province and city, where there is something below them: 佛冈县高岗镇."""
    return _told(division, _LENGTHS[2:]) or place_of(division)


def _told(division: str, lengths: Sequence[int]) -> dict[str, str] | None:
    known = _names()
    prefixes = [division[:length] for length in lengths if length <= len(division)]
    parts = [known[prefix] for prefix in prefixes if prefix in known]
    if not parts:
        return None
    return {"zh": "".join(zh for zh, _ in parts), "en": ", ".join(en for _, en in reversed(parts))}
