"""The headers that every answer carries, and who asked in which request."""

from __future__ import annotations

from flask import Response, g

from heji_web.service import the_service

_COMMON_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
# The consumer page works without script, so that none may run on it.
POLICY = _COMMON_POLICY
DESK_POLICY = f"{_COMMON_POLICY}; script-src 'self'; connect-src 'self'"


def request_id() -> str:
    """The number under which this request stands in the log; made here, never taken from the sender."""
    if "request_id" not in g:
        g.request_id = the_service().random(8).hex()
    return str(g.request_id)


def permit_scripts(response: Response) -> Response:
    """Let a desk's page run this service's own script files; for `blueprint.after_request`."""
    response.headers["Content-Security-Policy"] = DESK_POLICY
    return response


def secure(response: Response) -> Response:
    """Put the security headers on an answer; a view that set one of them itself keeps it."""
    headers = response.headers
    headers.setdefault("Content-Security-Policy", POLICY)
    headers.setdefault("Cache-Control", "no-store")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    headers.setdefault("Permissions-Policy", "camera=(self), geolocation=(), microphone=()")
    headers.setdefault("Referrer-Policy", "no-referrer")
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("X-Request-Id", request_id())
    if the_service().settings.is_https:
        headers.setdefault("Strict-Transport-Security", "max-age=63072000")
    if response.mimetype in ("text/html", "application/problem+json"):
        response.vary.update(("Accept", "Accept-Language"))
    return response
