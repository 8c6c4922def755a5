"""Who asks: a program by its bearer token, or a person by the session cookie."""

from __future__ import annotations

from dataclasses import replace
from hmac import compare_digest

from flask import Flask, Request, g, request
from markupsafe import Markup
from sqlalchemy import Connection
from werkzeug.wrappers import Response

from heji_trace.desks.choices import names_of
from heji_trace.errors import NotAllowed, NotSignedIn
from heji_trace.known.state import State
from heji_trace.people.parties import Author
from heji_trace.people.sessions import Session, session_of, touch_session
from heji_trace.rights.rights import in_force
from heji_web.service.service import the_service

CSRF_FIELD = "csrf"
CSRF_HEADER = "X-CSRF-Token"

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# Each touch is a write; an idle limit of hours is not harmed by minutes.
_TOUCH_MS = 300_000


def author_of(request: Request) -> Author:
    """Who makes this request; raises NotSignedIn.

    A request that brings an Authorization header is judged by it alone. One that comes with a cookie and changes
    something must carry the session's token against forgery: raises NotAllowed.
    """
    if "author" not in g:
        header = request.headers.get("Authorization")
        g.author = signed_in().author if header is None else _author_of_header(header)
    author: Author = g.author
    return author


def signed_in() -> Session:
    """The session of the person who asks; raises NotSignedIn, or NotAllowed for a forged form."""
    session = find_session()
    if session is None:
        raise NotSignedIn("session-over" if request.cookies.get(cookie_name()) else None)
    if request.method not in _SAFE_METHODS:
        check_csrf(session.csrf)
    return session


def find_session() -> Session | None:
    """The session of the person who asks, for a page that looks the same to strangers."""
    if "session" not in g:
        g.session = _read_session()
    session: Session | None = g.session
    return session


def session_in_force(connection: Connection, secret: str) -> Session:
    """The session behind a cookie, in the roles that its organisation has now; raises NotSignedIn."""
    service = the_service()
    session = session_of(connection, secret, service.settings.lifetime, service.clock.now_ms())
    return replace(session, author=in_force(State(connection), session.author))


def adopt_session(session: Session) -> None:
    """Let the rest of this request be the session's, which began in it."""
    g.session = session


def check_csrf(expected: str) -> None:
    """Raises NotAllowed where the form or header does not carry the `expected` token."""
    given = request.headers.get(CSRF_HEADER) or request.form.get(CSRF_FIELD, "")
    if not compare_digest(given.encode("utf-8", "replace"), expected.encode()):
        raise NotAllowed("stale-form")


def check_same_site() -> None:
    """Raises NotAllowed where the browser says that another site sent this form; for forms without a session.

    The header Origin would not do: under `Referrer-Policy: no-referrer` it is "null" in our own forms too.
    """
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        raise NotAllowed("stale-form")


def check_role(author: Author, *roles: str) -> None:
    """Raises NotAllowed where the author has none of the roles."""
    if not author.roles & set(roles):
        raise NotAllowed


def cookie_name() -> str:
    """The name of the session cookie; the prefix makes browsers insist on Secure, Path=/ and no Domain."""
    return "__Host-heji" if the_service().settings.is_https else "heji"


def set_session_cookie(response: Response, secret: str) -> None:
    """Hand the session's secret to the browser; it forgets it when it is closed."""
    response.set_cookie(
        cookie_name(),
        secret,
        path="/",
        secure=the_service().settings.is_https,
        httponly=True,
        samesite="Lax",
    )


def drop_session_cookie(response: Response) -> None:
    """Make the browser forget the session's secret."""
    response.delete_cookie(
        cookie_name(), path="/", secure=the_service().settings.is_https, httponly=True, samesite="Lax"
    )


def install_access(app: Flask) -> None:
    """Give templates the person who has signed in and the field that proves a form to be ours."""
    app.context_processor(
        lambda: {
            "person": g.get("session"),
            "csrf_field": csrf_field,
            "own_organisation": own_organisation,
        }
    )


def own_organisation() -> str:
    """What the organisation of the person who has signed in is called; its code where no register says."""
    code = signed_in().author.organisation
    with the_service().store.read() as connection:
        return names_of(connection, [code], own=[code]).get(code, code)


def csrf_field() -> Markup:
    """The hidden field that every form of a signed-in person carries."""
    session = find_session()
    field = Markup('<input type="hidden" name="{}" value="{}">')
    return Markup() if session is None else field.format(CSRF_FIELD, session.csrf)


def _author_of_header(header: str) -> Author:
    scheme, _, secret = header.partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise NotSignedIn("bad-authorization")
    return the_service().speakers.author_of(secret.strip())


def _read_session() -> Session | None:
    secret = request.cookies.get(cookie_name())
    if not secret:
        return None
    service = the_service()
    now_ms = service.clock.now_ms()
    try:
        with service.store.read() as connection:
            session = session_in_force(connection, secret)
    except NotSignedIn:
        return None
    if now_ms - session.seen_ms > _TOUCH_MS:
        with service.store.write() as connection:
            touch_session(connection, secret, now_ms)
    return session
