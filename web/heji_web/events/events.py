"""What was recorded: the list of one's own events, one event with its receipt, and taking a mistake back."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection, select

from heji_trace.desks import choices
from heji_trace.errors import Conflict
from heji_trace.events.kinds import KINDS
from heji_trace.events.schemas import parse_event
from heji_trace.identifiers.event_ids import new_event_id
from heji_trace.known.state import State
from heji_trace.known.statements import stated
from heji_trace.ledger import ledger
from heji_trace.ledger.gone import erased_values
from heji_trace.ledger.ledger import Stored
from heji_trace.people.parties import Author
from heji_trace.proving.merkle import leaf_hash
from heji_trace.rights import disclosure, reading
from heji_trace.rights.concern import may_object
from heji_trace.rights.objections import objections_to
from heji_trace.store.tables import events, warnings
from heji_trace.vocabulary.times import BEIJING, beijing_date, moment_of
from heji_web.events import naming
from heji_web.events.amended import amended_by
from heji_web.events.described import FINAL, erased_facts, facts_of, kind_name, local_time
from heji_web.events.subjects import batches_of, subjects_of
from heji_web.requests.access import signed_in
from heji_web.requests.headers import permit_scripts
from heji_web.requests.languages import gettext, language
from heji_web.requests.questions import page_before
from heji_web.service.service import the_service

blueprint = Blueprint("events", __name__)
blueprint.after_request(permit_scripts)

UNDO_MS = 10 * 60 * 1000
"""How long a record is taken back with one tap; later a correction says why."""

_PAGE = 50


@blueprint.get("/desk/events")
def listed() -> ResponseReturnValue:
    """One's own events, newest first, of one kind if one is chosen."""
    author = signed_in().author
    kind = request.args.get("kind") if request.args.get("kind") in KINDS else None
    before = page_before()
    with the_service().store.read() as connection:
        rows = choices.recent_events(connection, author, kind, before, _PAGE + 1)
        shown = ledger.read_stored(connection, [row.seq for row in rows[:_PAGE]])
        subjects = subjects_of(connection, author, shown)
    return render_template(
        "events.html",
        rows=rows[:_PAGE],
        subjects=subjects,
        earlier=rows[_PAGE - 1].seq if len(rows) > _PAGE else None,
        chosen=kind,
        kinds=KINDS,
        local_time=local_time,
    )


@blueprint.get("/desk/events/<event_id>")
def show(event_id: str) -> ResponseReturnValue:
    """One event as this person may read it, with its place in the ledger."""
    author = signed_in().author
    service = the_service()
    with service.store.read() as connection:
        stored = reading.read_event(connection, author, event_id)
        disclosed = disclosure.disclosed_values(stored, author, disclosure.colleagues(connection, author))
        row = connection.execute(select(events).where(events.c.seq == stored.seq)).one()
        raised = list(
            connection.execute(
                select(warnings.c.code).where(warnings.c.raised_seq == stored.seq).distinct()
            ).scalars()
        )
        contradicted = objections_to(connection, author, event_id)
        body = disclosure.shown_body(stored.event, disclosed)
        names = naming.names_in(connection, author, body, {each.organisation for each in contradicted})
        objector = _objector(connection, author, stored) if row.withdrawn_seq is None else None
        erased = erased_values(connection, [stored.seq]).get(stored.seq, {})
        amended = amended_by(connection, author, stored)
        amendment = _amendment(connection, author, row.withdrawn_seq)
        today = beijing_date(service.clock.now_ms())
        recordable = choices.recorded_for(connection, author, today).keys()
    kind, said = KINDS[stored.event.kind], KINDS[stated(stored.event).kind]
    return render_template(
        "event.html",
        event=stored.event,
        kind=kind,
        kind_name=kind_name(kind, language()),
        entry=stored.seq + 1,
        entry_hash=leaf_hash(stored.entry).hex(),
        recorded=local_time(stored.recorded_ms),
        facts=facts_of(body, language(), names),
        erased=erased_facts(stored.event.body, erased, language()),
        raised=sorted(raised),
        objections=contradicted,
        has_certificate=kind.name == "conformity_certificate",
        local_time=local_time,
        names=names["organisation"],
        objector=objector,
        batches=batches_of(stored.event),
        withdrawn=row.withdrawn_seq,
        recordable=recordable,
        amended=amended,
        amendment=amendment,
        kind_names={
            each.seq: kind_name(KINDS[stated(each.event).kind], language()) for each in amended.records
        }
        if amended
        else {},
        just_done=request.args.get("done") == "1",
        now=moment_of(service.clock.now_ms()).astimezone(BEIJING).isoformat(timespec="seconds"),
        undo_id=_undo_id(stored, author, withdrawn=row.withdrawn_seq is not None),
        may_correct=row.withdrawn_seq is None
        and stored.event.organisation == author.organisation
        and said.name not in {"correction", *FINAL},
        said=said,
    )


@blueprint.post("/desk/events/<event_id>/undo")
def undo(event_id: str) -> ResponseReturnValue:
    """Take a record of the last minutes back with one tap; both stay visible."""
    author = signed_in().author
    service = the_service()
    with service.store.read() as connection:
        stored = reading.read_event(connection, author, event_id)
    if service.clock.now_ms() - stored.recorded_ms > UNDO_MS:
        raise Conflict("undo-too-late")
    correction = {
        "id": request.form.get("id", ""),
        "kind": "correction",
        # From the page, as the id is: a second tap must say the very same.
        "occurred_at": request.form.get("at", ""),
        "organisation": stored.event.organisation,
        "details": {"corrects": [stored.event.id], "reason": gettext("Entered by mistake")},
    }
    receipt = service.recorder.submit(parse_event(correction), author)
    return redirect(url_for("events.show", event_id=receipt.event_id, done=1), HTTPStatus.SEE_OTHER)


def _objector(connection: Connection, author: Author, stored: Stored) -> str | None:
    """The organisation for which this person may object to a statement, the own one first; None where there is none."""
    today = beijing_date(the_service().clock.now_ms())
    speaks_for = choices.recorded_for(connection, author, today).get("objection", [])
    state = State(connection)
    return next((code for code in speaks_for if may_object(state, code, stored.event.id)), None)


def _amendment(connection: Connection, author: Author, withdrawn_seq: int | None) -> Stored | None:
    """The correction that took a record back, where its reader may read that."""
    if withdrawn_seq is None:
        return None
    correction = ledger.read_stored(connection, [withdrawn_seq])[0]
    return correction if reading.seqs_of(connection, author, [correction.event.id]) else None


def _undo_id(stored: Stored, author: Author, *, withdrawn: bool) -> str | None:
    """The id of the correction that a tap would make, or None where it is too late or not one's own."""
    service = the_service()
    now_ms = service.clock.now_ms()
    is_mine = author.organisation == stored.event.organisation
    is_final = stored.event.kind in {"correction", *FINAL}
    if withdrawn or not is_mine or is_final or now_ms - stored.recorded_ms > UNDO_MS:
        return None
    return new_event_id(now_ms, service.random)
