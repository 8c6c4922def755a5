"""Rows of a sheet become raw events: one each, or one of consecutive rows that belong together."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from heji_trace.errors import Problem
from heji_trace.kinds import Kind
from heji_trace.sheets.cells import is_blank, plain_text, read_cell, split_quantity
from heji_trace.sheets.columns import Heading, columns_of, find_kind
from heji_trace.sheets.grids import GridRow

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

    def set(self, heading: Heading, value: Any, line: int) -> None:
        """A value outside tables; a later row of the event may repeat it, or add to a list, but not change it."""
        path = heading.column.path
        holder, name, pointer = self.holder(path), path[-1], "/" + "/".join(path)
        self.places.setdefault(pointer, (line, heading.text))
        if name not in holder:
            holder[name] = value
        elif isinstance(value, list) and isinstance(holder[name], list):
            holder[name] += [each for each in value if each not in holder[name]]
        elif holder[name] != value:
            self.problems.append(Problem(pointer, "differs-in-group", {}, line, heading.text))

    def add(self, path: tuple[str, ...], cells: Mapping[str, tuple[Any, str]], line: int) -> None:
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
        tables: dict[tuple[str, ...], dict[str, tuple[Any, str]]] = {}
        for heading, cell in cells_of(headings, row):
            column = heading.column
            if column.table:
                cells = tables.setdefault(column.table_path, {})
                for name, value in _table_cells(kind, heading, cell):
                    # A unit of its own column goes before one that a quantity brings along.
                    if name == column.path[-1] or name not in cells:
                        cells[name] = (value, heading.text)
            elif column.path == ("kind",):
                _check_kind(reading, heading, plain_text(cell), row.number)
            elif column.path == ("id",) and not _is_uuid(plain_text(cell)):
                own_number = plain_text(cell)
            else:
                value = read_cell(column.field.type, cell)
                if value is not None:
                    reading.set(heading, value, row.number)
        for path, cells in tables.items():
            reading.add(path, cells, row.number)
    if own_number:
        # People's own number is no event id, but it is what they will look for.
        noted = reading.event.get("note")
        reading.event["note"] = f"{noted}（单号 {own_number}）" if noted else f"单号 {own_number}"
    lines = tuple(row.number for row in group)
    return Row(reading.event, lines, reading.places, tuple(reading.problems))


def _table_cells(kind: Kind, heading: Heading, cell: Any) -> list[tuple[str, Any]]:
    """The value of a table's cell, and the unit where the cell or the heading names it: 120.5斤, 数量（斤）."""
    column, name = heading.column, heading.column.path[-1]
    has_unit = name == "quantity" and any(
        each.path == (*column.table_path, "unit") for each in columns_of(kind)
    )
    split = split_quantity(cell) if has_unit else None
    if split:
        return [(name, split[0]), ("unit", split[1])]
    value = read_cell(column.field.type, cell)
    if value is None:
        return []
    return [(name, value), ("unit", heading.unit)] if has_unit and heading.unit else [(name, value)]


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
