"""One page for files: a spreadsheet or an instrument's file is dropped, checked, completed and confirmed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus

from flask import Blueprint, jsonify, make_response, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection

from heji_trace.desks import choices, pending, targets
from heji_trace.desks.pending import Chosen, Pending
from heji_trace.desks.suggestions import Suggestion
from heji_trace.errors import InvalidEvent, Problem, Unknown
from heji_trace.events.file_names import plain_name
from heji_trace.events.kinds import KINDS, Kind
from heji_trace.events.sheets.grids import read_grid
from heji_trace.judging.levels import LEVELS
from heji_trace.people.parties import Author
from heji_trace.recording import imported
from heji_trace.vocabulary.times import beijing_date, ms_of, parse_moment
from heji_web.events.described import kind_name, local_time
from heji_web.events.drawn import MOST_GIVERS
from heji_web.files.checking import MOST_SHOWN, Checked, check_upload
from heji_web.files.imports import INSTRUMENT, STATED, Asked
from heji_web.files.marking import mark_sheet, marked_name
from heji_web.files.posted import XLSX
from heji_web.files.waiting import GLANCE, PATIENCE, dump_progress, progress_page
from heji_web.requests.access import signed_in
from heji_web.requests.bodies import permit_body
from heji_web.requests.headers import permit_scripts
from heji_web.requests.languages import gettext, language
from heji_web.requests.problems import problem_of
from heji_web.service.jobs import Job
from heji_web.service.service import the_service

blueprint = Blueprint("upload", __name__)
blueprint.after_request(permit_scripts)

# A file that took no time is checked anew whenever its page is asked for.
_KEPT_ABOVE = 2000
# More lines than an instrument's file has.
_MOST_LEFT_OUT = 5_000
_LABORATORIES = frozenset({"laboratory", "third_party_laboratory", "producer"})


@blueprint.get("/desk/upload")
def show() -> ResponseReturnValue:
    """Where a file is chosen; templates and help."""
    return _first_page(signed_in().author)


@blueprint.post("/desk/upload")
def take() -> ResponseReturnValue:
    """Keep the file until it is confirmed, and show what it says."""
    service = the_service()
    permit_body(service.settings.bulk_limit)
    author = signed_in().author
    file = request.files.get("file")
    data = file.read() if file else b""
    if file is None or not data:
        return _first_page(author, InvalidEvent([Problem("", "empty-file")]))
    chosen = Chosen(request.form.get("kind", ""), request.form.get("organisation", ""))
    with service.store.write() as connection:
        import_id = pending.keep_import(
            connection, author.account, plain_name(file.filename or ""), data, chosen, service.clock.now_ms()
        )
    return redirect(url_for("upload.check", import_id=import_id), HTTPStatus.SEE_OTHER)


@blueprint.get("/desk/upload/<import_id>")
def check(import_id: str) -> ResponseReturnValue:
    """What the file says, what is wrong with it, what it is asked about; or its receipts; or how far the work is."""
    author = signed_in().author
    job, is_over = _job(author, import_id)
    if not is_over:
        return _wait_page(import_id, job)
    return _check_page(author, import_id, _outcome(author, import_id, job))


@blueprint.get("/desk/upload/<import_id>/progress.json")
def progress(import_id: str) -> ResponseReturnValue:
    """How far the work on a file is, for the page that waits for it."""
    author = signed_in().author
    with the_service().store.read() as connection:
        pending.check_import(connection, author.account, import_id)
    return jsonify(dump_progress(the_service().jobs.find((author.account, import_id))))


@blueprint.post("/desk/upload/<import_id>")
def decide(import_id: str) -> ResponseReturnValue:
    """Note what was chosen and confirmed, and record it all where nothing is left open."""
    author = signed_in().author
    service = the_service()
    key = (author.account, import_id)
    upload = _pending(author, import_id)
    here = redirect(url_for("upload.check", import_id=import_id), HTTPStatus.SEE_OTHER)
    running = service.jobs.find(key)
    if running is not None and running.name == "record" and not running.is_over:
        return here
    upload = replace(upload, chosen=_chosen(upload.chosen))
    with service.store.write() as connection:
        pending.choose(connection, import_id, upload.chosen)
    service.jobs.forget(key)
    if "record" not in request.form:
        return here
    job = service.jobs.start(
        key, "record", lambda job: check_upload(service, author, upload, job, is_final=True)
    )
    if not job.wait(PATIENCE):
        return here
    checked = _outcome(author, import_id, job)
    if not checked.is_recorded:
        return _check_page(author, import_id, checked), HTTPStatus.CONFLICT
    return redirect(url_for("upload.check", import_id=import_id, done=1), HTTPStatus.SEE_OTHER)


@blueprint.get("/desk/upload/<import_id>/errors.xlsx")
def give_errors(import_id: str) -> ResponseReturnValue:
    """The person's own sheet with the cells in question in red and the reasons beside."""
    author = signed_in().author
    job, is_over = _job(author, import_id)
    if not is_over:
        return _wait_page(import_id, job)
    checked = _outcome(author, import_id, job)
    if not checked.has_sheet:
        raise Unknown
    upload = _pending(author, import_id)
    return send_file(
        mark_sheet(read_grid(upload.data), checked, checked.problems, checked.asked, language()),
        XLSX,
        as_attachment=True,
        download_name=marked_name(upload.file_name),
    )


def _job(author: Author, import_id: str) -> tuple[Job[Checked], bool]:
    """The work on a file that runs or whose outcome still holds, else a new check; and whether it is over.

    Raises Unknown.
    """
    service, key = the_service(), (author.account, import_id)
    # An erasure takes the files that wait; what was read of one must not outlive it.
    with service.store.read() as connection:
        pending.check_import(connection, author.account, import_id)
    job: Job[Checked] | None = service.jobs.find(key)
    if job is not None and not (job.was_shown and job.result().ledger_size != service.recorder.durable_size):
        return job, job.wait(GLANCE)
    upload = _pending(author, import_id)
    job = service.jobs.start(key, "check", lambda job: check_upload(service, author, upload, job))
    return job, job.wait(PATIENCE)


def _outcome(author: Author, import_id: str, job: Job[Checked]) -> Checked:
    """The outcome of a job that is over; that of a long file holds for those who come again until the ledger grows."""
    checked = None
    try:
        checked = job.result()
    finally:
        if checked is None or checked.count <= _KEPT_ABOVE:
            the_service().jobs.forget((author.account, import_id))
    job.was_shown = True
    return checked


def _wait_page(import_id: str, job: Job[Checked]) -> str:
    return progress_page(
        job,
        title=gettext("Upload a file"),
        back=url_for("upload.show"),
        poll=url_for("upload.progress", import_id=import_id),
    )


def _pending(author: Author, import_id: str) -> Pending:
    with the_service().store.read() as connection:
        return pending.import_of(connection, author.account, import_id)


def _chosen(before: Chosen) -> Chosen:
    """What the page says now, on top of what was chosen before."""
    form = request.form
    anew = form.getlist("anew")
    targets_now = {**before.targets, **_targets(), **dict.fromkeys(anew, "")}
    left_out = [line for line in (*before.left_out, *form.getlist("left_out")) if line not in anew]
    confirmed = {place: list(codes) for place, codes in before.acknowledged.items()}
    for name in form:
        if name.startswith("acknowledged."):
            place = name.removeprefix("acknowledged.")
            confirmed[place] = list(dict.fromkeys([*confirmed.get(place, []), *form.getlist(name)]))[:50]
    everywhere = [*before.everywhere, *form.getlist("acknowledge_all")]
    return Chosen(
        form.get("kind", before.kind),
        form.get("organisation", before.organisation),
        targets_now,
        confirmed,
        list(dict.fromkeys(everywhere))[:50],
        list(dict.fromkeys(left_out))[:_MOST_LEFT_OUT],
    )


def _targets() -> dict[str, str]:
    """The samples and batches that the page names by line; where lines alike go together, one names them all."""
    form = request.form
    named = {
        # A suggestion's button comes behind the field of the same name, and counts.
        name.removeprefix("target."): form.getlist(name)[-1].strip()
        for name in form
        if name.startswith("target.")
    }
    if "alike" not in form:
        return named
    of_group = {
        form[f"alike.{line}"]: text for line, text in named.items() if text and f"alike.{line}" in form
    }
    return {line: text or of_group.get(form.get(f"alike.{line}", ""), "") for line, text in named.items()}


def _first_page(author: Author, error: InvalidEvent | None = None) -> ResponseReturnValue:
    with the_service().store.read() as connection:
        kinds, givers = _may_record(connection, author)
    page = render_template(
        "upload.html",
        kinds=kinds,
        givers=givers,
        most_givers=MOST_GIVERS,
        has_instrument=bool(author.roles & _LABORATORIES),
        instrument=INSTRUMENT,
        refusal=error,
    )
    return make_response(page, HTTPStatus.UNPROCESSABLE_ENTITY if error else HTTPStatus.OK)


def _may_record(connection: Connection, author: Author) -> tuple[list[Kind], list[Suggestion]]:
    """The kinds that this person may upload, and for whom: the own organisation first."""
    recorded = choices.recorded_for(connection, author, beijing_date(the_service().clock.now_ms()))
    codes = list(dict.fromkeys([author.organisation, *(code for each in recorded.values() for code in each)]))
    names = choices.names_of(connection, codes, own=codes)
    return [KINDS[name] for name in recorded], [Suggestion(code, names.get(code, code)) for code in codes]


def _check_page(author: Author, import_id: str, checked: Checked) -> str:
    with the_service().store.read() as connection:
        kinds, givers = _may_record(connection, author)
        ids = [each.receipt.event_id for each in checked.recorded] if checked.is_recorded else []
        standing = choices.standing_events(connection, ids)
        runs = imported.imports_of_file(connection, author, checked.sha256) if checked.is_recorded else []
        reach = targets.reach_of(connection, author, beijing_date(the_service().clock.now_ms()))
        suggested = {
            row.line: targets.suggest_targets(
                connection,
                author,
                reach,
                row.sampled_unit,
                row.sample_name,
                ms_of(parse_moment(row.tested_at)),
                language(),
            )
            for row in checked.unmatched[:MOST_SHOWN]
        }
    return render_template(
        "upload_check.html",
        import_id=import_id,
        checked=checked,
        refusal=problem_of(checked.refusal) if checked.refusal else None,
        chosen=checked.chosen,
        kinds=kinds,
        kind_of=KINDS.get(checked.kind),
        instrument=INSTRUMENT,
        is_stated=checked.kind == STATED,
        has_instrument=bool(author.roles & _LABORATORIES),
        givers=givers,
        most_givers=MOST_GIVERS,
        suggested=suggested,
        questions=_questions(checked.asked),
        kind_labels={kind.name: kind_name(kind, language()) for kind in KINDS.values()},
        levels=LEVELS,
        # Work that took longer than somebody waits for ends on a page whose address does not say so.
        just_done=request.args.get("done") == "1" or not checked.is_repeated,
        standing={event_id for ids in standing.values() for event_id in ids},
        runs=runs,
        local_time=local_time,
    )


def _questions(asked: Sequence[Asked]) -> dict[str, list[Asked]]:
    """The questions by their code, so that many rows are confirmed at once."""
    by_code: dict[str, list[Asked]] = {}
    for each in asked:
        by_code.setdefault(each.question.code, []).append(each)
    return by_code
