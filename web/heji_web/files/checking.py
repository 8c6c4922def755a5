"""Checking an upload, and recording it: what the page of a file shows, bounded however long the file is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from io import BytesIO
from itertools import islice
from typing import Any

from sqlalchemy import Connection

from heji_scanners.readers.rapid17 import RapidRow
from heji_trace.desks import choices, targets
from heji_trace.desks.pending import Chosen, Pending
from heji_trace.desks.samples import match_result
from heji_trace.desks.targets import Target
from heji_trace.errors import BulkRefused, HejiError, InvalidEvent, Problem
from heji_trace.events.sheets.cells import plain_text
from heji_trace.events.sheets.examples import is_reason
from heji_trace.events.sheets.grids import GridRow
from heji_trace.identifiers.event_ids import new_event_id
from heji_trace.people.parties import Author
from heji_trace.recording.enter import MOST_REFUSED
from heji_trace.recording.imported import Origin
from heji_trace.recording.recorder import Receipt
from heji_trace.vocabulary.times import beijing_date
from heji_web.events.naming import known_names
from heji_web.files import imports
from heji_web.files.imports import Asked, File, Import
from heji_web.service.jobs import Job
from heji_web.service.service import Service

MOST_SHOWN = 300
"""Lines of a file that the page shows: those in question, and as many of the others."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the file with the number that a spreadsheet program gives it, and what is wrong in its cells.

    `wrong` is by column from 0; -1 is the line itself.
    """

    number: int
    cells: tuple[str, ...]
    wrong: Mapping[int, list[Problem]] = field(default_factory=dict)
    is_asked: bool = False


@dataclass(frozen=True, slots=True)
class Recorded:
    """One event of the file with its line and its receipt, or in a check what that would be."""

    line: int
    kind: str
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Checked:
    """An upload as it stands: what was read, what is wrong or asked, the first receipts once it is recorded.

    `refusal` is what refused the file as a whole.
    """

    file_name: str
    chosen: Chosen
    refusal: HejiError | None = None
    kind: str = ""
    sha256: str = ""
    count: int = 0
    headings: tuple[str, ...] = ()
    header_line: int = 0
    has_sheet: bool = False
    lines: tuple[Line, ...] = ()
    problems: Sequence[Problem] = ()
    problem_count: int = 0
    asked: Sequence[Asked] = ()
    unmatched: Sequence[RapidRow] = ()
    settled: Sequence[RapidRow] = ()
    recorded: tuple[Recorded, ...] = ()
    event_count: int = 0
    ledger_size: int = 0
    is_recorded: bool = False
    is_repeated: bool = False

    @property
    def columns(self) -> list[int]:
        """The columns to show, from 0: all but the reasons of an error workbook that was uploaded again."""
        return [at for at, heading in enumerate(self.headings) if not is_reason(heading)]

    @property
    def is_cut(self) -> bool:
        """Whether more may be wrong or asked than was looked for."""
        return len({each.place for each in self.asked}) + len(self.problems) >= MOST_REFUSED

    @property
    def may_be_recorded(self) -> bool:
        """Whether nothing stands in the way."""
        return bool(self.event_count) and not self.is_recorded


def check_upload(
    service: Service, author: Author, upload: Pending, job: Job[Any], *, is_final: bool = False
) -> Checked:
    """Read the upload and try it, or record it where `is_final`; nothing is written in a check."""
    checked = _check(service, author, upload, job, is_final=is_final)
    return replace(checked, ledger_size=service.recorder.durable_size)


def _check(service: Service, author: Author, upload: Pending, job: Job[Any], *, is_final: bool) -> Checked:
    try:
        read = read_upload(service, author, upload, job)
    except HejiError as error:
        wrong = error.problems if isinstance(error, InvalidEvent) else ()
        return Checked(upload.file_name, upload.chosen, error, problems=wrong, problem_count=len(wrong))

    def submit(*, dry_run: bool) -> list[Receipt]:
        tell = job.enter("check" if dry_run else "record")
        return service.recorder.submit_all(
            read.events,
            author,
            dry_run=dry_run,
            acknowledged=frozenset(upload.chosen.everywhere),
            origin=_origin(service, upload, read),
            progress=lambda done: tell(done, len(read.events)),
        )

    if not read.is_ready:
        told = imports.with_further(read, lambda: submit(dry_run=True))
        return _checked(upload, told, told.problems, count=told.problem_count)
    try:
        receipts = submit(dry_run=not is_final)
    except BulkRefused as refusal:
        problems, asked = imports.refused(read, refusal)
        return _checked(upload, read, problems, asked)
    except HejiError as error:
        return _checked(upload, read, (), refusal=error)
    return _checked(upload, read, (), receipts=receipts, is_final=is_final)


def read_upload(service: Service, author: Author, upload: Pending, job: Job[Any]) -> Import:
    """What the file says, with what was chosen for it; raises InvalidEvent where it cannot be read."""
    chosen = upload.chosen
    tell = job.enter("read")
    with service.store.read() as connection:
        giver = _giver(connection, author, chosen.organisation.strip(), service.clock.now_ms())
        reach = targets.reach_of(connection, author, beijing_date(service.clock.now_ms()))

        def match(row: RapidRow) -> Target | None:
            named = chosen.targets.get(str(row.line))
            if named:
                return targets.find_target(connection, reach, named)
            return match_result(connection, reach, sample=row.sample, batch=row.batch, note=row.note)

        return imports.read_import(
            File(BytesIO(upload.data), upload.file_name, most_bytes=service.settings.body_limit),
            chosen.kind,
            giver,
            match,
            settled=chosen.settled,
            acknowledged=chosen.acknowledged,
            progress=tell,
            known_of=lambda kind: known_names(connection, author, kind, service.clock.now_ms()),
        )


def _giver(connection: Connection, author: Author, named: str, now_ms: int) -> str:
    """The organisation that a person names by code, name or a part of it and may record for; its own where none is.

    Raises InvalidEvent where no such one or more than one is named so.
    """
    if named in ("", author.organisation):
        return author.organisation
    recorded = choices.recorded_for(connection, author, beijing_date(now_ms))
    codes = {author.organisation, *(code for each in recorded.values() for code in each)}
    if named in codes:
        return named
    names = choices.names_of(connection, codes, own=codes)
    called = [code for code in codes if names.get(code) == named]
    alike = [code for code in codes if named.casefold() in f"{code}\n{names.get(code, '')}".casefold()]
    found = called if len(called) == 1 else alike
    if len(found) != 1:
        raise InvalidEvent([Problem("/organisation", "no-such-giver", {"name": named[:60]})])
    return found[0]


def _origin(service: Service, upload: Pending, read: Import) -> Origin:
    import_id = new_event_id(service.clock.now_ms(), service.random)
    return Origin(import_id, upload.file_name, read.sha256, read.kind)


def _checked(
    upload: Pending,
    read: Import,
    problems: Sequence[Problem],
    asked: Sequence[Asked] = (),
    *,
    count: int | None = None,
    receipts: Sequence[Receipt] = (),
    refusal: HejiError | None = None,
    is_final: bool = False,
) -> Checked:
    is_repeated = bool(receipts) and all(receipt.repeated for receipt in receipts)
    return Checked(
        upload.file_name,
        upload.chosen,
        refusal,
        kind=read.kind,
        sha256=read.sha256,
        count=read.count,
        headings=read.headings,
        header_line=read.header_line,
        has_sheet=read.grid is not None,
        lines=_lines(read, problems, asked),
        problems=problems,
        problem_count=len(problems) if count is None else count,
        asked=asked,
        unmatched=read.unmatched,
        settled=read.settled,
        recorded=tuple(
            Recorded(read.events.line_of(at), event.kind, receipt)
            for at, (event, receipt) in enumerate(
                zip(islice(read.events, MOST_SHOWN), receipts, strict=False)
            )
        ),
        event_count=len(receipts),
        is_recorded=is_repeated or (is_final and bool(receipts)),
        is_repeated=is_repeated,
    )


def _lines(read: Import, problems: Iterable[Problem], asked: Iterable[Asked]) -> tuple[Line, ...]:
    """The lines in question, then others to fill up, in the order of the file."""
    wrong: dict[int, dict[int, list[Problem]]] = {}
    for problem in problems:
        if problem.line is not None:
            column = read.headings.index(problem.column) if problem.column in read.headings else -1
            wrong.setdefault(problem.line, {}).setdefault(column, []).append(problem)
    asked_lines = {line for each in asked for line in each.lines}
    in_question: list[GridRow] = []
    others: list[GridRow] = []
    for row in read.lines():
        chosen = in_question if row.number in wrong or row.number in asked_lines else others
        if len(chosen) < MOST_SHOWN:
            chosen.append(row)
    shown = sorted((in_question + others)[:MOST_SHOWN], key=lambda row: row.number)
    return tuple(
        Line(
            row.number,
            tuple(plain_text(cell) for cell in row.cells),
            wrong.get(row.number, {}),
            row.number in asked_lines,
        )
        for row in shown
    )
