"""The door for recalls: open one, and read what it reaches, who has the goods and by when it must be done."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from heji_trace.event_ids import new_event_id
from heji_trace.recall import RecallReport, parse_recall, recall_of
from heji_trace.times import dump_ms
from heji_web.access import author_of
from heji_web.answers import dump_holdings, dump_quantity, dump_receipt, dump_sold
from heji_web.bodies import read_json
from heji_web.operations import ANY_OBJECT, RECEIPT, Answer, Operation, Parameter
from heji_web.questions import Query
from heji_web.service import the_service

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
        (
            Parameter(
                "event_id", "召回单号", "Id of the recall", "path", {"type": "string", "format": "uuid"}
            ),
        ),
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


def _dump_report(report: RecallReport) -> dict[str, Any]:
    return {
        "event_id": report.event_id,
        "seq": report.seq,
        "event": dict(report.body),
        "opened_at": dump_ms(report.opened_ms),
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
            }
            for each in report.consignees
        ],
        "on_hand": [dump_quantity(dimension, amount) for dimension, amount in report.on_hand().items()],
    }
