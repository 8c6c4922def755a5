"""Official results at the desk: what laboratories found of official samples, released by the regulator with one tap."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from heji_trace.desks import choices
from heji_trace.errors import HejiError
from heji_trace.events.kinds import words
from heji_trace.identifiers.event_ids import new_event_id
from heji_trace.judging.readings import reading_of
from heji_trace.people.parties import Author
from heji_trace.rights.releases import draft_release, results_awaiting
from heji_trace.vocabulary.times import BEIJING, moment_of
from heji_web.desks.tables_out import labels_of
from heji_web.events.described import local_time
from heji_web.requests.access import check_role, signed_in
from heji_web.requests.headers import permit_scripts
from heji_web.requests.languages import language
from heji_web.requests.problems import ProblemAnswer, problem_of
from heji_web.service.service import the_service

blueprint = Blueprint("releases", __name__)
blueprint.after_request(permit_scripts)


@blueprint.get("/desk/releases")
def listed() -> ResponseReturnValue:
    """The official results that await their release."""
    return _page(_regulator())


@blueprint.post("/desk/releases")
def release() -> ResponseReturnValue:
    """Release one result: every consumer page that rests on it shows it with the same commit."""
    author = _regulator()
    service = the_service()
    try:
        with service.store.read() as connection:
            event = draft_release(
                connection,
                author,
                request.form.get("step", ""),
                event_id=request.form.get("id", ""),
                occurred_at=request.form.get("at", ""),
            )
        receipt = service.recorder.submit(event, author)
    except HejiError as error:
        problem = problem_of(error)
        response = make_response(_page(author, problem), problem.status)
        response.headers.update(problem.headers)
        return response
    return redirect(url_for("events.show", event_id=receipt.event_id, done=1), HTTPStatus.SEE_OTHER)


def _regulator() -> Author:
    author = signed_in().author
    check_role(author, "regulator")
    return author


def _page(author: Author, refusal: ProblemAnswer | None = None) -> str:
    service = the_service()
    now_ms = service.clock.now_ms()
    with service.store.read() as connection:
        found = results_awaiting(connection)
        codes = {each.details["laboratory"] for each in found} | {each.drawn_by for each in found}
        names = choices.names_of(connection, codes, own=codes)
    readings = {
        each.event_id: [
            reading_of(
                row,
                is_example=service.is_demonstration,
                is_screening=each.details.get("method_class") == "rapid",
            ).sentence[language()]
            for row in each.details.get("results", ())
        ]
        for each in found
    }
    return render_template(
        "releases.html",
        found=found,
        readings=readings,
        names=names,
        ids={each.event_id: new_event_id(now_ms, service.random) for each in found},
        now=moment_of(now_ms).astimezone(BEIJING).isoformat(timespec="seconds"),
        refusal=refusal,
        conclusions=labels_of(words.CONCLUSION),
        states=labels_of(words.TEST_STATUS),
        local_time=local_time,
        own=author.organisation,
    )
