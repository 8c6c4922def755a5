"""Imports that were recorded: the list of one's organisation, and one of them, to be taken back as a whole."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from heji_trace.events.kinds import KINDS
from heji_trace.ledger import ledger
from heji_trace.people.parties import Author
from heji_trace.recording import imported
from heji_trace.recording.recorder import Receipt
from heji_trace.recording.undo import undo_import
from heji_web.events.described import kind_name, local_time
from heji_web.files.imports import INSTRUMENT
from heji_web.files.waiting import GLANCE, PATIENCE, dump_progress, progress_page
from heji_web.requests.access import signed_in
from heji_web.requests.headers import permit_scripts
from heji_web.requests.languages import gettext, language
from heji_web.requests.questions import page_before
from heji_web.service.jobs import Job
from heji_web.service.service import the_service

blueprint = Blueprint("my_imports", __name__)
blueprint.after_request(permit_scripts)

_PAGE = 50
_MOST_LISTED = 300


@blueprint.get("/desk/imports")
def listed() -> ResponseReturnValue:
    """The imports of one's organisation, newest first."""
    author = signed_in().author
    before = page_before()
    with the_service().store.read() as connection:
        found = imported.imports_of(connection, author, before=before, limit=_PAGE + 1)
    return render_template(
        "imports.html",
        imports=found[:_PAGE],
        earlier=found[_PAGE - 1].first_seq if len(found) > _PAGE else None,
        kind_label=_kind_label,
        local_time=local_time,
    )


@blueprint.get("/desk/imports/<import_id>")
def show(import_id: str) -> ResponseReturnValue:
    """One import with its records, and how far taking it back is."""
    author = signed_in().author
    service = the_service()
    job: Job[list[Receipt]] | None = service.jobs.find((author.account, import_id))
    if job is not None:
        if not job.wait(GLANCE):
            return _wait_page(import_id, job)
        _finish(author, import_id, job)
    with service.store.read() as connection:
        found = imported.import_of(connection, author, import_id)
        last = min(found.end_seq, found.first_seq + _MOST_LISTED)
        rows = imported.entries_of(connection, found, last)
        events = {
            stored.seq: stored.event
            for stored in ledger.read_stored(connection, range(found.first_seq, last))
        }
    return render_template(
        "import.html",
        found=found,
        rows=[(row, events[row.seq]) for row in rows],
        kind_label=_kind_label,
        local_time=local_time,
        just_done=request.args.get("done") == "1",
    )


@blueprint.get("/desk/imports/<import_id>/progress.json")
def progress(import_id: str) -> ResponseReturnValue:
    """How far taking an import back is."""
    author = signed_in().author
    with the_service().store.read() as connection:
        imported.import_of(connection, author, import_id)
    return jsonify(dump_progress(the_service().jobs.find((author.account, import_id))))


@blueprint.post("/desk/imports/<import_id>/undo")
def undo(import_id: str) -> ResponseReturnValue:
    """Take back everything that a file said and that still stands; it stays visible. A second tap finds nothing."""
    author = signed_in().author
    service, key = the_service(), (author.account, import_id)
    reason = request.form.get("reason", "").strip() or gettext("Entered by mistake")
    with service.store.read() as connection:
        found = imported.import_of(connection, author, import_id)

    def work(job: Job[list[Receipt]]) -> list[Receipt]:
        job.enter("undo")
        with service.store.read() as connection:
            now_ms = service.clock.now_ms()
            return undo_import(service.recorder, connection, author, found, reason, now_ms)

    job = service.jobs.start(key, "undo", work)
    if job.wait(PATIENCE):
        _finish(author, import_id, job)
    return redirect(url_for("my_imports.show", import_id=import_id, done=1), HTTPStatus.SEE_OTHER)


def _finish(author: Author, import_id: str, job: Job[list[Receipt]]) -> None:
    """Forget a job that is over; raises what went wrong."""
    the_service().jobs.forget((author.account, import_id))
    job.result()


def _wait_page(import_id: str, job: Job[list[Receipt]]) -> str:
    return progress_page(
        job,
        title=gettext("My imports"),
        back=url_for("my_imports.listed"),
        poll=url_for("my_imports.progress", import_id=import_id),
    )


def _kind_label(kind: str) -> str:
    if kind in KINDS:
        return kind_name(KINDS[kind], language())
    return gettext("Rapid tester's file (17 columns)") if kind == INSTRUMENT else "JSON"
