"""The headers that every answer carries, and who asked in which request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count

from flask import Flask, Response, current_app, g

from heji_web.service import the_service

_COMMON_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
# The consumer page works without script, so that none may run on it.
POLICY = _COMMON_POLICY
DESK_POLICY = f"{_COMMON_POLICY}; script-src 'self'; connect-src 'self'"

_EXTENSION = "heji-request-ids"
_ALWAYS = (
    ("Content-Security-Policy", POLICY),
    ("Cache-Control", "no-store"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(self), geolocation=(), microphone=()"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
)


def request_id() -> str:
    """The number under which this request stands in the log; made here, never taken from the sender."""
    if "request_id" not in g:
        ids: RequestIds = current_app.extensions[_EXTENSION]
        g.request_id = f"{ids.process}{next(ids.numbers):08x}"
    return str(g.request_id)


@dataclass(frozen=True, slots=True)
class RequestIds:
    """The numbers of one process's requests.

    Counted, not drawn: to ask the kernel for randomness gives the interpreter's lock away, and with thirty-two
    threads at work a page then waits longer to get it back than it takes to be answered.
    """

    process: str
    numbers: Iterator[int]


def install_headers(app: Flask, random: Callable[[int], bytes]) -> None:
    """Number the requests of this application, and put the security headers on every answer."""
    app.extensions[_EXTENSION] = RequestIds(random(4).hex(), count(1))
    app.after_request(secure)


def permit_scripts(response: Response) -> Response:
    """Let a desk's page run this service's own script files; for `blueprint.after_request`."""
    response.headers["Content-Security-Policy"] = DESK_POLICY
    return response


def _wanted() -> Iterator[tuple[str, str]]:
    yield from _ALWAYS
    yield "X-Request-Id", request_id()
    if the_service().settings.is_https:
        yield "Strict-Transport-Security", "max-age=63072000"


def secure(response: Response) -> Response:
    """Put the security headers on an answer; a view that set one of them itself keeps it."""
    # Asked for one by one, each of these would be looked for in all of them; every page pays for it.
    present = {name.lower() for name, _ in response.headers}
    for name, value in _wanted():
        if name.lower() not in present:
            response.headers.add(name, value)
    if "vary" not in present and response.mimetype in ("text/html", "application/problem+json"):
        # A text, not Werkzeug's set of names, which every page would take apart and put together again.
        response.headers.add("Vary", "Accept, Accept-Language")
    return response
