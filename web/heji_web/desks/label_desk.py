"""Labels at the desk: a code is issued for a batch, seen, and printed."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from heji_trace.desks import choices
from heji_trace.errors import HejiError, NotAllowed
from heji_trace.events.event import Event
from heji_trace.events.kinds import KINDS
from heji_trace.identifiers.codes import dump_phone_code, dump_trace_code
from heji_trace.identifiers.event_ids import new_event_id
from heji_trace.judging.levels import LEVELS, STOPPING
from heji_trace.known.state import State
from heji_trace.labelling import label_runs
from heji_trace.labelling.label_issue import draft_label, record_label_once
from heji_trace.people.parties import Author
from heji_trace.printing.label_sheet import MAX_LABELS
from heji_web.desks.regulator import amounts_said
from heji_web.requests import kept_forms
from heji_web.requests.access import signed_in
from heji_web.requests.headers import permit_scripts
from heji_web.requests.languages import language
from heji_web.requests.problems import ProblemAnswer, problem_of
from heji_web.requests.questions import page_before
from heji_web.service.service import the_service

blueprint = Blueprint("label_desk", __name__)
blueprint.after_request(permit_scripts)

_KIND = KINDS["label_issue"]
_MOST_DIGITS = 7
_RUNS = 50


@blueprint.get("/desk/labels")
def open_form() -> ResponseReturnValue:
    """The form, beside the runs that were issued."""
    author = _issuer()
    service = the_service()
    texts = {
        "id": new_event_id(service.clock.now_ms(), service.random),
        "batch": request.args.get("batch", "")[:40],
        "copies": request.args.get("copies", "")[:_MOST_DIGITS],
    }
    return _page(author, texts)


@blueprint.post("/desk/labels")
def issue() -> ResponseReturnValue:
    """Issue one code for a run of labels; a second tap leads to the same run."""
    author = _issuer()
    texts = {name: request.form.get(name, "").strip() for name in ("id", "batch", "product", "copies")}
    if kept_forms.AGAIN in request.form:
        return _page(author, texts)
    service = the_service()
    try:
        run = record_label_once(service.store, service.recorder, author, _drafted(author, texts))
    except HejiError as error:
        problem = problem_of(error)
        response = make_response(_page(author, texts, problem), problem.status)
        response.headers.update(problem.headers)
        return response
    return redirect(url_for("label_desk.show", run=run, done=1), HTTPStatus.SEE_OTHER)


@blueprint.get("/desk/labels/<run>")
def show(run: str) -> ResponseReturnValue:
    """The code of a run as it is printed, and the ways to print it."""
    author = signed_in().author
    service = the_service()
    with service.store.read() as connection:
        found = label_runs.run_of(connection, author, run)
        label = (
            None
            if found.standing == "void"
            else label_runs.label_of(connection, found, service.settings.base_url, language())
        )
        products = choices.product_names(connection, language(), [found.product])
        batch = found.batch or ""
        codes = label_runs.loud_codes(connection, [batch] if batch else [], service.clock.now_ms())
    loud = codes.get(batch, ())
    return render_template(
        "label.html",
        run=found,
        product=products.get(found.product, found.product),
        label=label,
        stopped=[code for code in loud if code in STOPPING],
        warned=[code for code in loud if code not in STOPPING],
        trace_code=dump_trace_code(found.trace_code),
        phone_code=dump_phone_code(found.phone_code),
        levels=LEVELS,
        most=MAX_LABELS,
        may_issue=bool(author.roles & _KIND.recorders) and found.organisation == author.organisation,
        just_done=request.args.get("done") == "1",
    )


def _issuer() -> Author:
    author = signed_in().author
    if not author.roles & _KIND.recorders:
        raise NotAllowed("kind-not-for-role", kind=_KIND.zh if language() == "zh" else _KIND.en)
    return author


def _drafted(author: Author, texts: Mapping[str, str]) -> Event:
    """The issue that the form asks for; the product is the batch's own. Raises InvalidEvent."""
    service = the_service()
    batch, copies = texts["batch"] or None, texts["copies"]
    with service.store.read() as connection:
        row = State(connection).find_batch(batch) if batch else None
    wanted = {
        "product": (row["product"] if row else None) or texts["product"] or None,
        "batch": batch,
        "copies": int(copies) if copies.isdecimal() and len(copies) <= _MOST_DIGITS else copies or None,
    }
    # What was confirmed of one batch is asked anew of another.
    is_same = request.form.get("asked") == texts["batch"]
    confirmed = request.form.getlist("acknowledged") if is_same else []
    return draft_label(
        author,
        wanted,
        now_ms=service.clock.now_ms(),
        random=service.random,
        event_id=texts["id"],
        acknowledged=confirmed or None,
    )


def _page(author: Author, texts: Mapping[str, str], refusal: ProblemAnswer | None = None) -> str:
    service = the_service()
    with service.store.read() as connection:
        now_ms = service.clock.now_ms()
        batches = label_runs.batches_to_label(connection, author.organisation, language(), now_ms)
        runs = label_runs.recent_runs(connection, author.organisation, page_before(), _RUNS + 1)
        products = choices.product_names(connection, language(), {run.product for run in runs})
    problems: dict[str, list[str]] = {}
    for problem in refusal.problems if refusal else ():
        problems.setdefault(problem.pointer.rpartition("/")[2], []).append(problem.sentence(language()))
    return render_template(
        "labels.html",
        batches=[each for each in batches if not each.stopped],
        stopped=[each for each in batches if each.stopped],
        runs=runs[:_RUNS],
        earlier=runs[_RUNS - 1].seq if len(runs) > _RUNS else None,
        products=products,
        texts=texts,
        refusal=refusal,
        problems=problems,
        amounts=amounts_said,
        trace_code=dump_trace_code,
        levels=LEVELS,
    )
