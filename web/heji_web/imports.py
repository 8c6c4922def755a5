"""A file as events and problems: the one reading of spreadsheets and instruments' files that all doors share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from heji_scanners.readers.rapid17 import (
    RapidRow,
    is_rapid17,
    read_rapid17,
    sampling_event,
    testing_event,
)
from heji_trace.errors import BulkRefused, HejiError, InvalidEvent, NeedsAcknowledgement, Problem, Question
from heji_trace.event import Event
from heji_trace.kinds import KINDS
from heji_trace.posting import check_posted, parse_posted
from heji_trace.sheets import Row, Sheet, parse_rows, placed, read_sheet
from heji_trace.sheets.cells import plain_text
from heji_trace.sheets.grids import GridRow, read_grid
from heji_trace.targets import Target

INSTRUMENT = "rapid17"
"""The choice, beside the kinds, of an instrument's file."""

Match = Callable[[RapidRow], Target | None]


@dataclass(frozen=True, slots=True)
class GridLine:
    """A line of the file as it is shown, with the number that a spreadsheet program gives it."""

    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where an event came from: its lines, and for a sheet the row that knows the cells."""

    lines: tuple[int, ...]
    row: Row | None = None


@dataclass(frozen=True, slots=True)
class Import:
    """What a file says. The events may be recorded only where there are no problems and nothing is unmatched."""

    kind: str
    sha256: str
    headings: tuple[str, ...]
    lines: tuple[GridLine, ...]
    events: tuple[Event, ...] = ()
    places: tuple[Place, ...] = ()
    problems: tuple[Problem, ...] = ()
    unmatched: tuple[RapidRow, ...] = ()
    sheet: Sheet | None = None

    @property
    def is_ready(self) -> bool:
        """Whether the events can be recorded as they are."""
        return bool(self.events) and not self.problems and not self.unmatched


@dataclass(frozen=True, slots=True)
class Asked:
    """A question about one event of an import, by the event's place."""

    place: int
    lines: tuple[int, ...]
    question: Question


def read_import(data: bytes, name: str, kind: str, organisation: str, match: Match) -> Import:
    """The events of a file, of a kind of event or `INSTRUMENT`; where `kind` is "" the file says it.

    `match` finds the sample or batch that a row of an instrument's file is about. Raises InvalidEvent where the file
    as a whole cannot be read.
    """
    if kind == INSTRUMENT or (not kind and is_rapid17(data)):
        return _read_instrument(data, name, organisation, match)
    sheet = read_sheet(data, name, KINDS.get(kind), organisation)
    events, problems = parse_rows(sheet)
    for event in events[:1]:
        check_posted(event)
    return Import(
        sheet.kind.name,
        sheet.sha256,
        sheet.headings,
        tuple(map(_shown_line, sheet.grid)),
        () if problems else events,
        tuple(Place(row.lines, row) for row in sheet.rows),
        problems,
        sheet=sheet,
    )


def acknowledge(read: Import, codes: Mapping[str, list[str]]) -> Import:
    """The same with what was confirmed, by the place of the event as text."""
    events = tuple(
        parse_posted({**event.body, "acknowledged": codes[str(place)]}) if codes.get(str(place)) else event
        for place, event in enumerate(read.events)
    )
    return replace(read, events=events)


def refused(read: Import, refusal: BulkRefused) -> tuple[list[Problem], list[Asked]]:
    """The problems of cells and the questions by which the recorder refused an import."""
    problems: list[Problem] = []
    asked: list[Asked] = []
    for at, error in refusal.rows:
        place = read.places[at]
        if isinstance(error, NeedsAcknowledgement):
            asked += [Asked(at, place.lines, question) for question in error.questions]
        else:
            problems += _placed(read, place, error)
    return problems, asked


def _shown_line(row: GridRow) -> GridLine:
    return GridLine(row.number, tuple(plain_text(cell) for cell in row.cells))


def _placed(read: Import, place: Place, error: HejiError) -> list[Problem]:
    if not isinstance(error, InvalidEvent):
        return [Problem("", error.code, error.names, place.lines[0])]
    if read.sheet is None or place.row is None:
        return [replace(problem, line=place.lines[0]) for problem in error.problems]
    return [placed(read.sheet, place.row, problem) for problem in error.problems]


def _read_instrument(data: bytes, name: str, organisation: str, match: Match) -> Import:
    file = read_rapid17(data, name)
    events: list[Event] = []
    places: list[Place] = []
    unmatched: list[RapidRow] = []
    for row in file.rows:
        target = match(row)
        if target is None:
            unmatched.append(row)
            continue
        for event in instrument_events(row, target, organisation):
            events.append(event)
            places.append(Place((row.line,)))
    grid = read_grid(data).rows
    # What stands above the first used line is help and headings.
    first = min(
        [row.line for row in file.rows] + [each.line for each in file.problems if each.line], default=0
    )
    headings = [row for row in grid if row.number < first]
    return Import(
        INSTRUMENT,
        file.sha256,
        _shown_line(headings[-1]).cells if headings else (),
        tuple(_shown_line(row) for row in grid if row.number >= first),
        tuple(events),
        tuple(places),
        file.problems,
        tuple(unmatched),
    )


def instrument_events(row: RapidRow, target: Target, organisation: str) -> list[Event]:
    """The events of one row: its result, and before it the sampling where no sample was drawn yet."""
    if target.sample is not None:
        raw = testing_event(
            row, sample=target.sample, organisation=organisation, laboratory=organisation, batches=()
        )
        return [parse_posted(raw)]
    # The file and the line name the sample, so that a second upload draws no second one.
    sample = f"R{row.file_sha256[:8].upper()}-{row.line}"
    raws = (
        sampling_event(row, sample=sample, organisation=organisation, batches=target.batches),
        testing_event(
            row, sample=sample, organisation=organisation, laboratory=organisation, batches=target.batches
        ),
    )
    return [parse_posted(raw) for raw in raws]
