"""A file as events and problems: the one reading of spreadsheets, JSON and instruments' files that all doors share."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import BinaryIO

from heji_scanners.readers.rapid17 import (
    RapidRow,
    has_rapid17_header,
    rapid17_of,
    sampling_event,
    testing_event,
)
from heji_trace.desks.targets import Target
from heji_trace.errors import BulkRefused, HejiError, InvalidEvent, NeedsAcknowledgement, Problem, Question
from heji_trace.events.event import Event
from heji_trace.events.kinds import KINDS
from heji_trace.events.posting import check_posted, parse_posted
from heji_trace.events.sheets import Row, Sheet, parse_row, placed, sheet_of
from heji_trace.events.sheets.grids import Grid, GridRow, read_grid
from heji_trace.events.sheets.names import KnownOf, nothing_known
from heji_trace.events.spool import Spool
from heji_trace.events.streams import Piece, split_array, split_lines
from heji_trace.proving import canonical

INSTRUMENT = "rapid17"
"""The choice, beside the kinds, of an instrument's file."""
STATED = "json"
"""What an import of events as JSON is called where others name their kind."""
MOST_EVENTS = 100_000
MOST_PROBLEMS = 1000
"""Problems of a file after which the others are only counted."""

_JSON = ("application/json",)
_LINES = ("application/x-ndjson", "application/ndjson", "application/jsonl")
_ENDINGS: Mapping[str, str] = MappingProxyType({"json": _JSON[0], "ndjson": _LINES[0], "jsonl": _LINES[0]})
_TELL_EVERY = 200

Match = Callable[[RapidRow], Target | None]
Progress = Callable[[int, int], None]
Acknowledged = Mapping[str, list[str]]


@dataclass(frozen=True, slots=True)
class File:
    """A file as it was handed in; `media` says what it holds where its name does not."""

    stream: BinaryIO
    name: str
    media: str = ""
    most_bytes: int = 1 << 18
    """The most bytes of one event in JSON."""

    @property
    def holds(self) -> str:
        """The media type of JSON or of its lines, else ""; the ending of the name goes before `media`."""
        media = _ENDINGS.get(self.name.rpartition(".")[2].lower(), self.media)
        return media if media in (*_JSON, *_LINES) else ""


@dataclass(frozen=True, slots=True)
class Import:
    """What a file says. The events may be recorded only where there are no problems and nothing is unmatched.

    Of many problems `problems` are the first, and `problem_count` says how many there are. `count` are the lines.
    `settled` are the rows of an instrument's file that a person decided about.
    `skipped` are the places, from 0, of what was stated in JSON and is no event.
    """

    kind: str
    sha256: str
    events: Spool
    count: int
    problems: tuple[Problem, ...] = ()
    problem_count: int = 0
    unmatched: tuple[RapidRow, ...] = ()
    settled: tuple[RapidRow, ...] = ()
    skipped: tuple[int, ...] = ()
    headings: tuple[str, ...] = ()
    header_line: int = 0
    sheet: Sheet | None = None
    grid: Grid | None = None

    @property
    def is_ready(self) -> bool:
        """Whether the events can be recorded as they are."""
        return bool(len(self.events)) and not self.problems and not self.unmatched

    def lines(self) -> Iterator[GridRow]:
        """The lines of the file below its headings, read anew; of JSON there are none to show."""
        if self.sheet is not None:
            yield from self.sheet.lines()
        elif self.grid is not None:
            yield from (row for row in self.grid.rows() if row.number > self.header_line)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question about one event of an import, by the event's place."""

    place: int
    lines: tuple[int, ...]
    question: Question


def tell_nobody(_done: int, _all: int) -> None:
    """Of a reading whose progress nobody watches."""


def read_import(
    file: File,
    kind: str,
    organisation: str,
    match: Match,
    *,
    settled: Mapping[str, str] = MappingProxyType({}),
    acknowledged: Acknowledged = MappingProxyType({}),
    progress: Progress = tell_nobody,
    known_of: KnownOf = nothing_known,
) -> Import:
    """The events of a file, of a kind of event or `INSTRUMENT`; where `kind` is "" the file says it.

    `match` finds the sample or batch that a row of an instrument's file is about; `settled` are the lines about which a
    person decided, of which "" leaves one out. `acknowledged` are codes confirmed by the place of an event, as text;
    `known_of` tells the names that may stand for codes; `progress` is told the lines done and in all. Raises
    InvalidEvent where the file as a whole cannot be read.
    """
    reading = _Reading(acknowledged, progress)
    if file.holds and kind != INSTRUMENT:
        return _read_stated(file, reading)
    grid = read_grid(file.stream.read())
    if kind == INSTRUMENT or (not kind and has_rapid17_header(grid)):
        return _read_instrument(grid, file.name, organisation, match, settled, reading)
    return _read_sheet(sheet_of(grid, file.name, KINDS.get(kind), organisation, known_of), reading)


def refused(read: Import, refusal: BulkRefused) -> tuple[list[Problem], list[Asked]]:
    """The problems, with their cells, and the questions by which the recorder refused an import."""
    problems: list[Problem] = []
    asked: list[Asked] = []
    rows = _rows_at(read, {read.events.line_of(at) for at, _ in refusal.rows})
    for at, error in refusal.rows:
        line = read.events.line_of(at)
        row = rows.get(line)
        if isinstance(error, NeedsAcknowledgement):
            lines = row.lines if row else (line,)
            asked += [Asked(at, lines, question) for question in error.questions]
        elif read.kind == STATED:
            problems += [_below(_place_of(read, at), line, problem) for problem in _problems_of(error)]
        elif read.sheet is not None and row is not None and isinstance(error, InvalidEvent):
            problems += [placed(read.sheet, row, problem) for problem in error.problems]
        else:
            problems += [replace(problem, line=line) for problem in _problems_of(error)]
    return problems, asked


def with_further(read: Import, attempt: Callable[[], object]) -> Import:
    """The import with what the ledger would refuse of its good events as well, so that all is mended at once.

    `attempt` tries these and records nothing. Nothing is told that may go away when the others are mended: no
    question, and nothing unknown that one of them may make. Where a heading was not understood its column is missing
    everywhere, and nothing further is looked for.
    """
    is_wrong_as_a_whole = read.sheet is not None and read.sheet.problems
    is_cut = read.problem_count > len(read.problems)
    if not read.problems or not len(read.events) or read.kind == INSTRUMENT or is_wrong_as_a_whole or is_cut:
        return read
    try:
        attempt()
    except BulkRefused as refusal:
        found, _ = refused(read, refusal)
    except HejiError:
        return read
    else:
        return read
    if read.sheet is None:
        # What the wrong ones say was not kept.
        told = [problem for problem in found if not _is_unknown(problem)]
    else:
        named = frozenset(_texts_of_rows(read.sheet, {problem.line for problem in read.problems}))
        told = [
            problem
            for problem in found
            if not _is_unknown(problem) or named.isdisjoint(map(str, problem.names.values()))
        ]
    problems = sorted([*read.problems, *told], key=lambda problem: problem.line or 0)
    return replace(read, problems=tuple(problems), problem_count=len(problems))


class _Reading:
    """Events and problems of a file while it is read."""

    def __init__(self, acknowledged: Acknowledged, progress: Progress) -> None:
        self.events = Spool()
        self.problems: list[Problem] = []
        self.problem_count = 0
        self.progress = progress
        self._acknowledged = acknowledged

    def add(self, event: Event, line: int) -> None:
        """Take an event; raises InvalidEvent for one too many."""
        if len(self.events) == MOST_EVENTS:
            raise InvalidEvent([Problem("", "too-many-items", {"most": MOST_EVENTS})])
        codes = self._acknowledged.get(str(len(self.events)))
        if codes:
            event = parse_posted({**event.body, "acknowledged": codes})
        self.events.add(event, line)

    def tell(self, problems: Iterable[Problem]) -> None:
        """Take what is wrong with the file."""
        for problem in problems:
            self.problem_count += 1
            if len(self.problems) < MOST_PROBLEMS:
                self.problems.append(problem)


def _read_sheet(sheet: Sheet, reading: _Reading) -> Import:
    reading.tell(sheet.problems)
    count, done = sheet.count, 0
    for at, row in enumerate(sheet.rows()):
        found = parse_row(sheet, row)
        if isinstance(found, Event):
            if not at:
                check_posted(found)
            reading.add(found, row.lines[0])
        else:
            reading.tell(found)
        done += len(row.lines)
        if at % _TELL_EVERY == 0:
            reading.progress(done, count)
    return _imported(
        reading,
        kind=sheet.kind.name,
        sha256=sheet.sha256,
        count=count,
        headings=sheet.headings,
        header_line=sheet.header_line,
        sheet=sheet,
        grid=sheet.grid,
    )


def _read_stated(file: File, reading: _Reading) -> Import:
    """Events as JSON, in an array or one a line; problems have the place and the line of their event."""
    digest, size = hashlib.sha256(), 0
    while chunk := file.stream.read(1 << 16):
        digest.update(chunk)
        size += len(chunk)
    file.stream.seek(0)
    split = split_lines if file.holds in _LINES else split_array
    count = 0
    skipped: list[int] = []
    for piece in split(file.stream, file.most_bytes):
        count += 1
        if isinstance(piece, Problem):
            skipped.append(count - 1)
            reading.tell([piece])
            continue
        try:
            reading.add(parse_posted(canonical.load(piece.data)), piece.line)
        except InvalidEvent as error:
            skipped.append(piece.place)
            reading.tell(_of_piece(piece, error))
        if count > MOST_EVENTS:
            break
        if count % _TELL_EVERY == 0:
            reading.progress(count, round(count * size / max(file.stream.tell(), 1)))
    if not count:
        raise InvalidEvent([Problem("", "empty-list")])
    return _imported(reading, kind=STATED, sha256=digest.hexdigest(), count=count, skipped=tuple(skipped))


def _of_piece(piece: Piece, error: InvalidEvent) -> list[Problem]:
    return [_below(piece.place, piece.line, problem) for problem in error.problems]


def _place_of(read: Import, at: int) -> int:
    """The place in the file of an event, `at` so many events."""
    for skipped in read.skipped:
        if skipped > at:
            break
        at += 1
    return at


def _below(at: int, line: int, problem: Problem) -> Problem:
    return replace(problem, pointer=f"/{at}{problem.pointer}", line=line)


def _imported(reading: _Reading, **parts: object) -> Import:
    return Import(
        events=reading.events,
        problems=tuple(reading.problems),
        problem_count=reading.problem_count,
        **parts,  # type: ignore[arg-type]
    )


def _problems_of(error: HejiError) -> Iterable[Problem]:
    if isinstance(error, InvalidEvent):
        return error.problems
    return [Problem("", error.code, error.names)]


def _rows_at(read: Import, first_lines: set[int]) -> dict[int, Row]:
    """The rows of a sheet that begin on certain lines: looked up in the file, since nobody kept them."""
    found: dict[int, Row] = {}
    if read.sheet is not None and first_lines:
        for row in read.sheet.rows():
            if row.lines[0] in first_lines:
                found[row.lines[0]] = row
                if len(found) == len(first_lines):
                    break
    return found


def _is_unknown(problem: Problem) -> bool:
    return problem.code.startswith("unknown-")


def _texts_of_rows(sheet: Sheet, lines: Collection[int | None]) -> Iterator[str]:
    """All that the rows on some lines say."""
    for row in sheet.rows():
        if not set(row.lines).isdisjoint(lines):
            yield from _texts(row.event)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, Mapping | list):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(each)
    else:
        yield str(value)


def _read_instrument(
    grid: Grid, name: str, organisation: str, match: Match, settled: Mapping[str, str], reading: _Reading
) -> Import:
    file = rapid17_of(grid, name)
    reading.tell(file.problems)
    unmatched: list[RapidRow] = []
    for at, row in enumerate(file.rows):
        if settled.get(str(row.line)) == "":
            continue
        target = match(row)
        if target is None:
            unmatched.append(row)
        else:
            for event in instrument_events(row, target, organisation):
                reading.add(event, row.line)
        if at % _TELL_EVERY == 0:
            reading.progress(at, len(file.rows))
    waiting = {row.line for row in unmatched}
    return _imported(
        reading,
        kind=INSTRUMENT,
        sha256=file.sha256,
        count=grid.count - sum(row.number <= file.header_line for row in grid.head),
        unmatched=tuple(unmatched),
        settled=tuple(each for each in file.rows if str(each.line) in settled and each.line not in waiting),
        headings=file.headings,
        header_line=file.header_line,
        grid=grid,
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
