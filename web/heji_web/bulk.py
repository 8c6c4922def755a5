"""What the doors for files share: a posted file as events with the place of each, recorded wholly or not at all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from flask import Response, request
from werkzeug.datastructures import FileStorage

from heji_trace import canonical
from heji_trace.errors import BulkRefused, InvalidEvent, NeedsAcknowledgement, Problem
from heji_trace.event import Event
from heji_trace.parties import Author
from heji_trace.posting import parse_posted
from heji_trace.recorder import Receipt
from heji_web.answers import dump_receipt
from heji_web.bodies import permit_body, read_body
from heji_web.imports import Asked, Import, Place, acknowledge, refused
from heji_web.problems import (
    MEDIA_TYPE,
    AskedQuestion,
    ProblemAnswer,
    dump_problem,
    problem_of,
    problems_in,
)
from heji_web.service import the_service

MOST_EVENTS = 20_000
_MOST_TOLD = 200
_JSON = ("application/json",)
_LINES = ("application/x-ndjson", "application/ndjson", "application/jsonl")
_ENDINGS: Mapping[str, str] = {".json": _JSON[0], ".ndjson": _LINES[0], ".jsonl": _LINES[0]}
_STATED = "json"


@dataclass(frozen=True, slots=True)
class Posted:
    """A file as it came: the body itself, or the part `file` of a form."""

    data: bytes
    name: str
    media: str


def permit_file() -> None:
    """Let this request be as large as a bulk upload may be; before anything reads the body."""
    permit_body(the_service().settings.bulk_limit)


def read_posted(name: str = "") -> Posted:
    """The posted file; raises TooLarge, and InvalidEvent where there is none."""
    limit = the_service().settings.bulk_limit
    if request.mimetype == "multipart/form-data":
        file: FileStorage | None = request.files.get("file")
        if file is None:
            raise InvalidEvent([Problem("/file", "missing-field")])
        ending = "." + (file.filename or "").rpartition(".")[2].lower()
        posted = Posted(file.read(), file.filename or "", _ENDINGS.get(ending, file.mimetype))
    else:
        posted = Posted(read_body(limit), name, request.mimetype)
    if not posted.data:
        raise InvalidEvent([Problem("", "empty-body")])
    return posted


def is_stated(posted: Posted) -> bool:
    """Whether the file holds events as JSON, one array or one a line, and is no spreadsheet."""
    return posted.media in (*_JSON, *_LINES)


def read_stated(posted: Posted) -> Import:
    """The events of a JSON array or of lines of JSON; problems have the place and line of their event."""
    rows = list(_lines(posted.data)) if posted.media in _LINES else list(enumerate(_array(posted.data), 1))
    if not rows:
        raise InvalidEvent([Problem("", "empty-list")])
    if len(rows) > MOST_EVENTS:
        raise InvalidEvent([Problem("", "too-many-items", {"most": MOST_EVENTS})])
    events: list[Event] = []
    problems: list[Problem] = []
    for at, (line, raw) in enumerate(rows):
        try:
            events.append(parse_posted(raw))
        except InvalidEvent as error:
            problems += [_below(at, line, problem) for problem in error.problems]
    return Import(
        _STATED,
        hashlib.sha256(posted.data).hexdigest(),
        (),
        (),
        () if problems else tuple(events),
        tuple(Place((line,)) for line, _ in rows),
        tuple(problems),
    )


def _array(data: bytes) -> list[object]:
    found = canonical.load(data, the_service().settings.bulk_limit)
    if not isinstance(found, list):
        raise InvalidEvent([Problem("", "not-a-list")])
    return found


def _lines(data: bytes) -> list[tuple[int, object]]:
    """Each line that is not blank with its number; a line that is no JSON is told before any event is judged."""
    found: list[tuple[int, object]] = []
    problems: list[Problem] = []
    for number, line in enumerate(data.splitlines(), 1):
        if not line.strip():
            continue
        try:
            found.append((number, canonical.load(line, the_service().settings.bulk_limit)))
        except InvalidEvent as error:
            problems += [_below(len(found), number, problem) for problem in error.problems]
        if len(found) > MOST_EVENTS or len(problems) > _MOST_TOLD:
            break
    if problems:
        raise InvalidEvent(problems[:_MOST_TOLD])
    return found


def _below(at: int, line: int, problem: Problem) -> Problem:
    return replace(problem, pointer=f"/{at}{problem.pointer}", line=line)


def record_import(
    read: Import, author: Author, acknowledged: frozenset[str], *, dry_run: bool
) -> tuple[Import, list[Receipt]]:
    """Record all events of a file or none; `acknowledged` are codes confirmed for every row that is asked about them.

    Raises InvalidEvent for problems of the file, and BulkRefused for those that the ledger has with its rows.
    """
    if read.problems:
        raise InvalidEvent(read.problems[:_MOST_TOLD])
    recorder = the_service().recorder
    try:
        return read, recorder.submit_all(read.events, author, dry_run=dry_run)
    except BulkRefused as refusal:
        confirmed = _confirmed(refusal, acknowledged)
        if confirmed is None:
            raise
    read = acknowledge(read, confirmed)
    return read, recorder.submit_all(read.events, author, dry_run=dry_run)


def _confirmed(refusal: BulkRefused, acknowledged: frozenset[str]) -> dict[str, list[str]] | None:
    """The codes by row, where all that stands in the way are questions answered beforehand."""
    found: dict[str, list[str]] = {}
    for at, error in refusal.rows:
        if not isinstance(error, NeedsAcknowledgement):
            return None
        codes = [question.code for question in error.questions]
        if not acknowledged.issuperset(codes):
            return None
        found[str(at)] = codes
    return found


def refuse(read: Import, refusal: BulkRefused) -> Response:
    """The problem details of a refused file: each problem and each question with its line.

    Where questions alone stand in the way it is answered like a single event that must be confirmed.
    """
    located, asked = refused(read, refusal)
    problems = _stated_problems(read, refusal) if read.kind == _STATED else located
    told = problem_of(refusal if problems else NeedsAcknowledgement([each.question for each in asked]))
    told = replace(
        told,
        problems=tuple(problems[:_MOST_TOLD]),
        questions=tuple(AskedQuestion(f"/{each.place}", each.question) for each in asked[:_MOST_TOLD]),
    )
    return _with_lines(told, asked)


def _stated_problems(read: Import, refusal: BulkRefused) -> list[Problem]:
    """As the ledger tells them, the place of the event in front, and the line beside it."""
    return [
        replace(problem, line=read.places[int(problem.pointer.split("/")[1])].lines[0])
        for problem in problems_in(refusal)
    ]


def _with_lines(told: ProblemAnswer, asked: Sequence[Asked]) -> Response:
    document = dump_problem(told)
    for question, each in zip(document.get("questions", ()), asked, strict=False):
        question["line"] = each.lines[0]
    response = Response(json.dumps(document, ensure_ascii=False), mimetype=MEDIA_TYPE)
    response.status_code = told.status
    return response


def dump_rows(read: Import, receipts: Sequence[Receipt], *, dry_run: bool) -> list[dict[str, Any]]:
    """One row for each event with its line; of a dry run no receipts, because nothing stands anywhere."""
    rows = zip(read.places, receipts, strict=False)
    if not dry_run:
        return [{"line": place.lines[0], **dump_receipt(receipt)} for place, receipt in rows]
    return [
        {
            "line": place.lines[0],
            "event_id": receipt.event_id,
            "warnings": list(receipt.warnings),
            "repeated": receipt.repeated,
        }
        for place, receipt in islice(rows, MOST_EVENTS)
    ]
