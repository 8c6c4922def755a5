"""The door for many events at once: JSON, lines of JSON, CSV, XLSX; all or nothing."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from heji_scanners.readers.rapid17 import RapidRow
from heji_trace.errors import BulkRefused, InvalidEvent, Problem
from heji_trace.people.parties import Author
from heji_web.events.naming import names_known_to
from heji_web.files.imports import INSTRUMENT, File, Import, read_import
from heji_web.files.posted import (
    XLSX,
    dump_rows,
    permit_file,
    read_posted,
    record_import,
    refuse,
    refuse_marked,
    stream_rows,
    told_at_once,
)
from heji_web.requests.access import author_of
from heji_web.requests.operations import ANY_OBJECT, EVENTS, FILE, FLAG, PROBLEM, Answer, Operation, Parameter
from heji_web.requests.problems import MEDIA_TYPE
from heji_web.requests.questions import Query
from heji_web.service.service import the_service

blueprint = Blueprint("api_bulk", __name__, url_prefix="/api/v1/events/bulk")

XLSX_ERRORS = "xlsx"
_ERRORS = ("json", XLSX_ERRORS)
_ANSWER = {"application/json": ANY_OBJECT}
_FORM = {"type": "object", "required": ["file"], "properties": {"file": dict(FILE)}}
OPERATIONS = (
    Operation(
        "post",
        "/api/v1/events/bulk",
        "events",
        "批量记录事件，全部写入或全部不写；内容可用 gzip 压缩；NDJSON 每行一个事件，空行忽略，不得有 BOM",
        "Record many events, all or none; gzip welcome; NDJSON has an event a line, blank lines allowed, no BOM",
        {
            201: Answer("已记录，每行一个回执", "recorded; a receipt for each row", _ANSWER),
            200: Answer(
                "试运行的结果，或以前已记录", "the outcome of a dry run, or recorded before", _ANSWER
            ),
            409: Answer(
                "有需要确认的提示；errors=xlsx 时为标注好的原表",
                "some rows must be confirmed; with errors=xlsx the sheet itself, marked",
                {MEDIA_TYPE: PROBLEM, XLSX: FILE},
            ),
            422: Answer(
                "有错误；errors=xlsx 时为标红的原表，并附原因",
                "something is wrong; with errors=xlsx the sheet itself, with red cells and reasons",
                {MEDIA_TYPE: PROBLEM, XLSX: FILE},
            ),
        },
        (
            Parameter("dry_run", "只检查，不写入", "Only check, write nothing", schema=FLAG),
            Parameter("kind", "表格的记录类型", "Kind of a sheet's events"),
            Parameter("name", "文件名", "Name of the file, where no form carries it"),
            Parameter(
                "acknowledged", "已确认的提示，以逗号分隔", "Codes that are confirmed, separated by commas"
            ),
            Parameter(
                "errors",
                "xlsx：有错误时返回原表，错误单元格标红并写明原因",
                "xlsx: where rows are wrong, answer with the sheet itself, wrong cells red, reasons beside",
                schema={"type": "string", "enum": list(_ERRORS)},
            ),
        ),
        {
            "application/json": EVENTS,
            "application/x-ndjson": FILE,
            "text/csv": FILE,
            XLSX: FILE,
            "multipart/form-data": _FORM,
        },
    ),
)


@blueprint.post("")
def record_all() -> ResponseReturnValue:
    """Record a file: 201 with a receipt for each row, 200 where all of it was recorded before."""
    permit_file()
    author = author_of(request)
    query = Query("dry_run", "kind", "name", "acknowledged", "errors")
    dry_run, kind = query.flag("dry_run"), query.kind("kind")
    is_marked = query.choice("errors", *_ERRORS) == XLSX_ERRORS
    query.done()
    posted = read_posted(request.args.get("name", ""))
    acknowledged = frozenset(request.args.get("acknowledged", "").split(",")) - {""}
    read = told_at_once(_read(posted, kind or "", author), posted.name, author, acknowledged)
    try:
        receipts = record_import(read, posted.name, author, acknowledged, dry_run=dry_run)
    except (InvalidEvent, BulkRefused) as error:
        if is_marked and read.grid is not None:
            return refuse_marked(read, read.grid, posted.name, error)
        if isinstance(error, BulkRefused):
            return refuse(read, error)
        raise
    repeated = sum(receipt.repeated for receipt in receipts)
    document = {"dry_run": dry_run, "events": len(receipts), "repeated": repeated}
    rows = dump_rows(read, receipts, dry_run=dry_run)
    # A hundred thousand receipts are never one text in memory.
    stream = stream_rows(document, "rows" if dry_run else "receipts", rows)
    is_new = not dry_run and repeated < len(receipts)
    return Response(stream, HTTPStatus.CREATED if is_new else HTTPStatus.OK, mimetype="application/json")


def _read(posted: File, kind: str, author: Author) -> Import:
    known_of = names_known_to(the_service(), author)
    read = read_import(posted, kind, author.organisation, _match_nothing, known_of=known_of)
    if read.kind == INSTRUMENT:
        raise InvalidEvent([Problem("", "instrument-file")])
    return read


def _match_nothing(_row: RapidRow) -> None:
    """An instrument's file has a door of its own."""
