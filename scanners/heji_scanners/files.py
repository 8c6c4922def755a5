"""Files as people and instruments leave them, read without a network: events, or an instrument's file as it is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Final

from heji_scanners.readers.rapid17 import is_rapid17, rapid17_of
from heji_trace.errors import InvalidEvent, Problem
from heji_trace.events.event import Event
from heji_trace.events.kinds import KINDS, Kind
from heji_trace.events.posting import check_posted, parse_posted
from heji_trace.events.sheets import parse_row, read_sheet
from heji_trace.events.sheets.cells import Cell
from heji_trace.events.sheets.grids import GridRow, read_grid
from heji_trace.events.streams import Piece, split_array, split_lines
from heji_trace.proving import canonical
from heji_trace.sentences import size_said

MOST_BYTES: Final = 32 * 1024 * 1024
MOST_EVENTS: Final = 100_000
# Servers take a quarter of it unless they are told otherwise.
_MOST_EVENT_BYTES: Final = 1 << 20
INSTRUMENT: Final = "rapid17"
STATED: Final = "json"
_LINES: Final = frozenset({".ndjson", ".jsonl"})
SUFFIXES: Final = frozenset({".csv", ".txt", ".xlsx", ".json", *_LINES})
SHEET_KINDS: Final = tuple(sorted(name for name, kind in KINDS.items() if kind.form))
"""The kinds of event that have a sheet."""


@dataclass(frozen=True, slots=True)
class Statement:
    """An event of a file in its canonical bytes; `says` is a hash of all it says but its id."""

    id: str
    kind: str
    body: bytes
    says: str
    line: int


@dataclass(frozen=True, slots=True)
class ReadFile:
    """What a file says: its events, or all that is wrong with it.

    `kind` is that of a sheet, `STATED` for JSON, or `INSTRUMENT` for a file that is sent as it is. `headings` and
    `cells` are of a sheet: those of the lines in which something is wrong.
    """

    name: str
    kind: str
    sha256: str
    data: bytes
    statements: tuple[Statement, ...] = ()
    results: int = 0
    problems: tuple[Problem, ...] = ()
    headings: tuple[str, ...] = ()
    cells: Mapping[int, tuple[Cell, ...]] = field(default_factory=dict)


def read_bytes(path: Path) -> bytes:
    """The content of a file; raises InvalidEvent for one that is too large or cannot be read."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise InvalidEvent([Problem("", "scan-file-unreadable", {"reason": error.strerror})]) from None
    if len(data) > MOST_BYTES:
        raise InvalidEvent([Problem("", "too-large", {"size": size_said(MOST_BYTES)})])
    return data


def read_file(data: bytes, name: str, kind: Kind | None, organisation: str | None) -> ReadFile:
    """The events of a file called `name`; problems of the file as a whole stand among its problems.

    `kind` is that of a sheet where the sheet does not say it; `organisation` answers for rows that name none.
    """
    suffix = Path(name).suffix.lower()
    read = ReadFile(name, STATED, hashlib.sha256(data).hexdigest(), data)
    try:
        if suffix == ".json":
            return _parsed(read, _values(data))
        if suffix in _LINES:
            return _parsed(read, split_lines(BytesIO(data), _MOST_EVENT_BYTES))
        if kind is None and is_rapid17(data):
            return _instrument(read)
        return _sheet(read, kind, organisation)
    except InvalidEvent as refused:
        return replace(read, problems=refused.problems)


def _values(data: bytes) -> Iterator[Piece | Problem]:
    """The events of an array one after the other, since all at once take ten times the file; or the one alone."""
    if data.lstrip().startswith(b"["):
        return split_array(BytesIO(data), _MOST_EVENT_BYTES)
    return iter([Piece(0, 1, data)])


def _parsed(read: ReadFile, pieces: Iterable[Piece | Problem]) -> ReadFile:
    statements: list[Statement] = []
    problems: list[Problem] = []
    for piece in pieces:
        if isinstance(piece, Problem):
            problems.append(piece)
            continue
        if piece.place == MOST_EVENTS:
            return replace(read, problems=(Problem("", "too-many-items", {"most": MOST_EVENTS}),))
        try:
            raw = canonical.load(piece.data, MOST_BYTES)
        except InvalidEvent as refused:
            problems += _unreadable(read, piece, refused)
            continue
        try:
            statements.append(_stated(parse_posted(raw), piece.line))
        except InvalidEvent as refused:
            problems += [
                replace(each, pointer=f"/{piece.place}{each.pointer}", line=piece.line)
                for each in refused.problems
            ]
    if not statements and not problems:
        problems.append(Problem("", "empty-list"))
    return _with_statements(read, statements, problems)


def _unreadable(read: ReadFile, piece: Piece, refused: InvalidEvent) -> list[Problem]:
    """What is no JSON, with its line in the file; raises InvalidEvent for a document, of which nothing can be read."""
    if Path(read.name).suffix.lower() not in _LINES:
        canonical.load(read.data, MOST_BYTES)
    return [
        replace(
            each,
            pointer=f"/{piece.place}",
            line=piece.line,
            names={name: piece.line if name == "line" else value for name, value in each.names.items()},
        )
        for each in refused.problems
    ]


def _stated(event: Event, line: int) -> Statement:
    said = {name: value for name, value in event.body.items() if name != "id"}
    says = hashlib.sha256(canonical.dump(said)).hexdigest()
    # A copy: the writer's own bytes keep the four kilobytes that it began with, for each of a hundred thousand.
    body = bytes(memoryview(canonical.dump(event.body)))
    return Statement(event.id, event.kind, body, says, line)


def _with_statements(
    read: ReadFile, statements: Sequence[Statement], problems: Sequence[Problem]
) -> ReadFile:
    """The file with its events, if nothing is wrong: two under one id would be taken for one and its correction."""
    first: dict[str, int] = {}
    problems = problems or [
        Problem(f"/{at}/id", "id-twice-in-one-import", {"id": each.id}, each.line)
        for at, each in enumerate(statements)
        if first.setdefault(each.id, at) != at
    ]
    return replace(read, problems=tuple(problems), statements=() if problems else tuple(statements))


def _instrument(read: ReadFile) -> ReadFile:
    grid = read_grid(read.data)
    file = rapid17_of(grid, read.name)
    return replace(
        read,
        kind=INSTRUMENT,
        results=len(file.rows),
        problems=file.problems,
        headings=file.headings,
        cells=_cells(grid.rows(), file.problems),
    )


def _sheet(read: ReadFile, kind: Kind | None, organisation: str | None) -> ReadFile:
    sheet = read_sheet(read.data, read.name, kind, organisation)
    statements: list[Statement] = []
    problems = [*sheet.problems]
    for row in sheet.rows():
        found = parse_row(sheet, row)
        if isinstance(found, Event):
            if not statements:
                check_posted(found)
            statements.append(_stated(found, row.lines[0]))
        else:
            problems += found
    read = replace(read, kind=sheet.kind.name, headings=sheet.headings)
    read = _with_statements(read, statements, problems)
    return replace(read, cells=_cells(sheet.lines(), read.problems)) if read.problems else read


def _cells(rows: Iterable[GridRow], problems: Sequence[Problem]) -> dict[int, tuple[Cell, ...]]:
    """The cells of the lines in which something is wrong."""
    wrong = {problem.line for problem in problems}
    return {row.number: row.cells for row in rows if row.number in wrong}
