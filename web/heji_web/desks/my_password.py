"""The password of the person who has signed in: changed by whoever knows the present one."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from heji_trace.errors import Conflict, InvalidEvent, Problem, TooMany
from heji_trace.people import passwords, sessions
from heji_trace.people.sessions import Session
from heji_web.requests.access import find_session, set_session_cookie, signed_in
from heji_web.requests.headers import permit_scripts
from heji_web.requests.problems import ProblemAnswer, problem_of, wants_html
from heji_web.service.service import the_service

blueprint = Blueprint("my_password", __name__)
blueprint.after_request(permit_scripts)


@blueprint.get("/desk/password")
def show() -> ResponseReturnValue:
    """The form, or that the password has been changed."""
    return _page(signed_in())


@blueprint.post("/desk/password")
def change() -> ResponseReturnValue:
    """Set the new password; the person goes on in a new session, everybody else in the account is signed out.

    Who has been signed out while typing signs in and comes back to the form, which carries no password on.
    """
    if wants_html() and find_session() is None:
        return redirect(url_for("sign_in.show", next=url_for("my_password.show")), HTTPStatus.SEE_OTHER)
    session = signed_in()
    service = the_service()
    chosen = request.form.get("password", "")
    try:
        if request.form.get("repeat", "") != chosen:
            raise InvalidEvent([Problem("/repeat", "passwords-differ")])
        secret = sessions.change_password(
            service.store,
            service.passwords,
            session,
            request.form.get("present", ""),
            chosen,
            source=request.remote_addr or "",
            random=service.random,
            now_ms=service.clock.now_ms(),
        )
    except (InvalidEvent, Conflict, TooMany) as error:
        problem = problem_of(error)
        response = make_response(_page(session, problem), problem.status)
        response.headers.update(problem.headers)
        return response
    done = redirect(url_for("my_password.show", done=1), HTTPStatus.SEE_OTHER)
    set_session_cookie(done, secret)
    return done


def _page(session: Session, refusal: ProblemAnswer | None = None) -> str:
    beside = {} if refusal is None else {each.pointer.strip("/"): each for each in refusal.problems}
    return render_template(
        "my_password.html",
        name=session.name,
        refusal=refusal,
        beside=beside,
        least=passwords.LENGTHS[0],
        is_done=refusal is None and request.args.get("done") == "1",
    )
