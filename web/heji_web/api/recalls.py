"""The door for recalls: open one, and read what it reaches, who has the goods and by when it must be done."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from heji_trace.identifiers.event_ids import new_event_id
from heji_trace.recalls.recall import RecallReport, parse_recall, recall_of
from heji_trace.recalls.recall_updates import newest_figures, parse_update
from heji_trace.vocabulary.times import dump_ms
from heji_web.requests.access import author_of
from heji_web.requests.answers import dump_holdings, dump_quantity, dump_receipt, dump_sold
from heji_web.requests.bodies import read_json
from heji_web.requests.operations import ANY_OBJECT, RECEIPT, Answer, Operation, Parameter
from heji_web.requests.questions import Query
from heji_web.service.service import the_service

blueprint = Blueprint("api_recalls", __name__, url_prefix="/api/v1/recalls")

_JSON = "application/json"
_RECALL = {
    "type": "object",
    "required": ["batches", "level", "ordered", "reason"],
    "properties": {
        "batches": {"type": "array", "items": {"type": "string"}, "minItems": 1},
        "level": {"type": "integer", "minimum": 1, "maximum": 3},
        "ordered": {"type": "boolean"},
        "reason": {"type": "string"},
        "scope": {"type": "string"},
        "document": {"type": "string"},
        "id": {"type": "string", "format": "uuid"},
        "occurred_at": {"type": "string", "format": "date-time"},
        "note": {"type": "string"},
    },
}
_AMOUNT = {"type": "string", "examples": ["80"]}
_UPDATE = {
    "type": "object",
    "required": ["status"],
    "properties": {
        "status": {"enum": ["notified", "in_progress", "finished"]},
        "consignees": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["organisation"],
                "properties": {
                    "organisation": {"type": "string"},
                    "batch": {"type": "string"},
                    "notified_at": {"type": "string", "format": "date-time"},
                    "unit": {"type": "string"},
                    "on_hand": _AMOUNT,
                    "sold": _AMOUNT,
                    "returned": _AMOUNT,
                    "disposed": _AMOUNT,
                    "finish_on": {"type": "string", "format": "date"},
                },
            },
        },
        "finish_on": {"type": "string", "format": "date"},
        "level": {"type": "integer", "minimum": 1, "maximum": 3},
        "reason": {"type": "string"},
        "document": {"type": "string"},
        "id": {"type": "string", "format": "uuid"},
        "occurred_at": {"type": "string", "format": "date-time"},
        "note": {"type": "string"},
    },
}
_RECALL_ID = Parameter(
    "event_id", "召回单号", "Id of the recall", "path", {"type": "string", "format": "uuid"}
)
OPERATIONS = (
    Operation(
        "post",
        "/api/v1/recalls",
        "recalls",
        "启动召回",
        "Open a recall",
        {
            201: Answer("已启动，返回回执", "opened; the receipt", {_JSON: RECEIPT}),
            200: Answer("以前已启动，返回同一回执", "opened before; the same receipt", {_JSON: RECEIPT}),
        },
        body={_JSON: _RECALL},
    ),
    Operation(
        "get",
        "/api/v1/recalls/{event_id}",
        "recalls",
        "读取召回的范围、收货方、库存与期限",
        "Read a recall: scope, consignees, stock on hand, deadlines",
        {200: Answer("召回情况", "the recall as it stands", {_JSON: ANY_OBJECT})},
        (_RECALL_ID,),
    ),
    Operation(
        "post",
        "/api/v1/recalls/{event_id}/updates",
        "recalls",
        "说明召回进展：各收货单位的数字与完成日期",
        "State how far a recall is: figures and finish dates per consignee",
        {
            201: Answer("已记录，返回回执", "recorded; the receipt", {_JSON: RECEIPT}),
            200: Answer("以前已记录，返回同一回执", "recorded before; the same receipt", {_JSON: RECEIPT}),
        },
        (_RECALL_ID,),
        body={_JSON: _UPDATE},
    ),
)


@blueprint.post("")
def open_recall() -> ResponseReturnValue:
    """Record the recall; every consumer page in its scope shows it from the same commit on.

    A program that may have to send twice gives its own `id`.
    """
    author = author_of(request)
    service = the_service()
    now_ms = service.clock.now_ms()
    event = parse_recall(read_json(), author, new_event_id(now_ms, service.random), now_ms)
    receipt = service.recorder.submit(event, author)
    return jsonify(dump_receipt(receipt)), HTTPStatus.OK if receipt.repeated else HTTPStatus.CREATED


@blueprint.get("/<event_id>")
def show(event_id: str) -> ResponseReturnValue:
    """The recall as it stands now; who had no part in any of its batches is told that there is none."""
    author = author_of(request)
    Query().done()
    with the_service().store.read() as connection:
        report = recall_of(connection, author, event_id)
    return jsonify(_dump_report(report))


@blueprint.post("/<event_id>/updates")
def update(event_id: str) -> ResponseReturnValue:
    """Record how far the recall is; a recall that the sender may not read is answered as if there were none."""
    author = author_of(request)
    raw = read_json()
    service = the_service()
    with service.store.read() as connection:
        report = recall_of(connection, author, event_id)
    now_ms = service.clock.now_ms()
    event = parse_update(raw, report.event_id, author, new_event_id(now_ms, service.random), now_ms)
    receipt = service.recorder.submit(event, author)
    return jsonify(dump_receipt(receipt)), HTTPStatus.OK if receipt.repeated else HTTPStatus.CREATED


def _dump_report(report: RecallReport) -> dict[str, Any]:
    return {
        "event_id": report.event_id,
        "seq": report.seq,
        "event": dict(report.body),
        "opened_at": dump_ms(report.opened_ms),
        "level": report.level,
        "withdrawn_by": report.withdrawn_seq,
        "complete": report.is_whole,
        "deadlines": {
            "start_by": dump_ms(report.start_by_ms),
            "finish_by": report.finish_by.isoformat(),
            "holidays_known": report.holidays_known,
        },
        "scope": [
            {
                "batch": row.batch,
                "standing": row.standing,
                "seq": row.seq,
                "product": row.product,
                "organisation": row.organisation,
                "holdings": dump_holdings(row.holdings),
                "sold": [dump_sold(each) for each in row.sold],
            }
            for row in report.scope
        ],
        "consignees": [
            {
                "organisation": each.organisation,
                "batches": list(each.batches),
                "held": dump_quantity(each.dimension, each.held),
                "in_transit": dump_quantity(each.dimension, each.transit),
                "sold": dump_quantity(each.dimension, each.sold),
                "returned": dump_quantity(each.dimension, each.returned),
                "disposed": dump_quantity(each.dimension, each.disposed),
            }
            for each in report.consignees
        ],
        "status": report.status,
        "updates": [
            {
                "event_id": each.event_id,
                "seq": each.seq,
                "organisation": each.organisation,
                "recorded_at": dump_ms(each.recorded_ms),
                "status": each.status,
                "finish_on": each.finish_on,
                "level": each.level,
                "consignees": [dict(row) for row in each.consignees],
            }
            for each in report.updates
        ],
        "progress": [
            {**row, "stated_by": each.organisation, "seq": each.seq}
            for each, row in newest_figures(report.updates)
        ],
        "on_hand": [dump_quantity(dimension, amount) for dimension, amount in report.on_hand().items()],
    }
