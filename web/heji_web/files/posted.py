"""What the doors for files share: a posted file is read, recorded wholly or not at all, and answered row by row."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from itertools import islice
from typing import Any, BinaryIO, cast

from flask import Response, request, send_file
from werkzeug.datastructures import FileStorage

from heji_trace.errors import BulkRefused, InvalidEvent, NeedsAcknowledgement, Problem
from heji_trace.events.file_names import plain_name
from heji_trace.events.sheets.grids import Grid
from heji_trace.identifiers.event_ids import new_event_id
from heji_trace.people.parties import Author
from heji_trace.recording.imported import Origin
from heji_trace.recording.recorder import Receipt
from heji_web.files import imports
from heji_web.files.imports import Asked, File, Import
from heji_web.files.marking import mark_sheet, marked_name
from heji_web.requests.answers import dump_receipt
from heji_web.requests.bodies import permit_body, spool_body
from heji_web.requests.languages import language
from heji_web.requests.problems import MEDIA_TYPE, AskedQuestion, ProblemAnswer, dump_problem, problem_of
from heji_web.service.service import the_service

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_MOST_TOLD = 200
_dump = json.JSONEncoder(ensure_ascii=False).encode
_ROWS_AT_ONCE = 500


def permit_file() -> None:
    """Let this request be as large as a bulk upload may be; before anything reads the body."""
    permit_body(the_service().settings.bulk_limit)


def read_posted(name: str = "") -> File:
    """The posted file: the body itself, or the part `file` of a form.

    Raises TooLarge, and InvalidEvent where there is none.
    """
    settings = the_service().settings
    if request.mimetype == "multipart/form-data":
        file: FileStorage | None = request.files.get("file")
        if file is None:
            raise InvalidEvent([Problem("/file", "missing-field")])
        stream, name, media = cast(BinaryIO, file.stream), file.filename or "", file.mimetype
    else:
        stream, media = spool_body(settings.bulk_limit), request.mimetype
    if not stream.read(1):
        raise InvalidEvent([Problem("", "empty-body")])
    stream.seek(0)
    return File(stream, plain_name(name), media, settings.body_limit)


def record_import(
    read: Import, name: str, author: Author, acknowledged: frozenset[str], *, dry_run: bool
) -> list[Receipt]:
    """Record all events of a file or none; `acknowledged` are codes confirmed for every row that is asked about them.

    Raises InvalidEvent for problems of the file, and BulkRefused for those that the ledger has with its rows.
    """
    if read.problems:
        raise InvalidEvent(read.problems[:_MOST_TOLD])
    return _submit(read, name, author, acknowledged, dry_run=dry_run)


def told_at_once(read: Import, name: str, author: Author, acknowledged: frozenset[str]) -> Import:
    """The import with all that is wrong in it, what the ledger would say of its good events included."""
    return imports.with_further(read, lambda: _submit(read, name, author, acknowledged, dry_run=True))


def _submit(
    read: Import, name: str, author: Author, acknowledged: frozenset[str], *, dry_run: bool
) -> list[Receipt]:
    return the_service().recorder.submit_all(
        read.events, author, dry_run=dry_run, acknowledged=acknowledged, origin=origin_of(read, name)
    )


def origin_of(read: Import, name: str) -> Origin:
    """The import of a file, under a name of its own."""
    service = the_service()
    return Origin(new_event_id(service.clock.now_ms(), service.random), name, read.sha256, read.kind)


def refuse(read: Import, refusal: BulkRefused) -> Response:
    """The problem details of a refused file: each problem and each question with its line.

    Where questions alone stand in the way it is answered like a single event that must be confirmed.
    """
    problems, asked = imports.refused(read, refusal)
    told = problem_of(refusal if problems else NeedsAcknowledgement([each.question for each in asked]))
    told = replace(
        told,
        problems=tuple(problems[:_MOST_TOLD]),
        questions=tuple(AskedQuestion(f"/{each.place}", each.question) for each in asked[:_MOST_TOLD]),
    )
    return _with_lines(told, asked)


def refuse_marked(read: Import, grid: Grid, name: str, error: InvalidEvent | BulkRefused) -> Response:
    """The person's own sheet with what is wrong in it, under the status of the refusal."""
    problems: Sequence[Problem] = read.problems
    asked: Sequence[Asked] = ()
    if isinstance(error, BulkRefused):
        problems, asked = imports.refused(read, error)
    sheet = mark_sheet(grid, read, problems, asked, language())
    response = send_file(sheet, XLSX, as_attachment=True, download_name=marked_name(name))
    response.status_code = HTTPStatus.UNPROCESSABLE_ENTITY if problems else HTTPStatus.CONFLICT
    return response


def _with_lines(told: ProblemAnswer, asked: Sequence[Asked]) -> Response:
    document = dump_problem(told)
    for question, each in zip(document.get("questions", ()), asked, strict=False):
        question["line"] = each.lines[0]
    response = Response(json.dumps(document, ensure_ascii=False), mimetype=MEDIA_TYPE)
    response.status_code = told.status
    return response


def dump_rows(read: Import, receipts: Sequence[Receipt], *, dry_run: bool) -> Iterator[dict[str, Any]]:
    """One row for each event with its line; of a dry run no receipts, because nothing stands anywhere."""
    base_url = the_service().settings.base_url
    dump = _dump_tried if dry_run else partial(dump_receipt, base_url=base_url)
    return ({"line": read.events.line_of(at), **dump(receipt)} for at, receipt in enumerate(receipts))


def _dump_tried(receipt: Receipt) -> dict[str, Any]:
    return {
        "event_id": receipt.event_id,
        "warnings": list(receipt.warnings),
        "repeated": receipt.repeated,
    }


def stream_rows(document: Mapping[str, Any], name: str, rows: Iterator[dict[str, Any]]) -> Iterator[str]:
    """The JSON text of `document` with a last member `name` of all rows, a few hundred at a time."""
    yield f"{_dump(document)[:-1]}, {_dump(name)}: ["
    before = ""
    while part := [_dump(row) for row in islice(rows, _ROWS_AT_ONCE)]:
        yield before + ", ".join(part)
        before = ", "
    yield "]}"
