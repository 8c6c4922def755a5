"""Readings: one measured value told so that it is never a bare number, but stands against its limit."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from importlib.resources import files
from typing import Any

from heji_trace.judging.wording import Said, example_mark, name_said, said
from heji_trace.sentences import isolated

_NUMBER = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,12})?", re.ASCII)
_NOT_DETECTED = ("未检出", "nd", "n.d.", "not detected")


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of one analyte; `share` is how much of the limit it uses, in per cent, and `bar` the same up to 100.

    `is_example` says that the limit is example data, not verified against the edition in force.
    """

    analyte: str
    value: str
    unit: str
    limit: str | None
    edition: str | None
    share: int | None
    bar: int | None
    outcome: str | None
    is_example: bool
    sentence: Said

    @property
    def is_conforming(self) -> bool:
        """Whether it was judged, by a limit whose edition is named, and conforms.

        A number within its limit conforms where the laboratory states no outcome of its own.
        """
        is_judged = self.outcome == "conforming" or (self.outcome is None and self.share is not None)
        return self.edition is not None and is_judged and not self.is_beyond

    @property
    def is_beyond(self) -> bool:
        """Whether it fails by its stated outcome, or is a number above its limit whatever the outcome says."""
        if self.share is not None and self.limit is not None and Decimal(self.value) > Decimal(self.limit):
            return True
        return self.outcome in ("nonconforming", "positive")


def reading_of(row: Mapping[str, Any], *, is_example: bool) -> Reading:
    """The reading of one row of a testing event's results."""
    limit = row.get("limit")
    share = _share(row["value"], limit)
    return Reading(
        row["analyte"],
        row["value"],
        row.get("unit", ""),
        limit,
        row.get("edition"),
        share,
        None if share is None else min(share, 100),
        row.get("outcome"),
        is_example and limit is not None,
        _sentence(row, share, is_example=is_example and limit is not None),
    )


def is_beyond_method(method: str, commodity: str) -> bool:
    """Whether a rapid method was made for other goods than this commodity."""
    name = method.casefold()
    return any(
        any(word in name for word in row["method"])
        and not any(sign in commodity.casefold() for sign in row["commodities"])
        for row in _methods()
    )


@cache
def _methods() -> tuple[Mapping[str, list[str]], ...]:
    text = files(__package__).joinpath("screening.toml").read_text("utf-8")
    return tuple(tomllib.loads(text)["methods"])


def _share(value: str, limit: str | None) -> int | None:
    if limit is None or not _NUMBER.fullmatch(value) or not _NUMBER.fullmatch(limit) or not Decimal(limit):
        return None
    share = Decimal(value) / Decimal(limit) * 100
    return int(min(share, Decimal(9999)).to_integral_value(ROUND_HALF_UP))


def _sentence(row: Mapping[str, Any], share: int | None, *, is_example: bool) -> Said:
    unit, limit = row.get("unit", ""), row.get("limit")
    said_unit = isolated(unit)
    names = {
        "analyte": name_said(row["analyte"]),
        "value": f"{isolated(row['value'])} {said_unit}".strip(),
        "limit": f"{limit} {said_unit}".strip(),
        "share": share or "<1",
        "lod": f"{row.get('lod', '')} {said_unit}".strip(),
        "example": example_mark(is_example=is_example),
    }
    if row["value"].casefold() in _NOT_DETECTED or row["value"].startswith(("<", "＜")):
        suffix = "-lod" if row.get("lod") else ""
        return said(f"reading-not-detected{suffix}", **names)
    if share is None or limit is None:
        return said("reading-plain" if limit is None else "reading-beside-limit", **names)
    value = Decimal(row["value"])
    if unit in ("%", "％"):
        # An inhibition is positive at its threshold, a residue fails above its limit.
        return said(_threshold_key(value, Decimal(limit)), **names)
    return said("reading-limit-over" if value > Decimal(limit) else "reading-limit", **names)


def _threshold_key(value: Decimal, threshold: Decimal) -> str:
    if value == threshold:
        return "reading-threshold-at"
    return "reading-threshold-over" if value > threshold else "reading-threshold"
