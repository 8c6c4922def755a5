"""Administrative divisions of China: codes of 2 to 12 digits, told as places."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
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
    known = _names()
    parts = [known[division[:length]] for length in _LENGTHS if division[:length] in known and len(division) >= length]
    if not parts:
        return {"zh": division, "en": division}
    return {"zh": "".join(zh for zh, _ in parts), "en": ", ".join(en for _, en in reversed(parts))}


def local_place_of(division: str) -> dict[str, str]:
    """The same without province and city, where there is something below them: 佛冈县高岗镇."""
    known = _names()
    parts = [known[division[:length]] for length in _LENGTHS[2:] if division[:length] in known]
    if not parts:
        return place_of(division)
    parts = list(dict.fromkeys(parts))
    return {"zh": "".join(zh for zh, _ in parts), "en": ", ".join(en for _, en in reversed(parts))}
