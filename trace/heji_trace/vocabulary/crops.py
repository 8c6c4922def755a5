"""Crops and the groups that tables name instead of them: 菜心 is a leaf vegetable, and a vegetable.

The groups stand in `crops.toml`, with source and flag; they decide nothing where a table names the crop itself.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any


# What people write down is asked again for each line of a table and of a bulk; and there is no end of what they write.
@lru_cache(maxsize=4096)
def is_same_crop(listed: str, asked: str) -> bool:
    """Whether a table's name of a crop, often "荔枝 litchi", means the asked one: as a whole, a word of it, or a synonym."""
    names = _synonyms().get(asked, frozenset((asked,)))
    return listed in names or not names.isdisjoint(listed.split())


def is_group(listed: str, names: frozenset[str]) -> bool:
    """Whether a table's name, often "叶菜 leafy vegetables", is one of a group's."""
    return listed in names or not names.isdisjoint(listed.split())


@lru_cache(maxsize=1024)
def is_kindred(one: str, other: str) -> bool:
    """Whether two names can mean goods of one kind: of one crop or group, or names with a word or sign in common.

    Of two crops that stand in the table it is known whether they are one.
    """
    if is_same_crop(one, other) or is_same_crop(other, one) or _are_grouped(one, other):
        return True
    if one in _synonyms() and other in _synonyms():
        return False
    names, others = ({*_signs(name), *_signs(*_group_names(name))} for name in (one, other))
    return not (names and others) or not names.isdisjoint(others)


def _are_grouped(one: str, other: str) -> bool:
    return any(
        is_group(name, group) for name, asked in ((one, other), (other, one)) for group in groups_of(asked)
    )


def _group_names(crop: str) -> list[str]:
    return [name for group in groups_of(crop) for name in group]


def _signs(*names: str) -> set[str]:
    """Chinese signs one by one, what is written in letters by words."""
    text = " ".join(names).casefold()
    return {sign for sign in text if sign.isalnum() and not sign.isascii()} | set(
        re.findall(r"[a-z]{3,}", text)
    )


def find_crop_english(crop: str) -> str | None:
    """What a crop, or a group of them, is called in English; None where the table does not say."""
    named = [*_synonyms().get(crop, ()), *(name for row in _named(crop) for name in row["names"])]
    return next((name for name in named if name.isascii()), None)


@lru_cache(maxsize=1024)
def groups_of(crop: str) -> tuple[frozenset[str], ...]:
    """The names of each group that the crop belongs to, the narrowest group first; empty for a crop unknown here.

    People who keep 鸡 name what is itself a group.
    """
    found: list[frozenset[str]] = []
    known = {row["names"][0]: row for row in _groups()}
    waiting = [row for row in known.values() if any(crop in names for names in row["crops"])]
    waiting += _named(crop)
    for row in waiting:
        found.append(frozenset(row["names"]))
        wider = row.get("within")
        if wider is not None and known[wider] not in waiting:
            waiting.append(known[wider])
    return tuple(found)


def _named(crop: str) -> list[dict[str, Any]]:
    return [row for row in _groups() if crop in row["names"]]


@cache
def _synonyms() -> dict[str, frozenset[str]]:
    # The English name of a crop stands last, and alone is ASCII.
    return {name: frozenset(names) for row in _groups() for names in row["crops"] for name in names}


@cache
def _groups() -> tuple[dict[str, Any], ...]:
    text = files(__package__).joinpath("crops.toml").read_text("utf-8")
    return tuple(tomllib.loads(text)["groups"])
