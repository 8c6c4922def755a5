"""The doors for imports that were recorded: the list, one of them, and taking one back."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from heji_trace.errors import InvalidEvent, Problem
from heji_trace.recording import imported
from heji_trace.recording.imported import Imported
from heji_trace.recording.undo import undo_import
from heji_trace.vocabulary.times import dump_ms
from heji_web.requests.access import author_of
from heji_web.requests.answers import dump_receipt
from heji_web.requests.bodies import read_json
from heji_web.requests.operations import ANY_OBJECT, Answer, Operation, Parameter
from heji_web.requests.questions import Query
from heji_web.service.service import the_service

blueprint = Blueprint("api_imports", __name__, url_prefix="/api/v1/imports")

_MOST = 200
_NUMBER = {"type": "integer", "minimum": 0}
_IMPORT = {
    "type": "object",
    "required": [
        "import_id",
        "file_name",
        "sha256",
        "kind",
        "recorded_at",
        "rows",
        "entries",
        "standing",
        "state",
    ],
    "properties": {
        "import_id": {"type": "string"},
        "file_name": {"type": "string"},
        "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
        "kind": {"type": "string"},
        "recorded_at": {"type": "string", "format": "date-time"},
        "rows": dict(_NUMBER),
        "entries": dict(_NUMBER),
        "standing": dict(_NUMBER),
        "state": {"type": "string", "enum": ["live", "partly", "undone"]},
        "first_seq": dict(_NUMBER),
    },
}
_ANSWER = {"application/json": _IMPORT}
_REASON = {"type": "object", "required": ["reason"], "properties": {"reason": {"type": "string"}}}
_ID = Parameter("import_id", "导入编号", "The import", place="path")
OPERATIONS = (
    Operation(
        "get",
        "/api/v1/imports",
        "events",
        "本单位的导入，最近的在前",
        "The organisation's imports, newest first",
        {200: Answer("导入列表", "the imports", {"application/json": ANY_OBJECT})},
        (
            Parameter("before", "只列此序号之前的导入", "Only imports before this entry", schema=_NUMBER),
            Parameter("limit", "最多几个", "At most so many", schema=_NUMBER),
        ),
    ),
    Operation(
        "get",
        "/api/v1/imports/{import_id}",
        "events",
        "一次导入及其状态",
        "One import and its state",
        {200: Answer("导入", "the import", _ANSWER)},
        (_ID,),
    ),
    Operation(
        "post",
        "/api/v1/imports/{import_id}/undo",
        "events",
        "撤回一次导入：一次更正，列出其全部记录",
        "Take an import back: one correction that names all its events",
        {
            201: Answer("更正的回执", "the receipts of the correction", {"application/json": ANY_OBJECT}),
            200: Answer("已无可撤回", "nothing of it stands any more", {"application/json": ANY_OBJECT}),
        },
        (_ID,),
        {"application/json": _REASON},
    ),
)


@blueprint.get("")
def listed() -> ResponseReturnValue:
    """The imports of the author's organisation, newest first."""
    author = author_of(request)
    query = Query("before", "limit")
    before = query.whole("before", -1, 0, 2**53)
    limit = query.whole("limit", 50, 1, _MOST)
    query.done()
    with the_service().store.read() as connection:
        found = imported.imports_of(
            connection, author, before=None if before < 0 else before, limit=limit + 1
        )
    answer: dict[str, Any] = {"imports": [dump_import(each) for each in found[:limit]]}
    answer["before"] = found[limit - 1].first_seq if len(found) > limit else None
    return jsonify(answer)


@blueprint.get("/<import_id>")
def show(import_id: str) -> ResponseReturnValue:
    """One import."""
    author = author_of(request)
    Query().done()
    with the_service().store.read() as connection:
        return jsonify(dump_import(imported.import_of(connection, author, import_id)))


@blueprint.post("/<import_id>/undo")
def undo(import_id: str) -> ResponseReturnValue:
    """Take back what still stands of an import: 201 with the correction's receipts, 200 where nothing does."""
    author = author_of(request)
    service = the_service()
    Query().done()
    raw = read_json()
    if not isinstance(raw, dict) or raw.keys() != {"reason"}:
        raise InvalidEvent([Problem("/reason", "missing-field")])
    with service.store.read() as connection:
        found = imported.import_of(connection, author, import_id)
        receipts = undo_import(
            service.recorder, connection, author, found, raw["reason"], service.clock.now_ms()
        )
    with service.store.read() as connection:
        found = imported.import_of(connection, author, import_id)
    answer = {**dump_import(found), "receipts": [dump_receipt(receipt) for receipt in receipts]}
    return jsonify(answer), HTTPStatus.CREATED if receipts else HTTPStatus.OK


def dump_import(found: Imported) -> dict[str, Any]:
    """An import as the API answers it."""
    return {
        "import_id": found.import_id,
        "file_name": found.file_name,
        "sha256": found.sha256,
        "kind": found.kind,
        "recorded_at": dump_ms(found.recorded_ms),
        "rows": found.rows,
        "entries": found.entries,
        "first_seq": found.first_seq,
        "standing": found.standing,
        "state": found.state,
    }
