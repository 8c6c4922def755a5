"""The consumer's page: what stands behind a code on a pack, as a page and as JSON, without cookie or script."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from functools import partial
from http import HTTPStatus

from flask import Blueprint, Response, current_app, redirect, request, url_for
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection

from heji_trace.errors import HejiError, InvalidEvent, Unknown, Untrusted
from heji_trace.identifiers import codes, gs1
from heji_trace.judging.verdict import judge_code
from heji_trace.ledger.evidence import Trust
from heji_trace.passport.passport import Passport, View, dump_passport, passport_of, proof_of
from heji_trace.passport.passport_rows import find_label
from heji_trace.passport.recall_status import RecallStatus, find_recall_status
from heji_trace.people.throttles import check_rate, source_key
from heji_trace.proving import proof
from heji_trace.vocabulary.times import beijing_date
from heji_web.consumer.answers import HTML, JSON, compressed, etag_of, page, send
from heji_web.consumer.kept_pages import KeptPage, KeptPages, Key, version_of
from heji_web.requests.languages import chosen_language, language
from heji_web.requests.operations import ANY_OBJECT, TEXT, Answer, Operation, Parameter
from heji_web.service.service import the_service

blueprint = Blueprint("consumer", __name__)

_CODE = Parameter(
    "code", "追溯码", "The trace code", "path", {"type": "string", "examples": ["3K7TQ9W2MX4RA6F5"]}
)
_GTIN = Parameter("gtin", "商品条码", "The GTIN", "path", {"type": "string", "examples": ["06901234567892"]})
_BATCH = Parameter("batch", "批次", "The batch", "path")
_SERIAL = Parameter("serial", "序列号（追溯码）", "The serial: a trace code", "path")
_PANELS = {"application/json": ANY_OBJECT}
_PAGE = {"text/html": TEXT}
_FACTS = {
    200: Answer("页面或同样内容的 JSON", "the page, or the same facts as JSON", {**_PAGE, **_PANELS}),
    404: Answer("查无此码", "no such code", {**_PAGE, **_PANELS}),
    410: Answer("该码已作废", "the code is void", {**_PAGE, **_PANELS}),
}


def _reading(path: str, zh: str, en: str, *parameters: Parameter) -> Operation:
    return Operation("get", path, "consumer", zh, en, _FACTS, parameters, is_open=True)


OPERATIONS = (
    _reading(
        "/t",
        "输入追溯码或电话查询码",
        "Type in a trace code or a telephone code",
        Parameter("code", "输入的码", "What was typed"),
    ),
    _reading("/t/{code}", "消费者页面", "The consumer's page", _CODE),
    _reading("/t/{code}.json", "消费者页面的 JSON", "The consumer's page as JSON", _CODE),
    Operation(
        "get",
        "/t/{code}/proof",
        "consumer",
        "页面所引各条的离线证明",
        "The offline proof of every entry that the page cites",
        {200: Answer("证明包", "the receipt bundle", _PANELS), 404: Answer("查无此码", "no such code")},
        (_CODE,),
        is_open=True,
    ),
    _reading(
        "/01/{gtin}/10/{batch}", "产品与召回状态", "The product, and whether it is recalled", _GTIN, _BATCH
    ),
    _reading(
        "/01/{gtin}/10/{batch}/21/{serial}", "GS1 数字链接", "By GS1 Digital Link", _GTIN, _BATCH, _SERIAL
    ),
)

_STATUS = {"unknown": HTTPStatus.NOT_FOUND, "mistyped": HTTPStatus.NOT_FOUND, "void": HTTPStatus.GONE}
_WINDOW_SECONDS = 600
_MOST_UNKNOWN = 60
_MOST_PHONED = 30
_MOST_TYPED = 200
_EXTENSION = "heji-kept-pages"


@blueprint.record_once
def _install(state: BlueprintSetupState) -> None:
    state.app.extensions[_EXTENSION] = KeptPages()


@blueprint.get("/t")
def ask() -> ResponseReturnValue:
    """A form to type a code in; what was typed leads to its page."""
    typed = request.args.get("code", "")[:_MOST_TYPED]
    if not typed.strip():
        return send(compressed(page("ask.html")), HTML)
    code = _find_typed(typed)
    if code is None:
        return _nowhere(_standing_of(typed), HTML, typed)
    return redirect(
        url_for("consumer.show", code=code, large=request.args.get("large")), HTTPStatus.SEE_OTHER
    )


@blueprint.get("/t/<code>")
def show(code: str) -> ResponseReturnValue:
    """The page of a trace code, or the same facts as JSON where the client asks for that."""
    return _answer_typed(code, _wanted())


@blueprint.get("/t/<code>.json")
def show_json(code: str) -> ResponseReturnValue:
    """The facts of a trace code as panels."""
    return _answer_typed(code, JSON)


@blueprint.get("/t/<code>/proof")
def show_proof(code: str) -> ResponseReturnValue:
    """The receipt of every entry that the page cites, to be checked without this service."""
    trace_code = codes.find_trace_code(code)
    with the_service().store.read() as connection:
        bundle = None if trace_code is None else proof_of(connection, trace_code, _trust())
    if bundle is None:
        _count("code-unknown", _MOST_UNKNOWN)
        raise Unknown
    response = Response(proof.dump_bundle(bundle), mimetype=JSON)
    response.headers["Content-Disposition"] = f'attachment; filename="heji-{trace_code}.json"'
    return response


@blueprint.get("/01/<gtin>/10/<batch>/21/<serial>")
def show_serial(gtin: str, batch: str, serial: str) -> ResponseReturnValue:
    """The page by GS1 Digital Link: the serial is the trace code, and the rest must fit it."""
    trace_code = codes.find_trace_code(serial)
    with the_service().store.read() as connection:
        status = _find_status(connection, gtin, batch)
        label = find_label(connection, trace_code) if trace_code else None
    fits = label is not None and status is not None and label["batch"] in status.batches
    return _answer(trace_code if fits else None, _wanted())


@blueprint.get("/01/<gtin>/10/<batch>")
def show_batch(gtin: str, batch: str) -> ResponseReturnValue:
    """Product facts and recall status of a batch that is named without a serial."""
    with the_service().store.read() as connection:
        status = _find_status(connection, gtin, batch)
    if status is None:
        return _nowhere("unknown", _wanted())
    if _wanted() == JSON:
        return send(compressed(_dump(asdict(status))), JSON)
    return send(compressed(page("recall_status.html", status=status)), HTML)


def _answer_typed(code: str, media_type: str) -> ResponseReturnValue:
    """The page behind a code as somebody wrote it; one that no label can carry is told apart from one of nobody."""
    trace_code = codes.find_trace_code(code)
    if trace_code is None:
        return _nowhere("mistyped", media_type, code[:_MOST_TYPED])
    return _answer(trace_code, media_type)


def _answer(trace_code: str | None, media_type: str) -> ResponseReturnValue:
    """The page behind a code: a kept one where nothing has changed, else made anew."""
    if trace_code is None:
        return _nowhere("unknown", media_type)
    service = the_service()
    now_ms = service.clock.now_ms()
    day = beijing_date(now_ms).isoformat()
    pages: KeptPages = current_app.extensions[_EXTENSION]
    key = (trace_code, media_type, language(), chosen_language() or "", _size())
    kept = pages.find(key, day, now_ms)
    if kept is not None and kept.size == service.recorder.durable_size and service.store.dialect == "sqlite":
        # One process writes, this one, and it has recorded nothing since.
        return send(kept.body, media_type, etag=kept.etag)
    with pages.making:
        return _made(trace_code, media_type, key, day, now_ms)


def _made(trace_code: str, media_type: str, key: Key, day: str, now_ms: int) -> ResponseReturnValue:
    """The page under `key`, compared or made by one request at a time; the others find it kept."""
    service = the_service()
    pages: KeptPages = current_app.extensions[_EXTENSION]
    kept = pages.find(key, day, now_ms)
    # Taken before anything is read: what is recorded meanwhile makes the next request look again.
    size = service.recorder.durable_size
    if kept is not None and kept.size == size and service.store.dialect == "sqlite":
        return send(kept.body, media_type, etag=kept.etag)
    # In this order: the head follows the ledger, and one beyond the state that is read would look like a cut tail.
    trust = _trust()
    with service.store.read() as connection:
        if kept is not None and version_of(connection, kept.rests_on) == kept.version:
            pages.keep(key, replace(kept, size=size))
            return send(kept.body, media_type, etag=kept.etag)
        passport = passport_of(connection, trace_code, View(now_ms, trust, service.is_demonstration))
        version = version_of(connection, passport.rests_on)
    if passport.standing != "bound":
        return _nowhere(passport.standing, media_type, codes.dump_trace_code(trace_code))
    body = compressed(_draw(passport, media_type))
    kept = KeptPage(body, passport.rests_on, version, day, now_ms, etag_of(body), size)
    pages.keep(key, kept)
    return send(body, media_type, etag=kept.etag)


def _draw(passport: Passport, media_type: str) -> str:
    if media_type == JSON:
        return _dump(dump_passport(passport))
    return page("passport.html", passport=passport, printed=codes.dump_trace_code(passport.trace_code))


def _nowhere(standing: str, media_type: str, typed: str = "") -> ResponseReturnValue:
    """The answer to a code that leads to no batch, counted per source: unknown and void take the same time.

    A mistyped one is told by its signs alone, so that nothing is learnt from it and it is not counted.
    """
    if standing != "mistyped":
        _count("code-unknown", _MOST_UNKNOWN)
    service = the_service()
    verdict = judge_code(standing)
    if media_type == JSON:
        facts = {"standing": standing, "verdict": asdict(verdict), "demonstration": service.is_demonstration}
        body = _dump(facts)
    else:
        seen = "".join(sign for sign in typed if sign.isprintable())
        body = page("nowhere.html", standing=standing, verdict=verdict, typed=seen)
    return send(compressed(body), media_type, _STATUS.get(standing, HTTPStatus.OK))


def _find_typed(typed: str) -> str | None:
    """The trace code of what a person typed or pasted: trace code, address, element string or telephone code."""
    try:
        scan = codes.parse_scan(typed)
    except InvalidEvent:
        return None
    match scan:
        case codes.OwnCode(trace_code=code):
            return code
        case codes.Gs1():
            return scan.find_trace_code()
        case codes.PhoneCode(phone_code=code):
            return _find_phoned(code)
        case _:
            return None


def _standing_of(typed: str) -> str:
    """What is said of typed text that leads to no page: a whole code of nobody, or an address, is not mistyped."""
    is_whole = codes.is_phone_code_as_typed(typed) or "://" in typed
    return "unknown" if is_whole else "mistyped"


def _find_phoned(phone_code: str) -> str | None:
    """The trace code beside a telephone code, which is short enough to be guessed: every question counts."""
    _count("phone-code", _MOST_PHONED)
    with the_service().store.read() as connection:
        label = find_label(connection, phone_code)
    return None if label is None else str(label["trace_code"])


def _count(purpose: str, most: int) -> None:
    """Count a question of this source; raises TooMany."""
    service = the_service()
    key = source_key(purpose, request.remote_addr or "")
    with service.store.write() as connection:
        check_rate(connection, key, most, _WINDOW_SECONDS, service.clock.now_ms())


def _find_status(connection: Connection, gtin: str, batch: str) -> RecallStatus | None:
    try:
        return find_recall_status(connection, gs1.parse_gtin(gtin), batch, _trust())
    except InvalidEvent:
        return None


def _trust() -> Trust:
    """The key of this service, the head that it remembers, and whether the ledger fits it.

    Without a readable head, the signed notes alone.
    """
    service = the_service()
    fault = service.recorder.fault
    try:
        head = service.head.read()
    except HejiError:
        head = None
    return Trust(service.signer.verifier, head, fault if isinstance(fault, Untrusted) else None)


def _wanted() -> str:
    return request.accept_mimetypes.best_match([HTML, JSON], default=HTML)


def _size() -> str:
    return "large" if request.args.get("large") == "1" else ""


_dump = partial(json.dumps, ensure_ascii=False, separators=(",", ":"))
