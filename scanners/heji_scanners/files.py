"""Files as people and instruments leave them, read without a network: events, or an instrument's file as it is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from heji_scanners.readers.rapid17 import is_rapid17, rapid17_of
from heji_trace import canonical
from heji_trace.errors import InvalidEvent, Problem
from heji_trace.event import Event
from heji_trace.kinds import Kind
from heji_trace.posting import check_posted, parse_posted
from heji_trace.sheets import parse_rows, read_sheet
from heji_trace.sheets.grids import GridRow, read_grid

MOST_BYTES: Final = 32 * 1024 * 1024
MOST_EVENTS: Final = 20_000
INSTRUMENT: Final = "rapid17"
STATED: Final = "json"
_LINES: Final = frozenset({".ndjson", ".jsonl"})
SUFFIXES: Final = frozenset({".csv", ".txt", ".xlsx", ".json", *_LINES})


@dataclass(frozen=True, slots=True)
class ReadFile:
    """What a file says: the events with the line of each, or all that is wrong with it.

    `kind` is that of a sheet, `STATED` for JSON, or `INSTRUMENT` for a file that is sent as it is. `headings` and
    `grid` are the cells of a sheet.
    """

    name: str
    kind: str
    sha256: str
    data: bytes
    events: tuple[Event, ...] = ()
    lines: tuple[int, ...] = ()
    results: int = 0
    problems: tuple[Problem, ...] = ()
    headings: tuple[str, ...] = ()
    grid: tuple[GridRow, ...] = ()


def read_bytes(path: Path) -> bytes:
    """The content of a file; raises InvalidEvent for one that is too large or cannot be read."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise InvalidEvent([Problem("", "scan-file-unreadable", {"reason": error.strerror})]) from None
    if len(data) > MOST_BYTES:
        raise InvalidEvent([Problem("", "too-large", {"limit": MOST_BYTES})])
    return data


def read_file(data: bytes, name: str, kind: Kind | None, organisation: str | None) -> ReadFile:
    """The events of a file called `name`; problems of the file as a whole stand among its problems.

    `kind` is that of a sheet where the sheet does not say it; `organisation` answers for rows that name none.
    """
    suffix = Path(name).suffix.lower()
    read = ReadFile(name, STATED, hashlib.sha256(data).hexdigest(), data)
    try:
        if suffix == ".json":
            return _parsed(read, list(enumerate(_array(data), 1)))
        if suffix in _LINES:
            return _parsed(read, list(_lines(data)))
        if kind is None and is_rapid17(data):
            return _instrument(read)
        return _sheet(read, kind, organisation)
    except InvalidEvent as refused:
        return replace(read, problems=refused.problems)


def _array(data: bytes) -> list[object]:
    found = canonical.load(data, MOST_BYTES)
    return found if isinstance(found, list) else [found]


def _lines(data: bytes) -> Iterator[tuple[int, object]]:
    for number, line in enumerate(data.splitlines(), 1):
        if line.strip():
            try:
                yield number, canonical.load(line, MOST_BYTES)
            except InvalidEvent as refused:
                raise InvalidEvent([replace(each, line=number) for each in refused.problems]) from None


def _parsed(read: ReadFile, raws: Sequence[tuple[int, object]]) -> ReadFile:
    if not raws:
        return replace(read, problems=(Problem("", "empty-list"),))
    if len(raws) > MOST_EVENTS:
        return replace(read, problems=(Problem("", "too-many-items", {"most": MOST_EVENTS}),))
    events: list[Event] = []
    problems: list[Problem] = []
    for at, (line, raw) in enumerate(raws):
        try:
            events.append(parse_posted(raw))
        except InvalidEvent as refused:
            problems += [
                replace(each, pointer=f"/{at}{each.pointer}", line=line) for each in refused.problems
            ]
    return _with_events(replace(read, problems=tuple(problems)), events, [line for line, _ in raws])


def _with_events(read: ReadFile, events: Sequence[Event], lines: Sequence[int]) -> ReadFile:
    """The file with its events, if nothing is wrong: two under one id would be taken for one and its correction."""
    if read.problems:
        return read
    first: dict[str, int] = {}
    problems = [
        Problem(f"/{at}/id", "id-twice-in-one-import", {"id": event.id}, lines[at])
        for at, event in enumerate(events)
        if first.setdefault(event.id, at) != at
    ]
    if problems:
        return replace(read, problems=tuple(problems))
    return replace(read, events=tuple(events), lines=tuple(lines))


def _instrument(read: ReadFile) -> ReadFile:
    grid = read_grid(read.data)
    file = rapid17_of(grid, read.name)
    return replace(
        read,
        kind=INSTRUMENT,
        results=len(file.rows),
        problems=file.problems,
        headings=file.headings,
        grid=tuple(row for row in grid.rows() if row.number > file.header_line),
    )


def _sheet(read: ReadFile, kind: Kind | None, organisation: str | None) -> ReadFile:
    sheet = read_sheet(read.data, read.name, kind, organisation)
    events, problems = parse_rows(sheet)
    for event in events[:1]:
        check_posted(event)
    read = replace(
        read, kind=sheet.kind.name, problems=problems, headings=sheet.headings, grid=tuple(sheet.lines())
    )
    return _with_events(read, events, [row.lines[0] for row in sheet.rows()])
