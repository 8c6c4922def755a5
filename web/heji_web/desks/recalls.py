"""Recalls at the desk: opened from a batch with its scope seen before, and read with who still has the goods."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal
from http import HTTPStatus
from typing import Any

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection

from heji_trace.desks import choices, lookup, oversight
from heji_trace.desks.oversight import Answer
from heji_trace.errors import HejiError, InvalidEvent, NotAllowed, Unknown
from heji_trace.events.event import Event
from heji_trace.events.kinds import KINDS
from heji_trace.events.kinds.words import RECALL_STATUS
from heji_trace.identifiers.event_ids import new_event_id
from heji_trace.known.statements import standing_of
from heji_trace.ledger.ledger import size_of
from heji_trace.people.parties import Author
from heji_trace.recalls.recall import RecallReport, parse_recall, recall_of, running_recalls
from heji_trace.recalls.recall_updates import newest_figures, newest_level, newest_status, updates_of
from heji_trace.rights import listing, reading
from heji_trace.tracing import tracing
from heji_trace.vocabulary.times import BEIJING, beijing_date, moment_of
from heji_trace.vocabulary.units import to_base, unit_name
from heji_web.desks.regulator import amounts_said, find_telephone
from heji_web.desks.tables_out import as_of_now, give_recall_list
from heji_web.events import naming
from heji_web.events.described import local_moment, local_time
from heji_web.events.subjects import subjects_of
from heji_web.requests import kept_forms
from heji_web.requests.access import signed_in
from heji_web.requests.headers import permit_scripts
from heji_web.requests.languages import language
from heji_web.requests.problems import ProblemAnswer, problem_of
from heji_web.requests.questions import page_before
from heji_web.service.service import the_service

blueprint = Blueprint("recalls", __name__)
blueprint.after_request(permit_scripts)

_KIND = KINDS["recall"]
_LEVELS = ("1", "2", "3")
_PAGE = 50


@blueprint.get("/desk/batches/<batch>/recall")
def open_form(batch: str) -> ResponseReturnValue:
    """The form, beside what it would reach."""
    author = _recaller()
    service = the_service()
    now_ms = service.clock.now_ms()
    texts = {
        "id": new_event_id(now_ms, service.random),
        "at": moment_of(now_ms).astimezone(BEIJING).isoformat(timespec="seconds"),
        "level": "1",
        "ordered": "true" if "regulator" in author.roles else "false",
    }
    extended = request.args.get("extends", "")
    return _page(author, batch, texts | (_case(author, extended) if extended else {}))


@blueprint.get("/desk/recalls/<event_id>/extend")
def extend(event_id: str) -> ResponseReturnValue:
    """On to the form for a further batch, filled with what the running case says."""
    author = _recaller()
    batch = request.args.get("batch", "").strip()
    with the_service().store.read() as connection:
        recall_of(connection, author, event_id)
        named = [each.code for each in lookup.look_up(connection, batch[:200]) if each.kind == "batch"]
        # What a sample's number or a code leads to is not told to who may not read it.
        found = [code for code in named if code in reading.readable_batches(connection, author, named)]
    if len(found) != 1:
        return redirect(
            url_for("recalls.show", event_id=event_id, missed=batch[:40] or None), HTTPStatus.SEE_OTHER
        )
    return redirect(url_for("recalls.open_form", batch=found[0], extends=event_id), HTTPStatus.SEE_OTHER)


@blueprint.post("/desk/batches/<batch>/recall")
def open_recall(batch: str) -> ResponseReturnValue:
    """Open the recall: every batch in scope says so with the same commit."""
    author = _recaller()
    form = {name: text.replace("\r\n", "\n").strip() for name, text in request.form.items()}
    if kept_forms.AGAIN in request.form:
        return _page(author, batch, form)
    try:
        receipt = the_service().recorder.submit(_stated(author, batch, form), author)
    except HejiError as error:
        problem = problem_of(error)
        return make_response(_page(author, batch, form, problem), problem.status)
    return redirect(url_for("recalls.show", event_id=receipt.event_id, done=1), HTTPStatus.SEE_OTHER)


@blueprint.get("/desk/recalls")
def listed() -> ResponseReturnValue:
    """The recalls that this person may read, newest first."""
    author, before = signed_in().author, page_before()
    with the_service().store.read() as connection:
        seqs = listing.visible_events(
            connection,
            author,
            listing.Filter(kind="recall"),
            after=-1,
            before=size_of(connection) if before is None else before,
            limit=_PAGE + 1,
            newest_first=True,
        )
        found = [standing_of(connection, seq) for seq in seqs[:_PAGE]]
        updates = {each.first_id: updates_of(connection, each.first_id, None) for each in found}
        subjects = subjects_of(connection, author, [each.stored for each in found])
    levels = {
        each.first_id: newest_level(each.event.details["level"], updates[each.first_id]) for each in found
    }
    return render_template(
        "recalls.html",
        found=found,
        subjects=subjects,
        levels=levels,
        status_of=lambda recall: _statuses().get(newest_status(updates[recall.first_id]), ""),
        earlier=seqs[_PAGE - 1] if len(seqs) > _PAGE else None,
        local_time=local_time,
    )


@blueprint.get("/desk/recalls/<event_id>")
def show(event_id: str) -> ResponseReturnValue:
    """A recall with its scope, its deadlines and who still has the goods."""
    author = signed_in().author
    with the_service().store.read() as connection:
        report = recall_of(connection, author, event_id)
        codes = {row.organisation for row in report.scope} | {each.organisation for each in report.consignees}
        codes.add(report.body["organisation"])
        codes |= {each.organisation for each in report.updates}
        codes |= {row["organisation"] for each in report.updates for row in each.consignees}
        facts = _facts(connection, author, report, codes)
        products = choices.product_names(
            connection, language(), {row.product for row in report.scope if row.product}
        )
    now_ms, is_open = the_service().clock.now_ms(), report.withdrawn_seq is None
    return render_template(
        "recall.html",
        report=report,
        details=_details(report),
        may_extend=bool(author.roles & _KIND.recorders) and report.is_whole and report.withdrawn_seq is None,
        missed=request.args.get("missed", "")[:40],
        facts=facts,
        products=products,
        is_late_to_start=is_open and not report.status and report.start_by_ms < now_ms,
        is_late_to_finish=is_open and report.status != "finished" and report.finish_by < beijing_date(now_ms),
        amounts=amounts_said,
        find_telephone=find_telephone,
        local_time=local_time,
        local_moment=local_moment,
        progress=newest_figures(report.updates),
        statuses=_statuses(),
        base_amount=_base_amount,
        unit_name=lambda unit: unit_name(unit, language()),
        may_update=bool(author.roles & KINDS["recall_update"].recorders) and report.withdrawn_seq is None,
        just_done=request.args.get("done") == "1",
    )


@blueprint.get("/desk/recalls/<event_id>/call-list.csv")
def give_calls(event_id: str) -> ResponseReturnValue:
    """Whom to call about a recall, as a spreadsheet program opens it."""
    author = signed_in().author
    with the_service().store.read() as connection:
        report = recall_of(connection, author, event_id)
        codes = {each.organisation for each in report.consignees}
        codes |= {row["organisation"] for each in report.updates for row in each.consignees}
        facts = _facts(connection, author, report, codes)
        as_of = as_of_now(connection)
    return give_recall_list(report, facts, as_of)


def _facts(
    connection: Connection, author: Author, report: RecallReport, codes: Collection[str]
) -> Mapping[str, Mapping[str, Any]]:
    """What is told of organisations: whoever conducts the recall must be able to call households too."""
    own = codes if report.is_whole else naming.own_organisations(connection, author)
    return choices.facts_told(connection, codes, own)


def _statuses() -> dict[str, str]:
    return {option.value: option.zh if language() == "zh" else option.en for option in RECALL_STATUS.options}


def _case(author: Author, event_id: str) -> dict[str, str]:
    """What the form of a further batch takes over from a running case; raises Unknown."""
    with the_service().store.read() as connection:
        details = _details(recall_of(connection, author, event_id))
    texts = {name: str(details.get(name, "")) for name in ("level", "reason", "document", "scope")}
    return texts | {"ordered": "true" if details["ordered"] else "false", "extends": event_id}


def _base_amount(row: Mapping[str, Any], name: str) -> int | str:
    """A reported figure in base units, by which the page sorts; "" where there is none or no unit that says how much."""
    try:
        return to_base(Decimal(row[name]), row["unit"])[1]
    except (KeyError, InvalidEvent):
        return ""


def _details(report: RecallReport) -> Mapping[str, Any]:
    """What the recall says, of a correction its replacement."""
    details: Mapping[str, Any] = (report.body["details"].get("replacement") or report.body)["details"]
    return details


def _recaller() -> Author:
    author = signed_in().author
    if not author.roles & _KIND.recorders:
        raise NotAllowed("kind-not-for-role", kind=_KIND.zh if language() == "zh" else _KIND.en)
    return author


def _stated(author: Author, batch: str, form: Mapping[str, str]) -> Event:
    """The recall that the form asks for; raises InvalidEvent."""
    raw: dict[str, object] = {name: form[name] for name in ("reason", "scope", "document") if form.get(name)}
    raw["batches"] = [batch]
    # From the page, as the id is: a second tap must say the very same.
    raw["occurred_at"] = form.get("at")
    raw["level"] = int(form["level"]) if form.get("level") in _LEVELS else None
    raw["ordered"] = {"true": True, "false": False}.get(form.get("ordered", ""))
    return parse_recall(raw, author, form.get("id", ""), the_service().clock.now_ms())


def _page(author: Author, batch: str, texts: Mapping[str, str], refusal: ProblemAnswer | None = None) -> str:
    answer = _scope(author, batch)
    with the_service().store.read() as connection:
        recalls = [
            each
            for each in running_recalls(connection, batch)
            if each.standing == "frozen" and not each.is_finished
        ]
    by_name: dict[str, list[str]] = {}
    for problem in refusal.problems if refusal else ():
        by_name.setdefault(problem.pointer.rpartition("/")[2], []).append(problem.sentence(language()))
    return render_template(
        "recall_form.html",
        batch=batch,
        answer=answer,
        frozen=[shown for shown in answer.rows if shown.row.down is not None],
        upstream=[shown for shown in answer.rows if shown.row.down is None],
        texts=texts,
        recalls=recalls,
        refusal=refusal,
        problems=by_name,
        amounts=amounts_said,
    )


def _scope(author: Author, batch: str) -> Answer:
    """What a recall of the batch would reach, as far as this person may see it."""
    with the_service().store.read() as connection:
        reading.check_may_read_batch(connection, author, batch)
        trace = tracing.trace_of(connection, batch, "both")
        if trace is None:
            raise Unknown
        own = naming.own_organisations(connection, author)
        return oversight.answer_of(connection, author, trace, language(), own=own)
