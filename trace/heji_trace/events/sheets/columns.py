"""The columns of a sheet of one kind: which heading leads to which place in the event."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Final

from heji_trace.errors import InvalidEvent
from heji_trace.events.kinds import KINDS, Kind, parts_of
from heji_trace.events.kinds.envelope import PERMITTED
from heji_trace.events.kinds.fields import Amount, Field, Table
from heji_trace.events.kinds.forms import is_for_people
from heji_trace.events.sheets.cells import Cell, folded
from heji_trace.vocabulary.normal_forms import normal
from heji_trace.vocabulary.units import parse_unit

_BRACKETS = re.compile(r"\(([^()]*)\)$")
_UNASKED: Final = PERMITTED - {"note"}


@dataclass(frozen=True, slots=True)
class Column:
    """A place in the event, such as `("outputs", "quantity")`; of a table, one cell of the row it makes."""

    path: tuple[str, ...]
    field: Field
    table: Field | None
    zh: str
    en: str

    @property
    def table_path(self) -> tuple[str, ...]:
        """Where the table stands whose rows this column fills."""
        return self.path[:-1]


@cache
def columns_of(kind: Kind) -> tuple[Column, ...]:
    """All columns that a sheet of `kind` may have, with the headings that a template writes."""
    places = list(_places(kind))
    plain_zh = Counter(field.zh for _, field, _ in places)
    plain_en = Counter(field.en for _, field, _ in places)
    return tuple(
        Column(
            path,
            field,
            table,
            field.zh if table is None or plain_zh[field.zh] == 1 else table.zh + field.zh,
            field.en if table is None or plain_en[field.en] == 1 else f"{table.en} {field.en.lower()}",
        )
        for path, field, table in places
    )


def _places(kind: Kind) -> Iterator[tuple[tuple[str, ...], Field, Field | None]]:
    for part in parts_of(kind):
        if part.name not in _UNASKED:
            yield from _spread((part.name,), part)
    for field in kind.fields:
        if is_for_people(field):
            yield from _spread(("details", field.name), field)


def _spread(path: tuple[str, ...], field: Field) -> Iterator[tuple[tuple[str, ...], Field, Field | None]]:
    if isinstance(field.type, Table) and isinstance(field.type.columns, tuple):
        for column in field.type.columns:
            yield (*path, column.name), column, field
    else:
        yield path, field, None


def folded_heading(text: str) -> str:
    """A heading without what varies between writers: width, case, blanks, the star of a required column."""
    return re.sub(r"[\s*:_·.-]", "", normal("NFKC", text)).casefold()


@cache
def headings_of(kind: Kind) -> Mapping[str, Column]:
    """The column of each folded heading: first the template's own, then other names where they mean one column."""
    known: dict[str, Column] = {}
    times = {f"{word}{end}" for word in (kind.zh, *kind.also) for end in ("时间", "日期")}
    for names_of in (_own_names, _full_names, _other_names):
        claims: dict[str, list[Column]] = {}
        for column in columns_of(kind):
            is_time = column.path == ("occurred_at",) and names_of is _other_names
            names = {*names_of(column), *(times if is_time else ())}
            for name in {folded_heading(name) for name in names}:
                claims.setdefault(name, []).append(column)
        for name, claimed in claims.items():
            meant = [column for column in claimed if column.field.required] if len(claimed) > 1 else claimed
            if len(meant) == 1:
                known.setdefault(name, meant[0])
    return MappingProxyType(known)


def _own_names(column: Column) -> tuple[str, ...]:
    return column.zh, column.en, ".".join(column.path)


def _full_names(column: Column) -> tuple[str, ...]:
    if column.table is None:
        return column.field.zh, column.field.en
    names = (column.field.zh, *column.field.also)
    return (*(column.table.zh + name for name in names), f"{column.table.en} {column.field.en}")


def _other_names(column: Column) -> tuple[str, ...]:
    return column.field.zh, column.field.en, column.field.name, *column.field.also


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading that was understood; `unit` is the one it names in brackets, as in 数量（斤）."""

    column: Column
    text: str
    unit: str | None = None


def find_heading(kind: Kind, text: str) -> Heading | None:
    """What a heading of a sheet of `kind` means, or None."""
    known = headings_of(kind)
    if column := known.get(folded_heading(text)):
        return Heading(column, text)
    plain = normal("NFKC", text).strip()
    brackets = _BRACKETS.search(plain)
    if brackets is None:
        return None
    column = known.get(folded_heading(plain[: brackets.start()]))
    return None if column is None else Heading(column, text, find_unit(brackets[1]))


def find_unit(text: str) -> str | None:
    """The code of the unit that a text means, or None."""
    try:
        return parse_unit(text)
    except InvalidEvent:
        return None


def unit_beside(kind: Kind, column: Column) -> str | None:
    """The name of the field that says the unit of a quantity, or None where the column holds no such quantity."""
    *holder, name = column.path
    beside = {each.path[-1]: each for each in columns_of(kind) if each.path[:-1] == tuple(holder)}
    if name.endswith("quantity"):
        unit = name.removesuffix("quantity") + "unit"
        return unit if unit in beside else None
    return next((unit for unit, each in beside.items() if name in each.field.measures), None)


def plain_measure(column: Column, cell: Cell) -> Cell:
    """The cell without the unit that the column's own heading names: 3.5亩 under 面积（亩）."""
    if not isinstance(column.field.type, Amount):
        return cell
    text = folded(cell)
    for heading in (column.field.zh, column.field.en):
        unit = _BRACKETS.search(folded(heading))
        if unit and text.casefold().endswith(unit[1].casefold()):
            return text[: -len(unit[1])].strip() or cell
    return cell


@cache
def all_headings() -> frozenset[str]:
    """The folded headings of all kinds, by which a header is told from a title."""
    return frozenset(name for kind in KINDS.values() for name in headings_of(kind))


def find_kind(text: str) -> Kind | None:
    """The kind that a title, a sheet's name or a file's name speaks of: the longest name in it, if only one is longest."""
    plain = normal("NFKC", text).casefold()
    found = sorted(
        (
            (len(name), kind.name)
            for kind in KINDS.values()
            for name in (kind.name, kind.zh, kind.en.casefold(), *kind.also)
            if _stands_in(name, plain)
        ),
        reverse=True,
    )
    if not found:
        return None
    longest = {name for length, name in found if length == found[0][0]}
    return KINDS[longest.pop()] if len(longest) == 1 else None


def _stands_in(name: str, text: str) -> bool:
    """A Chinese name may stand anywhere, an English one only as a word: a wholesale list is no sale."""
    if not name.isascii():
        return name in text
    return re.search(rf"(?<![a-z]){re.escape(name)}(?![a-z])", text) is not None
