"""Spreadsheets as people have them: rows become raw events, which take the same way as any other event.

A sheet holds one kind of event. Its headings are the Chinese or English labels of the kind's declaration, or the
names in code, in any order. Consecutive rows with the same 单号 make one event of several lines, as do rows that fill
nothing but a table's columns.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from heji_trace.errors import InvalidEvent, Problem
from heji_trace.events.event import Event
from heji_trace.events.kinds import Kind
from heji_trace.events.schemas import parse_event
from heji_trace.events.sheets.cells import is_blank, plain_text, safe_cell
from heji_trace.events.sheets.columns import (
    Column,
    Heading,
    all_headings,
    columns_of,
    find_heading,
    find_kind,
    folded_heading,
)
from heji_trace.events.sheets.examples import is_example, is_marked_example, is_unread, number_columns
from heji_trace.events.sheets.grids import Grid, GridRow, read_grid
from heji_trace.events.sheets.names import Known, KnownOf, as_typed, nothing_known, with_codes
from heji_trace.events.sheets.rows import Row, grouped, read_row

__all__ = [
    "Row",
    "Sheet",
    "parse_row",
    "parse_rows",
    "placed",
    "read_sheet",
    "row_id",
    "safe_cell",
    "sheet_of",
]

_ROWS: Final = uuid.UUID("6b4a4c0e-3d0a-5a51-9e0b-8f4f0b2f6c11")
"""The namespace of the ids of rows; were it changed, old files would no longer be recognised as repeats."""
_HEADER_WITHIN: Final = 10


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet that was understood as far as its header: `problems` are of that, those of its rows come with them.

    `organisation` is whose the rows are that name none; `known` are the names that may stand for codes.
    """

    name: str
    kind: Kind
    header_line: int
    headings: tuple[str, ...]
    problems: tuple[Problem, ...]
    organisation: str | None
    grid: Grid = field(repr=False)
    columns: tuple[Heading | None, ...] = field(repr=False)
    known: Known = field(default_factory=dict, repr=False)

    @property
    def title(self) -> str:
        """The name of the sheet in its workbook, "" for CSV."""
        return self.grid.title

    @property
    def sha256(self) -> str:
        """The hash of the file's bytes, in hex."""
        return self.grid.sha256

    @property
    def count(self) -> int:
        """How many rows it has below its header, blank ones and the example of a template left out."""
        return self.grid.count - sum(not self._is_read(row) for row in self.grid.head)

    def lines(self) -> Iterator[GridRow]:
        """The rows below the header that are not blank, the example of a template left out; read anew each time."""
        return filter(self._is_read, self.grid.rows())

    def heading_of(self, pointer: str) -> str | None:
        """The heading of the place in this sheet, else the one that a template has, for a cell that is missing."""
        path = tuple(step for step in pointer.split("/")[1:] if not step.isdigit())
        fitting = [column for column in columns_of(self.kind) if column.path[: len(path)] == path]
        if not path or not fitting:
            return None
        own = {heading.column: heading.text for heading in self.columns if heading is not None}
        return next((own[column] for column in fitting if column in own), fitting[0].zh)

    def _is_read(self, row: GridRow) -> bool:
        return row.number > self.header_line and not (
            is_marked_example(number_columns(self.headings), row) and is_example(self.columns, row)
        )

    def rows(self) -> Iterator[Row]:
        """The raw events of the sheet with their own problems, one after the other, read anew each time."""
        named = frozenset(index for index, heading in enumerate(self.headings) if heading)
        numbers = number_columns(self.headings)
        for group in grouped(self.columns, self.lines()):
            row = read_row(self.kind, self.columns, group)
            problems = [*row.problems]
            for line in group:
                problems += self._faults(line, named, numbers)
            yield self._identified(replace(row, problems=tuple(problems)))

    def _faults(self, line: GridRow, named: frozenset[int], numbers: tuple[int, ...]) -> Iterator[Problem]:
        for index, problem in self.grid.faults(line):
            yield replace(problem, column=self.headings[index] if index in named else None)
        if is_marked_example(numbers, line):
            yield Problem("", "example-changed", {}, line.number)
        for index, cell in enumerate(line.cells):
            # What they say would otherwise be lost in silence.
            if index not in named and not is_blank(cell):
                yield Problem("", "unnamed-column", {"text": plain_text(cell)[:60]}, line.number)

    def _identified(self, row: Row) -> Row:
        event = with_codes(self.kind, row.event, self.known)
        if "organisation" not in event and self.organisation is not None:
            event = {**event, "organisation": self.organisation}
        if "id" not in event and isinstance(event.get("organisation"), str):
            event = {**event, "id": row_id(event["organisation"], self.sha256, self.title, row.lines[0])}
        return replace(row, event=event)


def row_id(organisation: str, file_sha256: str, sheet: str, row: int) -> str:
    """The id of an event read from a row without one: the same file again gives the same ids (UUIDv5)."""
    return str(uuid.uuid5(_ROWS, "\n".join((organisation, file_sha256, sheet, str(row)))))


def read_sheet(data: bytes, name: str, kind: Kind | None = None, organisation: str | None = None) -> Sheet:
    """The sheet in a CSV or XLSX file called `name`, ready to be read row by row.

    The kind is the given one, else what the 类型 column, the title row, the sheet's or the file's name says. Rows
    that name no organisation get `organisation`; rows without id get `row_id`. Raises InvalidEvent where the file as
    a whole cannot be read; problems of single cells come with the sheet and its rows.
    """
    return sheet_of(read_grid(data), name, kind, organisation)


def sheet_of(
    grid: Grid,
    name: str,
    kind: Kind | None = None,
    organisation: str | None = None,
    known_of: KnownOf = nothing_known,
) -> Sheet:
    """The same of a file whose rows are at hand; `known_of` tells the names that may stand for codes in a kind."""
    header = _find_header(grid)
    kind = kind or _kind_of(grid, header, name)
    if not kind.form:
        raise InvalidEvent([Problem("", "no-sheet-for-kind", {"kind_zh": kind.zh, "kind_en": kind.en})])
    columns, problems = _read_headings(kind, header)
    problems += [problem for _, problem in grid.faults(header)]
    sheet = Sheet(
        name=name,
        kind=kind,
        header_line=header.number,
        headings=tuple(plain_text(cell) for cell in header.cells),
        problems=(),
        organisation=organisation,
        grid=grid,
        columns=tuple(columns),
        known=known_of(kind),
    )
    if next(sheet.lines(), None) is None:
        problems.append(Problem("", "no-rows", line=header.number))
    return replace(sheet, problems=tuple(problems))


def parse_rows(sheet: Sheet) -> tuple[tuple[Event, ...], tuple[Problem, ...]]:
    """The events of a sheet, and all problems with their lines and headings; use the events only if there are none.

    For sheets of which it is known that they are small.
    """
    events: list[Event] = []
    problems = list(sheet.problems)
    for row in sheet.rows():
        found = parse_row(sheet, row)
        if isinstance(found, Event):
            events.append(found)
        else:
            problems += found
    return tuple(events), tuple(problems)


def parse_row(sheet: Sheet, row: Row) -> Event | list[Problem]:
    """The event of a row, or all that is wrong with it, each with line and heading."""
    problems = [*row.problems]
    try:
        event = parse_event(row.event)
    except InvalidEvent as refused:
        problems += [placed(sheet, row, problem) for problem in refused.problems]
    else:
        if not problems:
            return event
    return problems


def placed(sheet: Sheet, row: Row, problem: Problem) -> Problem:
    """A problem of the row's event, with the line and the heading of the cell that it is about."""
    pointer, line, heading = problem.pointer, row.lines[0], ""
    while pointer:
        if pointer in row.places:
            line, heading = row.places[pointer]
            break
        pointer = pointer.rpartition("/")[0]
    told = as_typed(sheet.kind, problem)
    return replace(told, line=line, column=heading or sheet.heading_of(problem.pointer))


def _find_header(grid: Grid) -> GridRow:
    """The row, among the first few, with the most headings that any kind knows."""
    known = all_headings()

    def score(row: GridRow) -> int:
        names = {folded_heading(plain_text(cell).partition("(")[0].partition("（")[0]) for cell in row.cells}
        return len(names & known)

    best = max(grid.head[:_HEADER_WITHIN], key=score, default=None)
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
        for row in grid.head
        for index in columns
        if row.number > header.number and index < len(row.cells)
    ]
    titles = [plain_text(cell) for row in grid.head if row.number < header.number for cell in row.cells]
    for text in (*said[:1], *titles, grid.title, name):
        if kind := find_kind(text):
            return kind
    raise InvalidEvent([Problem("", "unknown-sheet-kind", line=header.number)])


def _read_headings(kind: Kind, header: GridRow) -> tuple[list[Heading | None], list[Problem]]:
    headings: list[Heading | None] = []
    problems: list[Problem] = []
    seen: set[Column] = set()
    for cell in header.cells:
        text = plain_text(cell)
        found = find_heading(kind, text) if text else None
        if text and found is None and not is_unread(text):
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
