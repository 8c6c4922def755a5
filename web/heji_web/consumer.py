"""The consumer's page: what stands behind a code on a pack, as a page and as JSON, without cookie or script."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from dataclasses import asdict
from functools import cache
from hashlib import sha256
from http import HTTPStatus
from importlib.resources import files
from typing import Any

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from sqlalchemy import Connection

from heji_trace import codes, gs1, proof
from heji_trace.errors import InvalidEvent, Unknown
from heji_trace.evidence import Trust
from heji_trace.passport import Passport, View, dump_passport, passport_of, proof_of
from heji_trace.passport_rows import find_label
from heji_trace.recall_status import find_recall_status
from heji_trace.throttles import check_rate, throttle_key
from heji_trace.times import beijing_date
from heji_web.kept_pages import KeptPage, KeptPages, version_of
from heji_web.languages import address, language
from heji_web.service import the_service

blueprint = Blueprint("consumer", __name__)

_STATUS = {"unknown": HTTPStatus.NOT_FOUND, "void": HTTPStatus.GONE}
_WINDOW_SECONDS = 600
_MOST_UNKNOWN = 60
_MOST_PHONED = 30
_MOST_TYPED = 200
_JSON, _HTML = "application/json", "text/html"
_pages = KeptPages()


@blueprint.get("/t")
def ask() -> ResponseReturnValue:
    """A form to type a code in; what was typed leads to its page."""
    typed = request.args.get("code", "")[:_MOST_TYPED]
    if not typed.strip():
        return _page("ask.html", typed="")
    code = _find_typed(typed)
    if code is not None:
        return redirect(url_for("consumer.show", code=code), HTTPStatus.SEE_OTHER)
    return _unknown_page(typed)


@blueprint.get("/t/<code>")
def show(code: str) -> ResponseReturnValue:
    """The page of a trace code, or the same facts as JSON where the client asks for that."""
    wanted = request.accept_mimetypes.best_match([_HTML, _JSON], default=_HTML)
    return _answer(code, wanted)


@blueprint.get("/t/<code>.json")
def show_json(code: str) -> ResponseReturnValue:
    """The facts of a trace code as panels."""
    return _answer(code, _JSON)


@blueprint.get("/t/<code>/proof")
def show_proof(code: str) -> ResponseReturnValue:
    """The receipt of every entry that the page cites, to be checked without this service."""
    trace_code = codes.find_trace_code(code)
    with the_service().store.read() as connection:
        bundle = None if trace_code is None else proof_of(connection, trace_code, _trust())
    if bundle is None:
        _count_unknown()
        raise Unknown
    response = Response(proof.dump_bundle(bundle), mimetype=_JSON)
    response.headers["Content-Disposition"] = f'attachment; filename="{trace_code}.receipt.json"'
    return response


@blueprint.get("/01/<gtin>/10/<batch>/21/<serial>")
def show_serial(gtin: str, batch: str, serial: str) -> ResponseReturnValue:
    """The page by GS1 Digital Link: the serial is the trace code, and the rest must fit it."""
    trace_code = codes.find_trace_code(serial)
    with the_service().store.read() as connection:
        label = find_label(connection, trace_code) if trace_code else None
        status = find_recall_status(connection, _gtin(gtin), batch, _trust())
    fits = label is not None and status is not None and label["batch"] in status.batches
    return _answer(serial if fits else "", _wanted())


@blueprint.get("/01/<gtin>/10/<batch>")
def show_batch(gtin: str, batch: str) -> ResponseReturnValue:
    """Product facts and recall status of a batch that is named without a serial."""
    with the_service().store.read() as connection:
        status = find_recall_status(connection, _gtin(gtin), batch, _trust())
    if status is None:
        return _unknown_page(batch)
    if _wanted() == _JSON:
        return Response(_dump(asdict(status)), mimetype=_JSON)
    return _page("recall_status.html", status=status)
