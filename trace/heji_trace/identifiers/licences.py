"""Numbers that Chinese papers and packages carry: pesticides, seed, food producers, organisations.

Forms of pesticide registrations and unit codes after 农业部公告第 2579 号, of seed labels after 农业部令 2016 年第 6 号,
of SC numbers after 食品生产许可管理办法; they were not re-read in the official texts, so a form that does not fit is
no ground to refuse a number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from heji_trace.identifiers import checks

# 农药登记证号; PD84111-5 is the old form, F marks a repacked or packed product.
_REGISTRATION = re.compile(r"(PD|WP|LS|WL|EX)[0-9]{5,8}(-[0-9]{1,3})?(F[0-9]+(-[0-9]+)?)?")
_SC = re.compile(r"SC[0-9]{14}")
# Companies, households and co-operatives (9) and collectives (N): a resident's number never begins so.
_LIKELY_USCC = re.compile(r"[9N][123][0-9]{6}[0-9A-Z]{10}")
_SEED_UNIT = re.compile(r"[0-9A-Za-z]{1,20}")
_ADDRESS = re.compile(r"(https?://|www\.)", re.IGNORECASE)
_BLANKS = re.compile(r"\s+")

# Class, last six digits of the registration, maker, specification, random.
_UNIT_CODE = re.compile(r"(?<![0-9])([123])([0-9]{6})([123])([0-9]{3})([0-9]{21})(?![0-9])")

_CLASSES: Final = {"1": "PD", "2": "WP", "3": "LS"}
Maker = Literal["own", "contract", "repacked"]
_MAKERS: Final[dict[str, Maker]] = {"1": "own", "2": "contract", "3": "repacked"}


@dataclass(frozen=True, slots=True)
class PesticideUnit:
    """What the 32 digits of a pesticide package say; `registration_end` is the last six digits of the licence."""

    code: str
    registration_class: str
    registration_end: str
    maker: Maker
    specification: str


@dataclass(frozen=True, slots=True)
class Licence:
    """A number by kind: `uscc`, `sc` or `pesticide-registration`; `sound` is whether its check characters fit."""

    kind: Literal["uscc", "sc", "pesticide-registration"]
    number: str
    sound: bool


@dataclass(frozen=True, slots=True)
class SeedLabel:
    """The four lines of the QR code on a seed package."""

    variety: str
    company: str
    unit_code: str
    address: str


def find_seed_label(text: str) -> SeedLabel | None:
    """The four lines of a seed package: variety, producer, unit code of at most 20 characters, trace address."""
    lines = [line.strip() for line in text.strip().split("\n")]
    if len(lines) != 4 or not all(lines) or not _SEED_UNIT.fullmatch(lines[2]):
        return None
    return SeedLabel(*lines) if _ADDRESS.match(lines[3]) else None


def is_pesticide_registration(text: str) -> bool:
    """Whether the text has the form of a pesticide registration number, such as PD20080005 (it has no check digit)."""
    return _REGISTRATION.fullmatch(text) is not None


def find_pesticide_unit(text: str) -> PesticideUnit | None:
    """The unit code on a pesticide package, bare or inside the trace address that its QR code carries."""
    found = _UNIT_CODE.search(text)
    if found is None:
        return None
    kind, end, maker, specification, _ = found.groups()
    return PesticideUnit(found[0], _CLASSES[kind], end, _MAKERS[maker], specification)


def find_licence(text: str) -> Licence | None:
    """The licence or credit code that the text has the form of, blanks and lower case forgiven."""
    number = _BLANKS.sub("", text).upper()
    if is_pesticide_registration(number):
        return Licence("pesticide-registration", number, sound=True)
    if _SC.fullmatch(number):
        return Licence("sc", number, checks.is_sc_number(number))
    if checks.is_uscc(number):
        return Licence("uscc", number, sound=True)
    return Licence("uscc", number, sound=False) if _LIKELY_USCC.fullmatch(number) else None
