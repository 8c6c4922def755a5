"""The door for instruments' files: results matched with samples and recorded; those that match nothing are parked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from io import BytesIO
from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection

from heji_scanners.readers.rapid17 import RapidRow
from heji_trace.desks import pending
from heji_trace.desks.pending import Chosen
from heji_trace.desks.samples import match_result
from heji_trace.desks.targets import Reach, Target, find_target, reach_of, suggest_targets
from heji_trace.errors import BulkRefused, InvalidEvent, Problem
from heji_trace.people.parties import Author
from heji_trace.proving import canonical
from heji_trace.recording.recorder import Receipt
from heji_trace.vocabulary.times import beijing_date, ms_of, parse_moment
from heji_web.files.imports import INSTRUMENT, File, Import, read_import
from heji_web.files.posted import dump_rows, permit_file, read_posted, record_import, refuse
from heji_web.requests.access import author_of, check_role
from heji_web.requests.bodies import read_json
from heji_web.requests.languages import language
from heji_web.requests.operations import ANY_OBJECT, FILE, FLAG, Answer, Operation, Parameter
from heji_web.requests.problems import dump_field_problem
from heji_web.requests.questions import Query
from heji_web.service.service import the_service

blueprint = Blueprint("api_lab", __name__, url_prefix="/api/v1/lab")

_ANSWER = {"application/json": ANY_OBJECT}
_CHOICES = {"type": "object", "additionalProperties": {"type": "string"}}
_FORM = {
    "type": "object",
    "required": ["file"],
    "properties": {
        "file": dict(FILE),
        "choices": {"type": "string", "description": "JSON: 行号 -> 样品或批次"},
    },
}
_RESUMED = {
    "type": "object",
    "required": ["import_id", "choices"],
    "properties": {"import_id": {"type": "string"}, "choices": _CHOICES},
}
OPERATIONS = (
    Operation(
        "post",
        "/api/v1/lab/imports",
        "laboratory",
        "上传快检仪的 17 列文件；认不出样品的行暂存待选",
        "Upload a rapid tester's 17-column file; rows whose sample is not known are parked",
        {
            201: Answer("已记录的、暂存的", "what was recorded, what is parked", _ANSWER),
            200: Answer("试运行的结果，或没有新记录", "the outcome of a dry run, or nothing new", _ANSWER),
        },
        (
            Parameter("dry_run", "只检查，不写入", "Only check, write nothing", schema=FLAG),
            Parameter("name", "文件名", "Name of the file, where no form carries it"),
            Parameter(
                "acknowledged", "已确认的提示，以逗号分隔", "Codes that are confirmed, separated by commas"
            ),
        ),
        {"multipart/form-data": _FORM, "application/json": _RESUMED, "text/csv": FILE},
    ),
)


@blueprint.post("/imports")
def take() -> ResponseReturnValue:
    """Record the rows that are matched, all or none, and keep the file while rows wait to be chosen for."""
    permit_file()
    author = author_of(request)
    check_role(author, "laboratory", "third_party_laboratory", "producer")
    query = Query("dry_run", "name", "acknowledged")
    dry_run = query.flag("dry_run")
    query.done()
    posted, choices = _posted(author)
    service = the_service()
    with service.store.read() as connection:
        read = _read(connection, posted, author, choices)
        parked = [_dump_parked(connection, author, row) for row in read.unmatched]
    refused = [dump_field_problem(problem) for problem in read.problems]
    receipts: list[Receipt] = []
    acknowledged = frozenset(request.args.get("acknowledged", "").split(",")) - {""}
    try:
        if not (dry_run and refused):
            receipts = record_import(read, posted.name, author, acknowledged, dry_run=dry_run)
    except BulkRefused as refusal:
        return refuse(read, refusal)
    import_id = None if dry_run or not parked else _park(author, posted, choices)
    is_new = not dry_run and (import_id is not None or not all(receipt.repeated for receipt in receipts))
    answer = {
        "dry_run": dry_run,
        "import_id": import_id,
        "matched": list(dump_rows(read, receipts, dry_run=dry_run)),
        "parked": parked,
        "refused": refused,
    }
    return jsonify(answer), HTTPStatus.CREATED if is_new else HTTPStatus.OK


def _posted(author: Author) -> tuple[File, dict[str, str]]:
    """The file with what was chosen for its rows: now posted, or parked before and now chosen for."""
    if request.mimetype != "application/json":
        text = request.form.get("choices", "") if request.mimetype == "multipart/form-data" else ""
        choices = canonical.load(text.encode("utf-8", "surrogatepass")) if text else {}
        return read_posted(request.args.get("name", "")), _parse_choices(choices)
    raw = read_json()
    if not isinstance(raw, dict) or raw.keys() != {"import_id", "choices"}:
        raise InvalidEvent([Problem("", "not-lab-choices")])
    if not isinstance(raw["import_id"], str):
        raise InvalidEvent([Problem("/import_id", "not-text")])
    with the_service().store.read() as connection:
        kept = pending.import_of(connection, author.account, raw["import_id"])
    choices = {**kept.chosen.targets, **_parse_choices(raw["choices"])}
    return File(BytesIO(kept.data), kept.file_name), choices


def _parse_choices(raw: object) -> dict[str, str]:
    if not isinstance(raw, dict):
        raise InvalidEvent([Problem("/choices", "not-an-object")])
    problems = [
        Problem(f"/choices/{canonical.escape_pointer(line)}", "bad-lab-choice")
        for line, named in raw.items()
        if not (line.isascii() and line.isdigit() and isinstance(named, str) and 0 < len(named) <= 200)
    ]
    if problems:
        raise InvalidEvent(problems)
    return raw


def _read(connection: Connection, posted: File, author: Author, choices: Mapping[str, str]) -> Import:
    """The file's events; a choice that names nothing is a problem of its line, never a row parked in silence."""
    wrong: list[Problem] = []

    reach = _reach(connection, author)

    def match(row: RapidRow) -> Target | None:
        chosen = choices.get(str(row.line))
        if chosen is None:
            return match_result(connection, reach, sample=row.sample, batch=row.batch, note=row.note)
        found = find_target(connection, reach, chosen)
        if found is None:
            wrong.append(
                Problem(f"/choices/{row.line}", "unknown-lab-choice", {"value": chosen[:60]}, row.line)
            )
        return found

    read = read_import(posted, INSTRUMENT, author.organisation, match)
    return replace(read, problems=(*read.problems, *wrong))


def _dump_parked(connection: Connection, author: Author, row: RapidRow) -> dict[str, Any]:
    """A row without a sample, and what it may be about."""
    tested_ms = ms_of(parse_moment(row.tested_at))
    suggested = suggest_targets(
        connection,
        author,
        _reach(connection, author),
        row.sampled_unit,
        row.sample_name,
        tested_ms,
        language(),
    )
    return {
        "line": row.line,
        "sampled_unit": row.sampled_unit,
        "sample_name": row.sample_name,
        "analyte": row.analyte,
        "value": row.value,
        "tested_at": row.tested_at,
        "suggestions": [{"value": each.value, "label": each.label} for each in suggested],
    }


def _reach(connection: Connection, author: Author) -> Reach:
    return reach_of(connection, author, beijing_date(the_service().clock.now_ms()))


def _park(author: Author, posted: File, choices: Mapping[str, str]) -> str:
    service = the_service()
    chosen = Chosen(INSTRUMENT, author.organisation, dict(choices))
    posted.stream.seek(0)
    with service.store.write() as connection:
        import_id = pending.keep_import(
            connection,
            author.account,
            posted.name,
            posted.stream.read(),
            chosen,
            service.clock.now_ms(),
        )
        pending.choose(connection, import_id, chosen)
    return import_id
