"""GS1 data as scanners give it: element strings and Digital Links, read in two steps.

`parse_elements` and `find_link_elements` split the data; `problems_of` then says which values break a length, a
character set, a check digit or the calendar, so that a reader is shown what the code holds and what is wrong in it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from importlib.resources import files
from itertools import pairwise
from types import MappingProxyType
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from heji_trace.errors import InvalidEvent, Problem
from heji_trace.identifiers import checks

SEPARATOR: Final = "\x1d"
# GS1-128, DataBar, Data Matrix, QR Code and DotCode with FNC1 in first position.
GS1_SYMBOLOGIES: Final = frozenset({"]C1", "]e0", "]d2", "]Q3", "]J1"})

_SYMBOLOGY = re.compile(r"\][A-Za-z][0-9]")
_BRACKET = re.compile(r"\(([0-9]{2,4})\)")
_DIGITS = re.compile(r"[0-9]+")
_TEXT = re.compile(r"[!\"%&'()*+,\-./0-9:;<=>?A-Z_a-z]+")
_FORM = re.compile(r"([nx])([0-9]*)(?:(\.\.)([0-9]+))?")

KEY_LENGTHS: Final = {"gtin": 14, "gln": 13, "sscc": 18, "piece": 14}
_LINK_KEYS = {"00": (18,), "01": checks.GTIN_LENGTHS, "414": (13,), "417": (13,), "8006": (18,)}
_TWO_DIGIT = ("0", "1", "20", "21", "22", "30", "37", "9")
_THREE_DIGIT = ("23", "24", "25", "40", "41", "42", "71")


@dataclass(frozen=True, slots=True)
class Element:
    """One application identifier and its value, as read."""

    ai: str
    value: str


@dataclass(frozen=True, slots=True)
class Rule:
    """What the standard says of an application identifier; `sense` is how its value is told to people."""

    numeric: bool
    shortest: int
    longest: int
    separator: bool
    sense: str
    names: Mapping[str, str]


def _rule(row: Mapping[str, str | bool]) -> Rule:
    form = _FORM.fullmatch(str(row["form"]))
    if form is None:
        raise ValueError(row["form"])
    charset, low, span, high = form.groups()
    names = {language: str(row[language]) for language in ("zh", "en")}
    shortest = int(low or 1)
    return Rule(
        charset == "n",
        shortest,
        int(high) if span else shortest,
        bool(row["separator"]),
        str(row["sense"]),
        names,
    )


@cache
def _data() -> tuple[Mapping[str, Rule], Mapping[str, Mapping[str, str]]]:
    text = files(__package__).joinpath("application_identifiers.toml").read_text("utf-8")
    read = tomllib.loads(text)
    rules = {ai: _rule(row) for ai, row in read["elements"].items()}
    return MappingProxyType(rules), MappingProxyType(read["countries"])


def find_rule(ai: str) -> Rule | None:
    """The rule of an application identifier, `3103` being found under `310n`; None for one that food seldom has."""
    rules, _ = _data()
    return rules.get(ai) or (rules.get(f"{ai[:3]}n") if len(ai) == 4 else None)


def split_symbology(text: str) -> tuple[str, str]:
    """The symbology identifier in front, such as `]C1` (empty where there is none), and the rest."""
    found = _SYMBOLOGY.match(text)
    return (found[0], text[3:]) if found else ("", text)


def is_bracketed(text: str) -> bool:
    """Whether the text is an element string in its printed form, `(01)…(10)…`."""
    return _BRACKET.match(text) is not None


def _unreadable(at: int) -> InvalidEvent:
    return InvalidEvent([Problem("", "gs1-unreadable", {"at": at + 1})])


def parse_elements(text: str) -> tuple[Element, ...]:
    """The elements of an element string, FNC1 being U+001D, or of its printed form with parentheses.

    Values are not checked yet (`problems_of`). Raises InvalidEvent where no application identifier can be read.
    """
    if is_bracketed(text):
        parts = _BRACKET.split(text)
        return tuple(Element(ai, value.strip()) for ai, value in zip(parts[1::2], parts[2::2], strict=True))
    elements = []
    at = len(text) - len(text.lstrip(SEPARATOR))
    while at < len(text):
        element, at = _element_at(text, at)
        elements.append(element)
    if not elements:
        raise _unreadable(at)
    return tuple(elements)


def _element_at(text: str, at: int) -> tuple[Element, int]:
    ai = text[at : at + _identifier_length(text[at : at + 2])]
    if not _DIGITS.fullmatch(ai) or len(ai) < 2:
        raise _unreadable(at)
    start = at + len(ai)
    end = text.find(SEPARATOR, start)
    end = len(text) if end < 0 else end
    length = _fixed_length(ai)
    if length is not None:
        end = min(end, start + length)
    after = end + 1 if text[end : end + 1] == SEPARATOR else end
    return Element(ai, text[start:end]), after


def _identifier_length(first_two: str) -> int:
    if first_two.startswith(_TWO_DIGIT):
        return 2
    return 3 if first_two.startswith(_THREE_DIGIT) else 4


def _fixed_length(ai: str) -> int | None:
    if "31" <= ai[:2] <= "36":
        return 6
    rule = find_rule(ai)
    return rule.longest if rule and rule.shortest == rule.longest else None


def find_unmarked_elements(text: str) -> tuple[Element, ...] | None:
    """The elements of a string that a scanner sent without any mark of GS1: a GTIN under (01) first, no fault in any."""
    if not text.startswith("01") or not checks.is_gs1_key(text[2:16], (14,)):
        return None
    try:
        elements = parse_elements(text)
    except InvalidEvent:
        return None
    return None if problems_of(elements) else elements


def find_link_elements(url: str) -> tuple[Element, ...] | None:
    """The elements of an uncompressed GS1 Digital Link on any host, or None for another address.

    Raises InvalidEvent for a path that begins like one and cannot be read. The values are not checked yet.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    segments = [unquote(segment) for segment in parts.path.rstrip("/").split("/")]
    pairs = list(pairwise(segments))
    start = next((at for at, pair in enumerate(pairs) if _is_link_key(*pair)), None)
    if start is None:
        return None
    path = segments[start:]
    if len(path) % 2 or not all(find_rule(ai) for ai in path[::2]):
        raise InvalidEvent([Problem("", "gs1-bad-link", {"url": url})])
    query = [(ai, value) for ai, value in parse_qsl(parts.query, keep_blank_values=True) if find_rule(ai)]
    found = [Element(ai, value) for ai, value in [*zip(path[::2], path[1::2], strict=True), *query]]
    return tuple(Element(one.ai, one.value.zfill(14)) if one.ai == "01" else one for one in found)


def _is_link_key(ai: str, value: str) -> bool:
    return _DIGITS.fullmatch(value) is not None and len(value) in _LINK_KEYS.get(ai, ())


def parse_gtin(text: str) -> str:
    """A GTIN of 8, 12, 13 or 14 digits as 14 digits; raises InvalidEvent where the check digit does not fit."""
    if not checks.is_gs1_key(text, checks.GTIN_LENGTHS):
        raise InvalidEvent([Problem("", "bad-gtin", {"text": text})])
    return text.zfill(14)


def dump_elements(elements: Sequence[Element]) -> str:
    """The printed form, `(01)…(10)…`."""
    return "".join(f"({element.ai}){element.value}" for element in elements)


def problems_of(elements: Sequence[Element]) -> tuple[Problem, ...]:
    """What is wrong in the values; the pointer is the element's place, such as `/0`."""
    seen: dict[str, str] = {}
    problems = []
    for at, element in enumerate(elements):
        code = "gs1-twice" if seen.setdefault(element.ai, element.value) != element.value else _fault(element)
        if code:
            problems.append(Problem(f"/{at}", code, {"ai": element.ai, "value": element.value}))
    return tuple(problems)


def _fault(element: Element) -> str | None:
    rule = find_rule(element.ai)
    if rule is None:
        return None
    allowed = _DIGITS if rule.numeric else _TEXT
    if not allowed.fullmatch(element.value) or not rule.shortest <= len(element.value) <= rule.longest:
        return "gs1-bad-form"
    key = KEY_LENGTHS.get(rule.sense)
    if key and not checks.is_gs1_key(element.value[:key], (key,)):
        return "gs1-bad-check"
    try:
        dump_value(element, "en")
    except ValueError:
        return "gs1-bad-date" if rule.sense in ("date", "dates", "moment") else "gs1-bad-form"
    return None


def parse_date(text: str) -> date:
    """The day of YYMMDD in this century, DD = 00 being the month's last; raises ValueError off the calendar."""
    year, month, day = 2000 + int(text[:2]), int(text[2:4]), int(text[4:6])
    if day:
        return date(year, month, day)
    return date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1) if month else date(year, month, 1)


def element_name(ai: str, language: str) -> str | None:
    """What people call an application identifier in `language` ("zh" or "en"), or None for an unknown one."""
    rule = find_rule(ai)
    return rule.names[language] if rule else None


def dump_value(element: Element, language: str) -> str:
    """The value for people: dates as YYYY-MM-DD, measures with their unit, countries by name, else as it stands.

    Raises ValueError for a value that `problems_of` would report as off the calendar or cut short.
    """
    rule = find_rule(element.ai)
    sense, value = (rule.sense if rule else "text"), element.value
    if sense == "date":
        return parse_date(value).isoformat()
    if sense == "dates":
        return _dump_dates(value)
    if sense == "moment":
        return _dump_moment(value)
    if sense == "countries":
        return _dump_countries(value, language)
    if sense == "count":
        return str(int(value))
    if sense in ("kg", "m", "m²", "L", "m³", "price"):
        number = Decimal(int(value)).scaleb(-int(element.ai[3]))
        return f"{number:f}" if sense == "price" else f"{number:f} {sense}"
    return value


def _dump_dates(value: str) -> str:
    if len(value) not in (6, 12):
        raise ValueError(value)
    days = [parse_date(value[at : at + 6]).isoformat() for at in range(0, len(value), 6)]
    return " – ".join(days)


def _dump_moment(value: str) -> str:
    if len(value) % 2:
        raise ValueError(value)
    clock = [value[at : at + 2] for at in range(6, len(value), 2)]
    if any(int(part) > limit for part, limit in zip(clock, (23, 59, 59), strict=False)):
        raise ValueError(value)
    return f"{parse_date(value[:6])} {':'.join(clock) if len(clock) > 1 else clock[0] + ':00'}"


def _dump_countries(value: str, language: str) -> str:
    if len(value) % 3:
        raise ValueError(value)
    _, known = _data()
    codes = [value[at : at + 3] for at in range(0, len(value), 3)]
    return ", ".join(f"{known[code][language]} ({code})" if code in known else code for code in codes)
