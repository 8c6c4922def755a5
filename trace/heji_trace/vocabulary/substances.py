"""The names of active substances and analytes in both languages, from `substances.toml`."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files


def find_english(name: str) -> str | None:
    """What a substance with this Chinese name is called in English; None where the table does not know it."""
    return _names().get(name)


@cache
def _names() -> dict[str, str]:
    return tomllib.loads(files(__package__).joinpath("substances.toml").read_text("utf-8"))
