"""Rows of a sheet become raw events: one each, or one of consecutive rows that belong together."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from heji_trace.errors import Problem
from heji_trace.events.kinds import Kind
from heji_trace.events.sheets.cells import is_blank, plain_text, read_cell, split_quantity
from heji_trace.events.sheets.columns import Heading, find_kind, find_unit, plain_measure, unit_beside
from heji_trace.events.sheets.grids import GridRow

# More than any kind's tables may have; a whole sheet under one number must not become one event in memory.
_MOST_LINES = 5000


@dataclass(frozen=True, slots=True)
class Row:
    """A raw event, the lines it was read from, and where its values stood: pointer -> line and heading."""

    event: dict[str, Any]
    lines: tuple[int, ...]
    places: Mapping[str, tuple[int, str]]
    problems: tuple[Problem, ...] = ()


def cells_of(headings: Sequence[Heading | None], row: GridRow) -> Iterator[tuple[Heading, Any]]:
    """The filled cells of a row that stand under a heading, with it."""
    for heading, cell in zip(headings, row.cells, strict=False):
        if heading and not is_blank(cell):
            yield heading, cell


def grouped(headings: Sequence[Heading | None], body: Iterable[GridRow]) -> Iterator[list[GridRow]]:
    """Rows that make one event: with the same key as the row before, or filling a table's columns alone."""
    group: list[GridRow] = []
    last_key = None
    for row in body:
        filled = list(cells_of(headings, row))
        key = next((plain_text(cell) for heading, cell in filled if heading.column.path == ("id",)), None)
        continues = bool(filled) and all(heading.column.table for heading, _ in filled)
        if group and (continues or (key is not None and key == last_key)) and len(group) < _MOST_LINES:
            group.append(row)
        else:
            if group:
                yield group
            group, last_key = [row], key
    if group:
        yield group


_Cells = dict[str, tuple[Any, str]]
"""A row of a table while it is read: value and heading by the column's name."""


@dataclass(frozen=True, slots=True)
class _Brought:
    """A unit that a quantity under `heading` brings along, for the field `name`; `text` is where people wrote it."""

    heading: Heading
    name: str
    unit: str
    text: str


class _Reading:
    """An event while its rows are read."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.event: dict[str, Any] = {"kind": kind.name}
        self.places: dict[str, tuple[int, str]] = {}
        self.problems: list[Problem] = []

    def holder(self, path: tuple[str, ...]) -> dict[str, Any]:
        """The object that holds the last step of `path`: the event, or its details."""
        holder: dict[str, Any] = self.event.setdefault("details", {}) if len(path) > 1 else self.event
        return holder

    def set(self, path: tuple[str, ...], value: Any, line: int, heading: str) -> None:
        """A value outside tables; a later row of the event may repeat it, or add to a list, but not change it."""
        holder, name, pointer = self.holder(path), path[-1], "/" + "/".join(path)
        self.places.setdefault(pointer, (line, heading))
        if name not in holder:
            holder[name] = value
        elif isinstance(value, list) and isinstance(holder[name], list):
            holder[name] += [each for each in value if each not in holder[name]]
        elif holder[name] != value:
            self.problems.append(Problem(pointer, "differs-in-group", {}, line, heading))

    def bring(self, brought: _Brought, cells: _Cells | None, line: int) -> None:
        """Take the unit that a quantity brings along, where no column says it; `cells` are its row of a table."""
        path, heading = brought.heading.column.path, brought.heading.text
        if cells is not None:
            said, _ = cells.setdefault(brought.name, (brought.unit, heading))
        else:
            said = self.holder(path).get(brought.name)
            if said is None:
                self.set((*path[:-1], brought.name), brought.unit, line, heading)
        # One that nobody knows is a problem of its own cell.
        if said is not None and find_unit(said) not in (None, brought.unit):
            names: dict[str, object] = {"own": brought.text[:60], "column": said[:60]}
            self.problems.append(Problem("/" + "/".join(path), "units-differ", names, line, heading))

    def add(self, path: tuple[str, ...], cells: _Cells, line: int) -> None:
        """One row of a table: its values and their headings by column name."""
        rows = self.holder(path).setdefault(path[-1], [])
        pointer = f"/{'/'.join(path)}/{len(rows)}"
        rows.append({name: value for name, (value, _) in cells.items()})
        self.places[pointer] = (line, "")
        self.places |= {f"{pointer}/{name}": (line, heading) for name, (_, heading) in cells.items()}


def read_row(kind: Kind, headings: Sequence[Heading | None], group: Sequence[GridRow]) -> Row:
    """The raw event of rows that belong together."""
    reading, own_number = _Reading(kind), ""
    for row in group:
        tables: dict[tuple[str, ...], _Cells] = {}
        brought: list[_Brought] = []
        for heading, cell in cells_of(headings, row):
            column = heading.column
            if column.path == ("kind",):
                _check_kind(reading, heading, plain_text(cell), row.number)
                continue
            if column.path == ("id",) and not _is_uuid(plain_text(cell)):
                own_number = plain_text(cell)
                continue
            value, unit = _read_with_unit(kind, heading, cell)
            cells = tables.setdefault(column.table_path, {}) if column.table else None
            if value is None:
                continue
            if cells is not None:
                cells[column.path[-1]] = (value, heading.text)
            else:
                reading.set(column.path, value, row.number, heading.text)
            if unit:
                brought.append(unit)
        for each in brought:
            reading.bring(each, tables.get(each.heading.column.table_path), row.number)
        for path, cells in tables.items():
            reading.add(path, cells, row.number)
    if own_number:
        # People's own number is no event id, but it is what they will look for.
        noted = reading.event.get("note")
        reading.event["note"] = f"{noted}（单号 {own_number}）" if noted else f"单号 {own_number}"
    lines = tuple(row.number for row in group)
    return Row(reading.event, lines, reading.places, tuple(reading.problems))


def _read_with_unit(kind: Kind, heading: Heading, cell: Any) -> tuple[Any, _Brought | None]:
    """The value of a cell, and the unit where the cell or the heading names it: 120.5斤, 数量（斤）."""
    name = unit_beside(kind, heading.column)
    split = split_quantity(cell) if name else None
    if name and split:
        return split[0], _Brought(heading, name, split[1], plain_text(cell))
    value = read_cell(heading.column.field.type, plain_measure(heading.column, cell))
    if name and heading.unit and value is not None:
        return value, _Brought(heading, name, heading.unit, heading.text)
    return value, None


def _check_kind(reading: _Reading, heading: Heading, text: str, line: int) -> None:
    found = find_kind(text)
    if found is not reading.kind:
        names: dict[str, object] = {
            "value": text[:60],
            "kind_zh": reading.kind.zh,
            "kind_en": reading.kind.en,
        }
        reading.problems.append(Problem("/kind", "mixed-kinds", names, line, heading.text))


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False
