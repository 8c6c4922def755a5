"""How the consumer's answers leave: one compressed piece with its style inside, so that a slow network asks once."""

from __future__ import annotations

import gzip
import re
from base64 import b64encode
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from http import HTTPStatus
from importlib.resources import files

from flask import Response, render_template, request
from markupsafe import Markup

HTML = "text/html"
JSON = "application/json"

_MOST_TOLD = 3
_SPACE = re.compile(r"/\*.*?\*/|(?<=[{}:;,>])\s+|\s+(?=[{}>])|\n", re.DOTALL)


@cache
def style() -> str:
    """The style sheet as it stands in the page."""
    return _SPACE.sub("", (files("heji_web") / "static" / "passport.css").read_text("utf-8")).strip()


@cache
def policy() -> str:
    """The Content-Security-Policy of these pages: no script, and the one style sheet by its hash."""
    digest = b64encode(sha256(style().encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src 'self' data:; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    )


def page(template: str, **names: object) -> str:
    """A page of the consumer's kind."""
    # Our own file, which no input reaches.
    return render_template(template, style=Markup(style()), dump_entries=dump_entries, **names)  # noqa: S704


def dump_entries(entries: Sequence[int]) -> str:
    """The first few numbers of entries in groups of three digits, and how many more."""
    told = ", ".join(f"{entry:,}".replace(",", "\u202f") for entry in entries[:_MOST_TOLD])
    return told if len(entries) <= _MOST_TOLD else f"{told} +{len(entries) - _MOST_TOLD}"


def compressed(body: str) -> bytes:
    """The body as it is kept and sent; the same body gives the same bytes."""
    return gzip.compress(body.encode(), 9, mtime=0)


def etag_of(body: bytes) -> str:
    """What a browser asks again with."""
    return sha256(body).hexdigest()[:24]


def send(body: bytes, media_type: str, status: int = HTTPStatus.OK, etag: str | None = None) -> Response:
    """The answer of a compressed body, for clients that do not take gzip too; asked again, it may be a bare 304."""
    takes_gzip = request.accept_encodings.quality("gzip") > 0
    response = Response(body if takes_gzip else gzip.decompress(body), status, mimetype=media_type)
    if takes_gzip:
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Content-Security-Policy"] = policy()
    response.headers["Vary"] = "Accept, Accept-Language, Accept-Encoding"
    if etag is not None:
        response.headers["Cache-Control"] = "private, no-cache"
        response.set_etag(etag, weak=True)
        response.make_conditional(request)
    return response
