"""The door for single events: record one, list those one may read, read one, prove one."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection, select

from heji_trace.dossier.conformity import certificate_of
from heji_trace.errors import Unknown
from heji_trace.events.posting import parse_posted
from heji_trace.ledger import ledger
from heji_trace.ledger.evidence import Trust
from heji_trace.ledger.gone import erased_values
from heji_trace.people.parties import Author
from heji_trace.printing.certificate_sheet import MAX_COPIES, PAPERS, dump_certificates
from heji_trace.proving.proof import dump_bundle
from heji_trace.rights import disclosure, listing, reading, receipts
from heji_trace.store.tables import events
from heji_web.requests.access import author_of
from heji_web.requests.answers import dump_receipt, dump_stored
from heji_web.requests.bodies import read_json
from heji_web.requests.operations import ANY_OBJECT, EVENT, FILE, RECEIPT, Answer, Operation, Parameter
from heji_web.requests.questions import Query
from heji_web.service.service import the_service

blueprint = Blueprint("api_events", __name__, url_prefix="/api/v1/events")

_MOST = 200
_EVENT_ID = Parameter("event_id", "单号", "Id of the event", "path", {"type": "string", "format": "uuid"})
_JSON = "application/json"
OPERATIONS = (
    Operation(
        "post",
        "/api/v1/events",
        "events",
        "记录一个事件",
        "Record an event",
        {
            201: Answer("已记录，返回回执", "recorded; the receipt", {_JSON: RECEIPT}),
            200: Answer("以前已记录，返回同一回执", "recorded before; the same receipt", {_JSON: RECEIPT}),
        },
        body={_JSON: EVENT},
    ),
    Operation(
        "get",
        "/api/v1/events",
        "events",
        "按账本顺序列出可读的事件",
        "List the events one may read, in the ledger's order",
        {
            200: Answer(
                "一页事件；next 是下一页的 cursor", "a page; `next` is the next cursor", {_JSON: ANY_OBJECT}
            )
        },
        (
            Parameter("batch", "涉及的批次", "Batch it speaks of"),
            Parameter("kind", "类型", "Kind"),
            Parameter("organisation", "责任主体", "Organisation"),
            Parameter(
                "since",
                "记录时间不早于",
                "Recorded at or after",
                schema={"type": "string", "format": "date-time"},
            ),
            Parameter(
                "until", "记录时间早于", "Recorded before", schema={"type": "string", "format": "date-time"}
            ),
            Parameter("cursor", "从哪里继续", "Where to go on", schema={"type": "integer", "minimum": 0}),
            Parameter(
                "limit",
                "每页条数",
                "Events a page",
                schema={"type": "integer", "minimum": 1, "maximum": _MOST},
            ),
        ),
    ),
    Operation(
        "get",
        "/api/v1/events/{event_id}",
        "events",
        "读取一个事件",
        "Read an event",
        {200: Answer("事件及其在账本中的位置", "the event and its place in the ledger", {_JSON: ANY_OBJECT})},
        (_EVENT_ID,),
    ),
    Operation(
        "get",
        "/api/v1/events/{event_id}/proof",
        "events",
        "事件的离线证明",
        "The event's offline proof (heji-receipt-v1)",
        {200: Answer("证明包", "the receipt bundle", {_JSON: ANY_OBJECT})},
        (_EVENT_ID,),
    ),
    Operation(
        "get",
        "/api/v1/events/{event_id}/certificate.pdf",
        "events",
        "打印承诺达标合格证：a4 每页八张，label 每页一张（105 × 74 毫米）",
        "Print a certificate of conformity: eight a page on a4, or one on a label of 105 × 74 mm",
        {200: Answer("合格证", "the certificate", {"application/pdf": FILE})},
        (
            _EVENT_ID,
            Parameter("paper", "纸张", "Paper", schema={"enum": list(PAPERS)}),
            Parameter(
                "copies", "份数", "Copies", schema={"type": "integer", "minimum": 1, "maximum": MAX_COPIES}
            ),
        ),
    ),
)


@blueprint.post("")
def record() -> ResponseReturnValue:
    """Record one event: 201 with its receipt, 200 with the same receipt where it was recorded before."""
    author = author_of(request)
    receipt = the_service().recorder.submit(parse_posted(read_json()), author)
    return jsonify(dump_receipt(receipt)), HTTPStatus.OK if receipt.repeated else HTTPStatus.CREATED


@blueprint.get("")
def listed() -> ResponseReturnValue:
    """One page of the events that the asker may read, in the ledger's order."""
    author = author_of(request)
    query = Query("batch", "kind", "organisation", "since", "until", "cursor", "limit")
    wanted = listing.Filter(
        query.batch("batch"),
        query.kind("kind"),
        query.organisation("organisation"),
        query.moment_ms("since"),
        query.moment_ms("until"),
    )
    cursor = query.whole("cursor", 0, 0, 2**53)
    limit = query.whole("limit", 50, 1, _MOST)
    query.done()
    service = the_service()
    before = service.recorder.served_size()
    with service.store.read() as connection:
        seqs = listing.visible_events(
            connection, author, wanted, after=cursor - 1, before=before, limit=limit + 1
        )
        page = _dumped(connection, author, seqs[:limit])
    return jsonify(events=page, next=seqs[limit] if len(seqs) > limit else None)


@blueprint.get("/<event_id>")
def show(event_id: str) -> ResponseReturnValue:
    """One event; what the asker may not read is answered like what does not exist."""
    author = author_of(request)
    service = the_service()
    size = service.recorder.served_size()
    with service.store.read() as connection:
        return jsonify(_dumped(connection, author, [_seq_of(connection, author, event_id, size)])[0])


@blueprint.get("/<event_id>/proof")
def prove(event_id: str) -> ResponseReturnValue:
    """The receipt bundle of one event, with the sealed values disclosed that the asker may see."""
    author = author_of(request)
    service = the_service()
    size = service.recorder.served_size()
    trust = Trust(service.signer.verifier, service.head.read())
    with service.store.read() as connection:
        seq = _seq_of(connection, author, event_id, size)
        bundle = receipts.receipt_bundle(connection, author, seq, trust)
    return Response(dump_bundle(bundle), mimetype=_JSON)


@blueprint.get("/<event_id>/certificate.pdf")
def print_certificate(event_id: str) -> ResponseReturnValue:
    """The certificate of conformity that an event states, for whoever may read it."""
    author = author_of(request)
    query = Query("paper", "copies")
    paper = query.choice("paper", *PAPERS)
    copies = query.whole("copies", 1, 1, MAX_COPIES)
    query.done()
    service = the_service()
    with service.store.read() as connection:
        _seq_of(connection, author, event_id, service.recorder.durable_size)
        certificate = certificate_of(connection, author, event_id, service.settings.base_url)
    data = dump_certificates(certificate, copies, on_label=paper == "label")
    response = Response(data, mimetype="application/pdf")
    response.headers["Content-Disposition"] = f'inline; filename="{event_id}.pdf"'
    return response


def _seq_of(connection: Connection, author: Author, event_id: str, size: int) -> int:
    seq = reading.seq_of(connection, author, event_id)
    if seq >= size:
        raise Unknown
    return seq


def _dumped(connection: Connection, author: Author, seqs: list[int]) -> list[dict[str, object]]:
    actors = disclosure.colleagues(connection, author)
    query = select(events.c.seq, events.c.withdrawn_seq).where(events.c.seq.in_(seqs))
    withdrawn = {row.seq: row.withdrawn_seq for row in connection.execute(query)}
    erased = erased_values(connection, seqs)
    return [
        dump_stored(
            stored,
            disclosure.disclosed_values(stored, author, actors),
            withdrawn.get(stored.seq),
            erased.get(stored.seq, {}),
        )
        for stored in ledger.read_stored(connection, seqs)
    ]
