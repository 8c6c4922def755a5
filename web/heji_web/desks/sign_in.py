"""Signing in and out."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from heji_trace.errors import HejiError, NotSignedIn, TooMany
from heji_trace.people import sessions
from heji_web.requests import kept_forms
from heji_web.requests.access import (
    adopt_session,
    check_same_site,
    cookie_name,
    drop_session_cookie,
    find_session,
    session_in_force,
    set_session_cookie,
    signed_in,
)
from heji_web.requests.headers import permit_scripts
from heji_web.requests.problems import problem_of
from heji_web.service.service import the_service

blueprint = Blueprint("sign_in", __name__)
blueprint.after_request(permit_scripts)


@blueprint.get("/sign-in")
def show() -> ResponseReturnValue:
    """The form; who has signed in already goes on."""
    if find_session() is not None:
        return redirect(_next_address(), HTTPStatus.SEE_OTHER)
    return render_template("sign_in.html", name="", refusal=None, next=request.args.get("next", ""), kept="")


@blueprint.post("/sign-in")
def enter() -> ResponseReturnValue:
    """Check name and password, start a session, go on to the page that was asked for."""
    check_same_site()
    service = the_service()
    name = request.form.get("name", "")
    old = request.cookies.get(cookie_name())
    try:
        secret = sessions.sign_in(
            service.store,
            service.passwords,
            name,
            request.form.get("password", ""),
            source=request.remote_addr or "",
            random=service.random,
            now_ms=service.clock.now_ms(),
        )
    except (NotSignedIn, TooMany) as error:
        return _show_again(name, error)
    with service.store.write() as connection:
        sessions.forget_old_sessions(connection, service.settings.lifetime, service.clock.now_ms())
        if old:
            sessions.sign_out(connection, old)
    kept = request.form.get("kept", "")
    if kept:
        with service.store.read() as connection:
            adopt_session(session_in_force(connection, secret))
        response: Response = kept_forms.go_on(kept, _next_address(), HTTPStatus.OK)
    else:
        response = redirect(_next_address(), HTTPStatus.SEE_OTHER)
    set_session_cookie(response, secret)
    return response


@blueprint.post("/sign-out")
def leave() -> ResponseReturnValue:
    """End the session here and in the database."""
    signed_in()
    service = the_service()
    with service.store.write() as connection:
        sessions.sign_out(connection, request.cookies[cookie_name()])
    response = redirect(url_for("sign_in.show"), HTTPStatus.SEE_OTHER)
    drop_session_cookie(response)
    # On a machine that several people use, going back must show the next one nothing.
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


def _show_again(name: str, error: HejiError) -> ResponseReturnValue:
    problem = problem_of(error)
    page = render_template(
        "sign_in.html",
        name=name[:64],
        refusal=problem,
        next=request.form.get("next", ""),
        kept=request.form.get("kept", ""),
    )
    response = make_response(page, problem.status)
    # A browser would show its own dialogue for a challenge that it knows.
    response.headers.update(
        {header: value for header, value in problem.headers.items() if header != "WWW-Authenticate"}
    )
    return response


def _next_address() -> str:
    r"""Where to go on: only an address of this service, since the parameter may come from a foreign link.

    Browsers read `//host`, `/\host` and a tab or line break after the first slash as another host.
    """
    wanted = request.values.get("next", "")
    is_local = (
        wanted.startswith("/")
        and not wanted.startswith(("//", "/\\"))
        and wanted.isprintable()
        and "\\" not in wanted
    )
    return wanted if is_local else url_for("home.desk")
