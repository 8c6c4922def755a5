"""The door for many events at once: JSON, lines of JSON, CSV, XLSX; all or nothing."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from heji_scanners.readers.rapid17 import RapidRow
from heji_trace.errors import BulkRefused, InvalidEvent, Problem
from heji_trace.parties import Author
from heji_web.access import author_of
from heji_web.bulk import (
    Posted,
    dump_rows,
    is_stated,
    permit_file,
    read_posted,
    read_stated,
    record_import,
    refuse,
)
from heji_web.imports import INSTRUMENT, Import, read_import
from heji_web.operations import ANY_OBJECT, EVENTS, FILE, FLAG, Answer, Operation, Parameter
from heji_web.questions import Query

blueprint = Blueprint("api_bulk", __name__, url_prefix="/api/v1/events/bulk")

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_ANSWER = {"application/json": ANY_OBJECT}
_FORM = {"type": "object", "required": ["file"], "properties": {"file": dict(FILE)}}
OPERATIONS = (
    Operation(
        "post",
        "/api/v1/events/bulk",
        "events",
        "批量记录事件，全部写入或全部不写",
        "Record many events, all or none",
        {
            201: Answer("已记录，每行一个回执", "recorded; a receipt for each row", _ANSWER),
            200: Answer(
                "试运行的结果，或以前已记录", "the outcome of a dry run, or recorded before", _ANSWER
            ),
        },
        (
            Parameter("dry_run", "只检查，不写入", "Only check, write nothing", schema=FLAG),
            Parameter("kind", "表格的记录类型", "Kind of a sheet's events"),
            Parameter("name", "文件名", "Name of the file, where no form carries it"),
            Parameter(
                "acknowledged", "已确认的提示，以逗号分隔", "Codes that are confirmed, separated by commas"
            ),
        ),
        {
            "application/json": EVENTS,
            "application/x-ndjson": FILE,
            "text/csv": FILE,
            _XLSX: FILE,
            "multipart/form-data": _FORM,
        },
    ),
)


@blueprint.post("")
def record_all() -> ResponseReturnValue:
    """Record a file: 201 with a receipt for each row, 200 where all of it was recorded before."""
    permit_file()
    author = author_of(request)
    query = Query("dry_run", "kind", "name", "acknowledged")
    dry_run, kind = query.flag("dry_run"), query.kind("kind")
    query.done()
    read = _read(read_posted(request.args.get("name", "")[:200]), kind or "", author)
    acknowledged = frozenset(request.args.get("acknowledged", "").split(",")) - {""}
    try:
        read, receipts = record_import(read, author, acknowledged, dry_run=dry_run)
    except BulkRefused as refusal:
        return refuse(read, refusal)
    repeated = all(receipt.repeated for receipt in receipts)
    answer = {
        "dry_run": dry_run,
        "events": len(receipts),
        "repeated": sum(receipt.repeated for receipt in receipts),
        "rows" if dry_run else "receipts": dump_rows(read, receipts, dry_run=dry_run),
    }
    return jsonify(answer), HTTPStatus.OK if dry_run or repeated else HTTPStatus.CREATED


def _read(posted: Posted, kind: str, author: Author) -> Import:
    if is_stated(posted):
        return read_stated(posted)
    read = read_import(posted.data, posted.name, kind, author.organisation, _match_nothing)
    if read.kind == INSTRUMENT:
        raise InvalidEvent([Problem("", "instrument-file")])
    return read


def _match_nothing(_row: RapidRow) -> None:
    """An instrument's file has a door of its own."""
