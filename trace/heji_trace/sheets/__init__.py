"""Spreadsheets as people have them: rows become raw events, which take the same way as any other event.

A sheet holds one kind of event. Its headings are the Chinese or English labels of the kind's declaration, or the
names in code, in any order. Consecutive rows with the same 单号 make one event of several lines, as do rows that fill
nothing but a table's columns.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from heji_trace.errors import InvalidEvent, Problem
from heji_trace.event import Event
from heji_trace.kinds import Kind
from heji_trace.schemas import parse_event
from heji_trace.sheets.cells import is_blank, plain_text, read_cell, safe_cell, split_quantity
from heji_trace.sheets.columns import (
    Column,
    Heading,
    all_headings,
    columns_of,
    find_heading,
    find_kind,
    folded_heading,
)
from heji_trace.sheets.grids import Grid, GridRow, read_grid

__all__ = ["Row", "Sheet", "parse_rows", "placed", "read_sheet", "row_id", "safe_cell"]

_ROWS: Final = uuid.UUID("6b4a4c0e-3d0a-5a51-9e0b-8f4f0b2f6c11")
"""The namespace of the ids of rows; were it changed, old files would no longer be recognised as repeats."""
_HEADER_WITHIN: Final = 10
_ORDINALS: Final = frozenset({"序号", "行号", "no", "nr", "#"})


@dataclass(frozen=True, slots=True)
class Row:
    """A raw event, the lines it was read from, and where its values stood: pointer -> line and heading."""

    event: dict[str, Any]
    lines: tuple[int, ...]
    places: Mapping[str, tuple[int, str]]
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Sheet:
    """What was read: rows to be parsed, problems of the sheet itself, and the cells for a preview."""

    name: str
    title: str
    sha256: str
    kind: Kind
    header_line: int
    headings: tuple[str, ...]
    rows: tuple[Row, ...]
    problems: tuple[Problem, ...]
    grid: tuple[GridRow, ...] = field(repr=False, default=())


def row_id(organisation: str, file_sha256: str, sheet: str, row: int) -> str:
    """The id of an event read from a row without one: the same file again gives the same ids (UUIDv5)."""
    return str(uuid.uuid5(_ROWS, "\n".join((organisation, file_sha256, sheet, str(row)))))


def read_sheet(data: bytes, name: str, kind: Kind | None = None, organisation: str | None = None) -> Sheet:
    """The raw events of a CSV or XLSX file called `name`.

    The kind is the given one, else what the 类型 column, the title row, the sheet's or the file's name says. Rows
    that name no organisation get `organisation`; rows without id get `row_id`. Raises InvalidEvent where the file as
    a whole cannot be read; problems of single cells stand in the sheet.
    """
    grid = read_grid(data)
    header = _find_header(grid)
    kind = kind or _kind_of(grid, header, name)
    if not kind.form:
        raise InvalidEvent([Problem("", "no-sheet-for-kind", {"kind_zh": kind.zh, "kind_en": kind.en})])
    _refuse_merged(grid, header.number)
    headings, problems = _read_headings(kind, header)
    body = [row for row in grid.rows if row.number > header.number]
    problems += _unnamed_cells(header, body)
    if not body:
        problems.append(Problem("", "no-rows", line=header.number))
    rows = [_row(kind, headings, group) for group in _groups(headings, body)]
    return Sheet(
        name=name,
        title=grid.title,
        sha256=grid.sha256,
        kind=kind,
        header_line=header.number,
        headings=tuple(plain_text(cell) for cell in header.cells),
        rows=tuple(_identified(row, grid, organisation) for row in rows),
        problems=tuple(problems),
        grid=tuple(body),
    )


def parse_rows(sheet: Sheet) -> tuple[tuple[Event, ...], tuple[Problem, ...]]:
    """The events of a sheet, and all problems with their lines and headings; use the events only if there are none."""
    events: list[Event] = []
    problems = list(sheet.problems)
    for row in sheet.rows:
        problems += row.problems
        try:
            events.append(parse_event(row.event))
        except InvalidEvent as refused:
            problems += [placed(sheet, row, problem) for problem in refused.problems]
    return tuple(events), tuple(problems)


def placed(sheet: Sheet, row: Row, problem: Problem) -> Problem:
    """A problem of the row's event, with the line and the heading of the cell that it is about."""
    pointer, line, heading = problem.pointer, row.lines[0], ""
    while pointer:
        if pointer in row.places:
            line, heading = row.places[pointer]
            break
        pointer = pointer.rpartition("/")[0]
    return replace(problem, line=line, column=heading or _heading_of(sheet.kind, problem.pointer))


def _heading_of(kind: Kind, pointer: str) -> str | None:
    """The heading under which a template has the place, for a cell that is missing."""
    path = tuple(step for step in pointer.split("/")[1:] if not step.isdigit())
    fitting = [column for column in columns_of(kind) if column.path[: len(path)] == path]
    return fitting[0].zh if path and fitting else None


def _find_header(grid: Grid) -> GridRow:
    """The row, among the first few, with the most headings that any kind knows."""
    known = all_headings()

    def score(row: GridRow) -> int:
        names = {folded_heading(plain_text(cell).partition("(")[0].partition("（")[0]) for cell in row.cells}
        return len(names & known)

    best = max(grid.rows[:_HEADER_WITHIN], key=score, default=None)
    if best is None:
        raise InvalidEvent([Problem("", "empty-file")])
    if not score(best):
        raise InvalidEvent([Problem("", "no-header", line=best.number)])
    return best


def _kind_of(grid: Grid, header: GridRow, name: str) -> Kind:
    kind_headings = {folded_heading(text) for text in ("类型", "记录类型", "kind")}
    columns = [
        index for index, cell in enumerate(header.cells) if folded_heading(plain_text(cell)) in kind_headings
    ]
    said = [
        plain_text(row.cells[index])
        for row in grid.rows
        for index in columns
        if row.number > header.number and index < len(row.cells)
    ]
    titles = [plain_text(cell) for row in grid.rows if row.number < header.number for cell in row.cells]
    for text in (*said[:1], *titles, grid.title, name):
        if kind := find_kind(text):
            return kind
    raise InvalidEvent([Problem("", "unknown-sheet-kind", line=header.number)])


def _refuse_merged(grid: Grid, header: int) -> None:
    """A merged title above the header hides nothing; below it, nobody can tell which rows the value is meant for."""
    found = [merged for merged in grid.merged if merged.last_row >= header]
    if found:
        raise InvalidEvent(
            [Problem("", "merged-cell", {"cell": each.cell}, line=each.first_row) for each in found[:50]]
        )


def _read_headings(kind: Kind, header: GridRow) -> tuple[list[Heading | None], list[Problem]]:
    headings: list[Heading | None] = []
    problems: list[Problem] = []
    seen: set[Column] = set()
    for cell in header.cells:
        text = plain_text(cell)
        found = find_heading(kind, text) if text else None
        if text and found is None and folded_heading(text) not in _ORDINALS:
            problems.append(_heading_problem("unknown-heading", kind, header, text))
        elif found and found.column in seen:
            problems.append(_heading_problem("repeated-heading", kind, header, text))
            found = None
        headings.append(found)
        if found:
            seen.add(found.column)
    return headings, problems


def _heading_problem(code: str, kind: Kind, header: GridRow, text: str) -> Problem:
    names: dict[str, object] = {"heading": text[:60], "kind_zh": kind.zh, "kind_en": kind.en}
    return Problem("", code, names, line=header.number, column=text[:60])


def _unnamed_cells(header: GridRow, body: Sequence[GridRow]) -> list[Problem]:
    """Cells under no heading: what they say would otherwise be lost in silence."""
    named = {index for index, cell in enumerate(header.cells) if plain_text(cell)}
    return [
        Problem("", "unnamed-column", {"text": plain_text(cell)[:60]}, line=row.number)
        for row in body
        for index, cell in enumerate(row.cells)
        if index not in named and not is_blank(cell)
    ][:50]


def _cells(headings: Sequence[Heading | None], row: GridRow) -> Iterator[tuple[Heading, Any]]:
    for heading, cell in zip(headings, row.cells, strict=False):
        if heading and not is_blank(cell):
            yield heading, cell


def _groups(headings: Sequence[Heading | None], body: Iterable[GridRow]) -> list[list[GridRow]]:
    """Rows that make one event: with the same key as the row before, or filling a table's columns alone."""
    groups: list[list[GridRow]] = []
    last_key = None
    for row in body:
        filled = list(_cells(headings, row))
        key = next((plain_text(cell) for heading, cell in filled if heading.column.path == ("id",)), None)
        continues = bool(filled) and all(heading.column.table for heading, _ in filled)
        if groups and (continues or (key is not None and key == last_key)):
            groups[-1].append(row)
        else:
            groups.append([row])
            last_key = key
    return groups


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


def _row(kind: Kind, headings: Sequence[Heading | None], group: Sequence[GridRow]) -> Row:
    reading, own_number = _Reading(kind), ""
    for row in group:
        tables: dict[tuple[str, ...], dict[str, tuple[Any, str]]] = {}
        for heading, cell in _cells(headings, row):
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


def _identified(row: Row, grid: Grid, organisation: str | None) -> Row:
    event = row.event
    if "organisation" not in event and organisation is not None:
        event = {**event, "organisation": organisation}
    if "id" not in event and isinstance(event.get("organisation"), str):
        event = {**event, "id": row_id(event["organisation"], grid.sha256, grid.title, row.lines[0])}
    return replace(row, event=event)
