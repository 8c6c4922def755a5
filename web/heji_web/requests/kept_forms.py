"""Forms that were sent when the session had ended: what was typed is carried through the sign-in and shown again.

Nothing is recorded on the way: the form comes back filled, and the person sends it. A form from another site is not
carried: the browser says where it comes from, and one too old to say so sends no session cookie with it, not even an
old one.
"""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

from flask import Response, make_response, render_template, request

from heji_web.requests.access import CSRF_FIELD, cookie_name

AGAIN = "again"
"""The field that asks a form's page to show again what is sent, and to record nothing."""

TURN = "turn"
"""The button of a form that is recorded for one of several: shows it again with the lists of whom it is for now."""

_KEPT = ("/desk/record/", "/desk/labels", "/desk/batches/")
_MOST_FIELDS = 20_000
_BUTTONS = (CSRF_FIELD, AGAIN, TURN, "add", "drop")


def is_kept() -> bool:
    """Whether this request sends a form whose values are worth carrying, from a page of this service."""
    return (
        request.method == "POST"
        and request.mimetype == "application/x-www-form-urlencoded"
        and request.path.startswith(_KEPT)
        and _is_from_here()
    )


def _is_from_here() -> bool:
    site = request.headers.get("Sec-Fetch-Site")
    return cookie_name() in request.cookies if site is None else site == "same-origin"


def dump_fields() -> str:
    """What this request sends, as one text, without what belongs to its session and its buttons."""
    pairs = [(name, text) for name, text in request.form.items(multi=True) if name not in _BUTTONS]
    return urlencode(pairs)


def go_on(kept: str, address: str, status: int) -> Response:
    """The page that leads back to the form at `address`, filled with what was kept; somebody must have signed in."""
    try:
        fields = parse_qsl(kept, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        fields = []
    return make_response(render_template("go_on.html", address_of_form=address, fields=fields), status)
