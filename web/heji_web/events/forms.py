"""One form for each kind of event, generated from its declaration: opened, filled line by line, recorded once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection

from heji_trace.desks import choices
from heji_trace.desks.suggestions import Asking, Suggestion, suggest
from heji_trace.errors import HejiError, InvalidEvent, NotAllowed, Problem, Unknown
from heji_trace.events.event import Event
from heji_trace.events.kinds import KINDS, Kind
from heji_trace.events.schemas import parse_event
from heji_trace.events.sheets.names import with_codes
from heji_trace.events.sheets.posted import read_posted
from heji_trace.identifiers.event_ids import new_event_id
from heji_trace.known.statements import stated
from heji_trace.people.parties import Author
from heji_trace.recording.recorder import Receipt
from heji_trace.rights import reading
from heji_trace.rights.rights import OPERATED_FOR_OTHERS
from heji_trace.vocabulary.times import BEIJING, beijing_date, moment_of
from heji_web.events import filled
from heji_web.events.beside import beside
from heji_web.events.described import FINAL
from heji_web.events.drawn import MOST_GIVERS, Fault, draw, suggestions_by_place, wanted_suggestions
from heji_web.events.filled import Texts
from heji_web.events.naming import known_names, names_of_codes
from heji_web.events.opened import Desk, corrected_texts, last_texts, new_texts, place_of_work
from heji_web.requests import kept_forms
from heji_web.requests.access import signed_in
from heji_web.requests.headers import permit_scripts
from heji_web.requests.languages import gettext, language
from heji_web.requests.problems import ProblemAnswer, problem_of
from heji_web.service.service import the_service

blueprint = Blueprint("forms", __name__)
blueprint.after_request(permit_scripts)

_GIVER = "organisation"
_REASON = "/details/reason"
_MOST_LISTED = 30


@dataclass(frozen=True, slots=True)
class Filling:
    """A form while it is filled: `corrects` is the event that the new one replaces, "" for an ordinary one.

    `event_id` and `opened_at` are made when the form is opened, so that a second tap says the very same.
    """

    desk: Desk
    texts: Texts
    event_id: str
    opened_at: str
    corrects: str = ""
    reason: str = ""
    acknowledged: tuple[str, ...] = ()
    refusal: ProblemAnswer | None = None


@blueprint.get("/desk/record/<kind>")
def show(kind: str) -> ResponseReturnValue:
    """A new form, filled with the present, what the address says, and what was said last time."""
    author = signed_in().author
    service = the_service()
    corrects = request.args.get("corrects", "")
    with service.store.read() as connection:
        if corrects:
            stored = reading.read_event(connection, author, corrects)
            desk = _desk_of(connection, author, kind, stated(stored.event).organisation)
            texts = corrected_texts(connection, desk, stored)
        else:
            desk = _desk_of(connection, author, kind, request.args.get(_GIVER, ""))
            texts = new_texts(connection, desk)
    now_ms = service.clock.now_ms()
    filling = Filling(desk, texts, new_event_id(now_ms, service.random), _moment_text(now_ms), corrects)
    _name_anew(filling)
    return _page(filling)


@blueprint.get("/desk/record/<kind>/for")
def choose(kind: str) -> ResponseReturnValue:
    """For whom of many a record is to be made, found by a part of the name or by the code."""
    author = signed_in().author
    wanted = request.args.get("find", "").strip()
    with the_service().store.read() as connection:
        found, codes = _form_of(connection, author, kind)
        names = choices.names_of(connection, codes, own=codes)
    such = [
        Suggestion(code, names.get(code, ""))
        for code in codes
        if wanted.casefold() in f"{code}\n{names.get(code, '')}".casefold()
    ]
    return render_template(
        "givers.html", kind=found, find=wanted, givers=such[:_MOST_LISTED], count=len(such)
    )


@blueprint.post("/desk/record/<kind>")
def record(kind: str) -> ResponseReturnValue:
    """Add or drop a line, or record the event and show its receipt."""
    author = signed_in().author
    with the_service().store.read() as connection:
        desk = _desk_of(connection, author, kind, request.form.get(_GIVER, ""))
        filling = _posted(desk)
        if kept_forms.TURN in request.form:
            return _page(_turned(connection, filling))
    if "add" in request.form:
        filled.add_row(desk.kind, filling.texts, request.form["add"])
        _name_anew(filling)
        return _page(filling)
    if "drop" in request.form or kept_forms.AGAIN in request.form:
        return _page(filling)
    try:
        receipt = _record(filling)
    except HejiError as error:
        return _page_again(filling, error)
    return redirect(url_for("events.show", event_id=receipt.event_id, done=1), HTTPStatus.SEE_OTHER)


def _record(filling: Filling) -> Receipt:
    desk, service = filling.desk, the_service()
    with service.store.read() as connection:
        known = known_names(connection, desk.author, desk.kind, service.clock.now_ms())
        raw = with_codes(desk.kind, read_posted(desk.kind, _pairs(filling.texts)), known)
        place = place_of_work(connection, desk.kind, raw)
        wrong = reading.read_event(connection, desk.author, filling.corrects) if filling.corrects else None
    if place is not None:
        raw.setdefault("site", place)
    if filling.corrects:
        raw = _correction(filling, raw)
    raw["id"] = filling.event_id
    if filling.acknowledged:
        raw["acknowledged"] = list(filling.acknowledged)
    event = parse_event(raw)
    if wrong is not None and _said(wrong.event) == _said(event):
        raise InvalidEvent([Problem("", "correction-changes-nothing")])
    return service.recorder.submit(event, desk.author)


def _said(event: Event) -> dict[str, Any]:
    """What an event says, or what it puts in another's place."""
    return {name: part for name, part in stated(event).body.items() if name not in ("id", "acknowledged")}


def _correction(filling: Filling, replacement: dict[str, Any]) -> dict[str, Any]:
    # Made of the correction's own id: a double tap must not replace twice.
    replacement["id"] = str(uuid5(NAMESPACE_OID, f"replacement {filling.event_id}"))
    details: dict[str, Any] = {"corrects": [filling.corrects], "replacement": replacement}
    if filling.reason.strip():
        details["reason"] = filling.reason
    return {
        "kind": "correction",
        "occurred_at": filling.opened_at,
        "organisation": replacement.get("organisation"),
        "details": details,
    }


def _form_of(connection: Connection, author: Author, kind_name: str) -> tuple[Kind, list[str]]:
    """The kind, and for whom the author may record it: the own organisation first where it is among them.

    Raises Unknown for a kind without a form, NotAllowed where the author may record it for nobody.
    """
    kind = KINDS.get(kind_name)
    if kind is None or not kind.form:
        raise Unknown
    today = beijing_date(the_service().clock.now_ms())
    codes = choices.recorded_for(connection, author, today).get(kind.name, [])
    if not codes:
        raise NotAllowed("kind-not-for-role", kind=kind.zh if language() == "zh" else kind.en)
    return kind, codes


def _desk_of(connection: Connection, author: Author, kind_name: str, giver: str) -> Desk:
    """The desk at which a record is made for `giver`, or for the first for whom it may be; raises as `_form_of` does.

    Its lists are those of whom the form is for: whoever records for several does not search theirs among all.
    """
    kind, codes = _form_of(connection, author, kind_name)
    is_for_one = len(codes) > MOST_GIVERS
    if is_for_one:
        codes = [giver if giver in codes else codes[0]]
    names = choices.names_of(connection, codes, own=codes)
    is_free = giver and giver not in codes
    listed = tuple(codes) if is_free else (giver or codes[0],)
    return Desk(
        kind,
        author,
        tuple(Suggestion(code, names.get(code, "")) for code in codes),
        is_for_one,
        "operator" in author.roles and kind.name in OPERATED_FOR_OTHERS,
        suggest(connection, Asking(author, listed, language()), wanted_suggestions(kind)),
    )


def _turned(connection: Connection, filling: Filling) -> Filling:
    """The form for somebody else: what belongs to whom it was for is left out, and what he grows or has comes."""
    desk, texts = filling.desk, filling.texts
    giver = texts.get(_GIVER, [""])[0]
    if all(each.value != giver for each in desk.givers):
        return filling
    offered = suggestions_by_place(desk.kind, desk.suggestions)
    last = last_texts(connection, desk.kind, giver, "")
    for place in filled.places_of_own(desk.kind):
        known = {each.value for each in offered.get(place, ())}
        for name in [name for name in texts if filled.place_of_name(name) == place]:
            texts[name] = [text for text in texts[name] if text in known]
        if not texts.get(place) and place in last:
            texts[place] = last[place]
    return replace(filling, acknowledged=())


def _posted(desk: Desk) -> Filling:
    pairs = list(request.form.items(multi=True))
    if dropped := request.form.get("drop"):
        pairs = [(name, text) for name, text in pairs if not name.startswith(f"{dropped}.")]
    return Filling(
        desk,
        filled.posted_texts(desk.kind, pairs),
        request.form.get("id", ""),
        request.form.get("opened_at", ""),
        request.form.get("corrects", ""),
        request.form.get("reason", ""),
        tuple(request.form.getlist("acknowledged")),
    )


def _name_anew(filling: Filling) -> None:
    service = the_service()
    day = beijing_date(service.clock.now_ms())
    filled.name_anew(filling.desk.kind, filling.texts, day, service.random)


def _pairs(texts: Texts) -> list[tuple[str, str]]:
    return [(name, text) for name, values in texts.items() for text in values]


def _moment_text(ms: int) -> str:
    return moment_of(ms).astimezone(BEIJING).isoformat(timespec="seconds")


def _page_again(filling: Filling, error: HejiError) -> ResponseReturnValue:
    problem, shown = problem_of(error), problem_of(_told_beside(filling, error))
    response = make_response(_page(replace(filling, refusal=shown)), problem.status)
    response.headers.update(problem.headers)
    return response


def _told_beside(filling: Filling, error: HejiError) -> HejiError:
    if not isinstance(error, NotAllowed):
        return error
    with the_service().store.read() as connection:
        problem = beside(connection, filling.desk.author, error)
    return error if problem is None else InvalidEvent([problem])


def _page(filling: Filling) -> str:
    desk = filling.desk
    problems = filling.refusal.problems if filling.refusal else ()
    asked = [problem for problem in problems if filling.corrects and problem.pointer == _REASON]
    on_page = [_of_replacement(problem) for problem in problems if problem not in asked]
    drawn, faults = draw(desk.kind, filling.texts, desk.suggestions, on_page)
    shown = [control for control in drawn if control.name != _GIVER]
    return render_template(
        "form.html",
        kind=desk.kind,
        desk=desk,
        filling=filling,
        giver=filling.texts.get(_GIVER, [""])[0],
        for_whom=next(control for control in drawn if control.name == _GIVER),
        first=[control for control in shown if control.first],
        more=[control for control in shown if not control.first],
        turn=kept_forms.TURN,
        is_final=desk.kind.name in FINAL,
        taken_back=_taken_back(filling),
        faults=[*_faults_of_reason(asked), *map(partial(_reachable, desk), faults)][:_MOST_LISTED],
        further_faults=max(0, len(problems) - _MOST_LISTED),
    )


def _taken_back(filling: Filling) -> dict[str, str]:
    """What the records are called that a correction takes back, by their ids: nobody knows these by heart."""
    ids = {text.strip() for text in filling.texts.get("details.corrects", ())}
    if filling.desk.kind.name != "correction" or not ids:
        return {}
    with the_service().store.read() as connection:
        return dict(names_of_codes(connection, filling.desk.author, {"event": ids})["event"])


def _faults_of_reason(problems: Sequence[Problem]) -> list[Fault]:
    return [Fault(gettext("What was wrong"), each.sentence(language()), "reason") for each in problems]


def _reachable(desk: Desk, fault: Fault) -> Fault:
    """The fault without a link where the page has no field for it: whoever records for one alone is asked nothing."""
    is_asked = len(desk.givers) > 1 or desk.may_name_others
    return fault if fault.anchor != _GIVER or is_asked else replace(fault, anchor="")


def _of_replacement(problem: Problem) -> Problem:
    """In a correction the fields on the page are those of the event inside it."""
    return replace(problem, pointer=problem.pointer.removeprefix("/details/replacement"))
