"""The door for labels: codes are issued for a batch of a product, and drawn."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue

from heji_trace.errors import InvalidEvent, Problem
from heji_trace.identifiers.codes import dump_phone_code, dump_trace_code, trace_url
from heji_trace.labelling.label_issue import draft_label, record_label
from heji_trace.labelling.label_runs import label_of, run_of
from heji_trace.printing import label_sheet, labels
from heji_trace.printing.label_sheet import Label
from heji_web.requests.access import author_of
from heji_web.requests.answers import dump_receipt
from heji_web.requests.bodies import read_json
from heji_web.requests.csv_files import dump_csv
from heji_web.requests.languages import language
from heji_web.requests.operations import ANY_OBJECT, FILE, Answer, Operation, Parameter
from heji_web.requests.questions import Query
from heji_web.service.service import the_service

blueprint = Blueprint("api_labels", __name__, url_prefix="/api/v1/labels")

_WANTED = ("product", "batch", "copies")
_DRAWINGS = {
    "svg": "image/svg+xml",
    "png": "image/png",
    "pdf": "application/pdf",
    "csv": "text/csv; charset=utf-8",
}
_BODY = {
    "type": "object",
    "required": ["product", "copies"],
    "properties": {
        "product": {"type": "string", "examples": ["litchi-fzx-5kg"]},
        "batch": {"type": "string", "examples": ["LZ5KG-20260612"]},
        "copies": {"type": "integer", "minimum": 1, "examples": [250]},
        "acknowledged": {"type": "array", "items": {"type": "string"}, "examples": [["BEST_BEFORE_PASSED"]]},
    },
    "additionalProperties": False,
}
OPERATIONS = (
    Operation(
        "post",
        "/api/v1/labels",
        "labels",
        "为产品批次发放追溯码",
        "Issue a trace code for a batch of a product",
        {
            201: Answer(
                "追溯码与电话查询码",
                "the trace code and the telephone code",
                {"application/json": ANY_OBJECT},
            )
        },
        body={"application/json": _BODY},
    ),
    Operation(
        "get",
        "/api/v1/labels/{run}",
        "labels",
        "读取一次发放：追溯码、批次与状态（bound、unbound、void）",
        "Read a run: its codes, its batch and its standing (bound, unbound, void)",
        {200: Answer("发放情况", "the run", {"application/json": ANY_OBJECT})},
        (Parameter("run", "发放单号", "The run", "path", {"type": "string", "format": "uuid"}),),
    ),
    Operation(
        "get",
        "/api/v1/labels/{run}.{drawing}",
        "labels",
        "打印标签：svg、png 为一个二维码，pdf 为 A4 标签页，csv 供标签机使用",
        "Draw the labels: one code as svg or png, an A4 sheet as pdf, csv for label printers",
        {200: Answer("标签", "the labels", {media.split(";")[0]: FILE for media in _DRAWINGS.values()})},
        (
            Parameter("run", "发放单号", "The run", "path", {"type": "string", "format": "uuid"}),
            Parameter("drawing", "格式", "What to draw", "path", {"type": "string", "enum": list(_DRAWINGS)}),
            Parameter("copies", "张数（pdf）", "Copies (pdf)", schema={"type": "integer", "minimum": 1}),
            Parameter("outlined", "画出裁切线（pdf）", "With cutting lines (pdf)", schema={"enum": ["1"]}),
        ),
    ),
)


@blueprint.post("")
def issue() -> ResponseReturnValue:
    """Issue one code for a run of labels; refused while the batch is held or recalled, asked about when it is too old."""
    author = author_of(request)
    raw = read_json()
    if not isinstance(raw, dict):
        raise InvalidEvent([Problem("", "not-an-object")])
    service = the_service()
    problems = [
        Problem(f"/{name}"[:80], "unknown-field", {"name": name[:60]})
        for name in raw
        if name not in (*_WANTED, "acknowledged")
    ]
    wanted = {name: raw.get(name) for name in _WANTED}
    try:
        event = draft_label(
            author,
            wanted,
            now_ms=service.clock.now_ms(),
            random=service.random,
            acknowledged=raw.get("acknowledged"),
        )
    except InvalidEvent as error:
        problems += _told(error)
    if problems:
        raise InvalidEvent(problems)
    try:
        issued = record_label(service.recorder, author, event)
    except InvalidEvent as error:
        raise InvalidEvent(_told(error)) from error
    base_url = service.settings.base_url
    answer = {
        "run": issued.event_id,
        "trace_code": issued.trace_code,
        "phone_code": issued.phone_code,
        "url": trace_url(base_url, issued.trace_code),
        "prints": {drawing: f"{base_url}/api/v1/labels/{issued.event_id}.{drawing}" for drawing in _DRAWINGS},
        "receipt": dump_receipt(issued.receipt),
    }
    return jsonify(answer), HTTPStatus.CREATED


@blueprint.get("/<run>")
def show(run: str) -> ResponseReturnValue:
    """The run as it stands; `label_bind` and `label_void` events change that."""
    author = author_of(request)
    Query().done()
    service = the_service()
    with service.store.read() as connection:
        found = run_of(connection, author, run)
    answer = {
        "run": found.run,
        "standing": found.standing,
        "product": found.product,
        "batch": found.batch,
        "trace_code": found.trace_code,
        "phone_code": found.phone_code,
        "copies": found.copies,
        "url": trace_url(service.settings.base_url, found.trace_code),
    }
    return jsonify(answer)


@blueprint.get("/<run>.<any(svg, png, pdf, csv):drawing>")
def draw(run: str, drawing: str) -> ResponseReturnValue:
    """The labels of a run as a picture, a sheet or a table."""
    author = author_of(request)
    query = Query("copies", "outlined")
    copies = query.whole("copies", 0, 1, label_sheet.MAX_LABELS)
    outlined = query.flag("outlined")
    query.done()
    service = the_service()
    with service.store.read() as connection:
        found = run_of(connection, author, run)
        label = label_of(connection, found, service.settings.base_url, language())
    data = _drawn(label, drawing, copies or min(label.copies, label_sheet.MAX_LABELS), outlined=outlined)
    response = Response(data, content_type=_DRAWINGS[drawing])
    response.headers["Content-Disposition"] = f'inline; filename="{label.trace_code}.{drawing}"'
    return response


def _told(error: InvalidEvent) -> list[Problem]:
    """The problems where the sender finds them: what was sent has no `details`."""
    return [Problem(each.pointer.removeprefix("/details"), each.code, each.names) for each in error.problems]


def _drawn(label: Label, drawing: str, copies: int, *, outlined: bool) -> bytes:
    match drawing:
        case "svg":
            return labels.dump_svg(label.url).encode()
        case "png":
            return labels.dump_png(label.url)
        case "pdf":
            layout = label_sheet.Layout(outlined=outlined)
            return label_sheet.dump_sheet([replace(label, copies=copies)], layout, language())
        case _:
            return _table(label)


def _table(label: Label) -> bytes:
    """One row under ASCII names."""
    row = (
        label.product,
        label.batch_number,
        dump_trace_code(label.trace_code),
        dump_phone_code(label.phone_code),
        label.url,
        str(label.copies),
    )
    return dump_csv(("product", "batch_number", "trace_code", "phone_code", "url", "copies"), [row])
