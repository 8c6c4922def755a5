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
from heji_trace.vocabulary.normal_forms import normal

_NUMBER = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,12})?", re.ASCII)
_BELOW = re.compile(rf"(?:<=?|≤)\s*({_NUMBER.pattern})", re.ASCII)
_BEYOND = re.compile(rf"(?:>=?|≥)\s*{_NUMBER.pattern}", re.ASCII)
_NOT_DETECTED = ("未检出", "nd", "n.d.", "not detected")
_CLEAN = (*_NOT_DETECTED, "阴性", "阴性(-)", "negative")


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of one analyte; `share` is how much of the limit it uses, in per cent, and `bar` the same up to 100.

    `is_example` says that the limit is example data, not verified against the edition in force; `is_comparable` that the
    value can be held against the limit: it is a number, or the method would have seen as much as the limit allows.
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
    is_comparable: bool
    sentence: Said

    @property
    def is_conforming(self) -> bool:
        """Whether it was judged, by a limit whose edition is named, and conforms.

        A number within its limit conforms where the laboratory states no outcome of its own. What cannot be held against
        its limit conforms by nobody's word.
        """
        is_judged = self.outcome == "conforming" or (self.outcome is None and self.share is not None)
        return self.edition is not None and is_judged and self.is_comparable and not self.is_beyond

    @property
    def is_beyond(self) -> bool:
        """Whether it fails by its stated outcome, or is a number above its limit whatever the outcome says."""
        return is_above(self.value, self.limit) or self.outcome in ("nonconforming", "positive")


def is_above(value: str, limit: str | None) -> bool:
    """Whether a value is a number above its limit."""
    number = number_of(value)
    return number is not None and limit is not None and number > Decimal(limit)


def number_of(value: str) -> Decimal | None:
    """The number of a value as laboratories write it, in full-width digits too; None where it is no plain number."""
    plain = _plain(value)
    return Decimal(plain) if _NUMBER.fullmatch(plain) else None


def is_garbled(value: str) -> bool:
    """Whether a value has digits and is neither a number nor a bound, such as `0,5` or `0.5 mg/kg`; per cent may stand by it."""
    plain = _plain(value).removesuffix("%").rstrip()
    is_readable = any(form.fullmatch(plain.removeprefix("-")) for form in (_NUMBER, _BELOW, _BEYOND))
    return any(sign.isdigit() for sign in plain) and not is_readable


def reading_of(row: Mapping[str, Any], *, is_example: bool, is_screening: bool = False) -> Reading:
    """The reading of one row of a testing event's results; a screening's per cent are an inhibition."""
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
        _is_comparable(row),
        _sentence(row, share, is_example=is_example and limit is not None, is_screening=is_screening),
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


def _plain(value: str) -> str:
    return normal("NFKC", value).strip().casefold()


def _bound(value: str) -> str | None:
    """The detection limit that a value such as `<0.005` names."""
    below = _BELOW.fullmatch(_plain(value))
    return below[1] if below else None


def _is_comparable(row: Mapping[str, Any]) -> bool:
    """Whether a value can be held against its limit.

    A method whose limit of quantification lies above the limit cannot tell; where nothing may be found at all, what
    a method can see is what counts.
    """
    limit = row.get("limit")
    if limit is None:
        return True
    value, bound = row["value"], _bound(row["value"])
    if number_of(value) is None and bound is None and _plain(value) not in _CLEAN:
        return False
    return not Decimal(limit) or not _is_blind(row, bound)


def _is_blind(row: Mapping[str, Any], bound: str | None) -> bool:
    seen = [Decimal(each) for each in (row.get("lod"), row.get("loq"), bound) if each]
    return bool(seen) and max(seen) > Decimal(row["limit"])


def _share(value: str, limit: str | None) -> int | None:
    number = number_of(value)
    if number is None or limit is None or not _NUMBER.fullmatch(limit) or not Decimal(limit):
        return None
    share = number / Decimal(limit) * 100
    return int(min(share, Decimal(9999)).to_integral_value(ROUND_HALF_UP))


def _sentence(row: Mapping[str, Any], share: int | None, *, is_example: bool, is_screening: bool) -> Said:
    unit, limit, bound = row.get("unit", ""), row.get("limit"), _bound(row["value"])
    said_unit = isolated(unit)
    lod = row.get("lod") or bound
    names = {
        "analyte": name_said(row["analyte"]),
        "value": f"{isolated(row['value'])} {said_unit}".strip(),
        "limit": f"{limit} {said_unit}".strip(),
        "share": share or "<1",
        "lod": f"{lod} {said_unit}".strip(),
        "loq": f"{row.get('loq') or lod} {said_unit}".strip(),
        "example": example_mark(is_example=is_example),
    }
    if bound is not None or _plain(row["value"]) in _NOT_DETECTED:
        if limit is not None and Decimal(limit) and _is_blind(row, bound):
            return said("reading-unfit", **names)
        return said("reading-not-detected-lod" if lod else "reading-not-detected", **names)
    if limit is None:
        return said("reading-plain", **names)
    if share is None:
        above = is_above(row["value"], limit)
        return said("reading-above" if above else "reading-beside-limit", **names)
    value = number_of(row["value"]) or Decimal(0)
    if is_screening and unit in ("%", "％"):
        # An inhibition is positive at its threshold, a residue fails above its limit.
        return said(_threshold_key(value, Decimal(limit)), **names)
    return said("reading-limit-over" if value > Decimal(limit) else "reading-limit", **names)


def _threshold_key(value: Decimal, threshold: Decimal) -> str:
    if value == threshold:
        return "reading-threshold-at"
    return "reading-threshold-over" if value > threshold else "reading-threshold"
