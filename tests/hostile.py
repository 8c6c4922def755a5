"""Texts meant to do harm, put into every place of every kind of event where people write freely, and told to the API."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from county import County
from heji_trace.events.kinds import KINDS, Field, Kind, parts_of
from heji_trace.events.kinds.examples import example_of
from heji_trace.events.kinds.fields import EventBody, FieldType, ListOf, Table, Text, TextMap
from heji_trace.events.schemas import parse_event

TURNS = 2
"""So many times is every kind told: in each of them another half of the texts stands in a place that is short."""
MOST_RUN = 2000
SHORTEST = 20

# Each begins and ends with letters that are written from right to left, which turn what stands beside them.
MARKUP = (
    "א<hit>ב",
    "א\"><hit x='ב",
    "א' hit='1ב",
    'א" hit="1ב',
    "א<script>hit=1</script>ב",
    "א<img src=x onerror=hit=1>ב",
    "א</title></style></textarea><script>hit=1</script>ב",
    "א<!--<![CDATA[ב",
    "א{{ 7*7 }}{% raw %}ב",
    "א${7*7}%(name)s{0}ב",
    "א&lt;b&gt;&amp;ב",
    "א\\\"\\'\\u003chit\\u003eב",
    "אjavascript:hit=1ב",
    "א12 34ב",
)
PLAIN = (
    "=cmd|'/C calc'!A1",
    "+1-2",
    "@SUM(1;2)",
    "-1+cmd|x!A1",
    "a\u200cb\u200dc\u200ed",
    "👨\u200d👩\u200d👧🏽🇨🇳",
    "e\u0301\u212b\uac00\u1112\u1161\u11ab",
    "\u0627\u200f12\u200f",
    "z\u0335\u0336\u0337\u0338\u0334",
)
# What may not be said anywhere, one way each; a line break may be where lines are asked for.
UNSAYABLE = (
    "a\0b",
    "a\u202eb",
    "a\u2066b",
    "a\u2028b",
    "a\u2029b",
    "a\ufeffb",
    "a\x9bb",
    "a\x1bb",
    "a\rb",
    "a\u200bb",
)


def hostile_text(number: int, turn: int, limit: int) -> str:
    """The text number so-and-so, filling `limit` where it is a run without a place to break."""
    is_markup = (number + turn) % 2 == 0
    pieces = MARKUP if is_markup else PLAIN
    at = (number + turn * 5) // 2 % len(pieces)
    # A place for fewer characters than one of them gets the next that fits.
    found = [piece for piece in (*pieces[at:], *pieces[:at]) if len(piece) <= limit]
    text = found[0]
    for piece in found[1:]:
        if len(text) + 1 + len(piece) <= limit // (1 if is_markup else 2):
            text += " " + piece
    if not is_markup:
        text += "W" * (min(limit, MOST_RUN) - len(text))
    return text


@dataclass
class Filling:
    """One event being filled by `write`, which gets a number and a limit; `placed` are its texts by RFC 6901 pointer."""

    write: Callable[[int, int], str]
    placed: dict[str, str] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=count)

    @property
    def said(self) -> dict[str, str]:
        """The texts as the record keeps them."""
        return {pointer: unicodedata.normalize("NFC", text) for pointer, text in self.placed.items()}

    def text(self, kind: Text, pointer: str) -> str:
        self.placed[pointer] = self.write(next(self._numbers), kind.limit)
        return self.placed[pointer]

    def event(self, kind: Kind, raw: dict[str, Any], pointer: str = "") -> None:
        """Fill every place of an event where people write freely, in rows and lists too."""
        parts = [part for part in parts_of(kind) if part.name != "kind"]
        self.members(parts, raw, pointer)
        details = raw.setdefault("details", {})
        self.members(kind.fields, details, f"{pointer}/details")
        if not details:
            del raw["details"]

    def members(self, fields: Iterable[Field], values: dict[str, Any], pointer: str) -> None:
        for each in fields:
            place = f"{pointer}/{each.name}"
            match each.type:
                case Text():
                    values[each.name] = self.text(each.type, place)
                case ListOf(item=Text() as item):
                    values[each.name] = [self.text(item, f"{place}/{at}") for at in range(2)]
                case Table(columns=tuple() as columns):
                    self.rows(each, columns, values, place)
                case Table(columns=TextMap() as columns) if each.name in values:
                    for at, row in enumerate(values[each.name]):
                        for name in row:
                            row[name] = self.text(Text(columns.limit), f"{place}/{at}/{name}")
                case EventBody() if each.name in values:
                    inner = values[each.name]
                    self.event(KINDS[inner["kind"]], inner, place)
                case _:
                    pass

    def rows(self, table: Field, columns: tuple[Field, ...], values: dict[str, Any], pointer: str) -> None:
        if not any(is_free(column.type) for column in columns):
            return
        if table.name not in values:
            values[table.name] = deepcopy(example_of(table, "zh"))
        for at, row in enumerate(values[table.name]):
            self.members(columns, row, f"{pointer}/{at}")


def is_free(kind: FieldType) -> bool:
    """Whether people write freely in a value of this type."""
    match kind:
        case Text() | ListOf(item=Text()):
            return True
        case _:
            return False


@dataclass
class Told:
    """An event that was told: its hostile texts by pointer, and which were refused, each with the problem's code."""

    event_id: str
    kind: str
    said: Mapping[str, str]
    refused: Mapping[str, str]


@dataclass
class Teller:
    """Tells every kind to the API, once a turn, with hostile texts in every place that is free."""

    county: County
    turn: int
    told: list[Told] = field(default_factory=list)

    def write(self, number: int, limit: int) -> str:
        return hostile_text(number, self.turn, limit)

    def name(self, what: str) -> str:
        return f"{what}-{self.turn}"

    def say(self, kind: str, who: str = "producer", *, hours_ago: float = 0, **parts: Any) -> str:
        """Post it with hostile texts; those that are refused are left as they were given, and written down."""
        base = self.county.raw(kind, who, hours_ago=hours_ago, **parts)
        filling = Filling(self.write)
        raw = deepcopy(base)
        filling.event(KINDS[kind], raw)
        refused: dict[str, str] = {}
        while (answer := self.county.post("/api/v1/events", raw, who)).status_code not in (200, 201):
            problem = answer.get_json()
            assert answer.status_code < 500, problem
            assert problem["detail_zh"], problem
            assert problem["detail_en"], problem
            if answer.status_code == 409 and problem.get("questions"):
                raw["acknowledged"] += [asked["code"] for asked in problem["questions"]]
                continue
            wrong = {each["pointer"]: each["code"] for each in problem.get("problems", ())}
            assert wrong, (kind, problem)
            assert set(wrong) <= set(filling.placed), (kind, problem)
            refused |= wrong
            for pointer in wrong:
                put_back(raw, base, pointer)
                del filling.placed[pointer]
        self.told.append(Told(base["id"], kind, filling.said, refused))
        return str(base["id"])

    def state(self, kind: str, who: str, **parts: Any) -> None:
        """Record it as the system does, by no door."""
        raw, filling = self.county.raw(kind, who, **parts), Filling(self.write)
        filling.event(KINDS[kind], raw)
        self.county.recorder.submit(parse_event(raw), self.county.authors[who])
        self.told.append(Told(raw["id"], kind, filling.said, {}))


def put_back(raw: Any, base: Any, pointer: str) -> None:
    """What the base says at the pointer; where it says nothing, the place is left out."""
    *way, last = pointer[1:].split("/")
    for step in way:
        raw = raw[int(step)] if isinstance(raw, list) else raw[step]
        try:
            base = base[int(step)] if isinstance(base, list) else base[step]
        except (KeyError, IndexError):
            base = {}
    if isinstance(raw, list):
        # As a whole: the base may have fewer items.
        raw[:] = base
    elif last in base:
        raw[last] = base[last]
    else:
        del raw[last]
