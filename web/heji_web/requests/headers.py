"""The headers that every answer carries, and who asked in which request."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import count
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask, Response, request

_COMMON_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
# The consumer page works without script, so that none may run on it.
POLICY = _COMMON_POLICY
DESK_POLICY = f"{_COMMON_POLICY}; script-src 'self'; connect-src 'self'"

_REQUEST_ID = "heji.request_id"
_NEGOTIATED = ("text/html", "application/problem+json")
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
    number: str = request.environ.get(_REQUEST_ID, "")
    return number


def install_headers(app: Flask, random: Callable[[int], bytes], *, is_https: bool) -> None:
    """Number the requests of this application, and put the security headers on every answer."""
    app.wsgi_app = _Headed(app.wsgi_app, random(4).hex(), is_https=is_https)  # type: ignore[method-assign]


def permit_scripts(response: Response) -> Response:
    """Let a desk's page run this service's own script files; for `blueprint.after_request`."""
    response.headers["Content-Security-Policy"] = DESK_POLICY
    return response


class _Headed:
    """An application whose every answer carries the headers; what a view set itself stays.

    Around Flask and not one of its hooks: there each header would be checked and looked for anew in every answer.
    """

    def __init__(self, app: WSGIApplication, process: str, *, is_https: bool) -> None:
        self._app = app
        self._process = process
        # Counted, not drawn: to ask the kernel for randomness gives the interpreter's lock away, and with thirty-two
        # threads at work a page then waits longer to get it back than it takes to be answered.
        self._numbers = count(1)
        secured = (("Strict-Transport-Security", "max-age=63072000"),) if is_https else ()
        self._always = tuple((name.lower(), (name, value)) for name, value in (*_ALWAYS, *secured))

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request, as WSGI asks for it."""
        if "HTTP_HOST" in environ:
            # Names of hosts are the same in capitals, but are compared letter by letter with those that are trusted.
            environ["HTTP_HOST"] = environ["HTTP_HOST"].lower()
        number = environ[_REQUEST_ID] = f"{self._process}{next(self._numbers):08x}"

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Callable[[bytes], object]:
            present = {name.lower(): value for name, value in headers}
            headers += [header for name, header in self._always if name not in present]
            headers.append(("X-Request-Id", number))
            if "vary" not in present and present.get("content-type", "").startswith(_NEGOTIATED):
                headers.append(("Vary", "Accept, Accept-Language"))
            return start_response(status, headers, *error)

        return self._app(environ, start)
