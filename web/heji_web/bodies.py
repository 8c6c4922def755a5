"""Reading bodies: capped before and while they are read, and JSON only by the canonical reader."""

from __future__ import annotations

from flask import request
from werkzeug.exceptions import ClientDisconnected

from heji_trace import canonical
from heji_trace.errors import InvalidEvent, Problem, TooLarge
from heji_web.service import the_service


def permit_body(limit: int) -> None:
    """Let this request's body (forms and files too) have `limit` bytes; raises TooLarge where it announces more.

    Call it before anything reads the body. Without it the limit of ordinary requests holds.
    """
    request.max_content_length = limit
    if (request.content_length or 0) > limit:
        raise TooLarge(limit=limit)


def read_body(limit: int | None = None) -> bytes:
    """The whole body, at most `limit` bytes (as settings say where None); raises TooLarge, InvalidEvent."""
    limit = the_service().settings.body_limit if limit is None else limit
    permit_body(limit)
    encoding = request.headers.get("Content-Encoding", "identity")
    if encoding.lower() != "identity":
        raise InvalidEvent([Problem("", "bad-encoding", {"encoding": encoding[:40]})])
    # A chunked body announces no length, and Werkzeug's stream ends at the limit without a word.
    request.max_content_length = limit + 1
    try:
        data = request.stream.read()
    except ClientDisconnected as error:
        raise InvalidEvent([Problem("", "bad-request")]) from error
    if len(data) > limit:
        raise TooLarge(limit=limit)
    return data


def read_json(limit: int | None = None) -> object:
    """The body as a JSON value, however it is labelled; raises TooLarge and InvalidEvent only."""
    limit = the_service().settings.body_limit if limit is None else limit
    data = read_body(limit)
    if not data:
        raise InvalidEvent([Problem("", "empty-body")])
    return canonical.load(data, limit)
