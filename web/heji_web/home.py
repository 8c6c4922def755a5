"""The desk: what a person may do here, by the roles of the organisation."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from heji_trace.kinds import KINDS, Kind
from heji_trace.kinds.fields import Area
from heji_trace.parties import Author
from heji_web.access import signed_in
from heji_web.headers import permit_scripts
from heji_web.languages import gettext

blueprint = Blueprint("home", __name__)
blueprint.after_request(permit_scripts)

# What is done daily comes first, what is registered once comes last.
_AREAS: Mapping[Area, str] = {
    "growing": "Growing",
    "making": "Making",
    "testing": "Testing",
    "moving": "Moving",
    "control": "Control",
    "registers": "Registers",
}
_SEARCHERS = frozenset({"regulator", "operator"})


@blueprint.get("/")
def front() -> ResponseReturnValue:
    """The bare address leads to the desk."""
    return redirect(url_for("home.desk"))


@blueprint.get("/desk")
def desk() -> ResponseReturnValue:
    """What this person may record, upload and look up."""
    author = signed_in().author
    kinds = recordable_kinds(author)
    by_area = ((name, [kind for kind in kinds if kind.area == area]) for area, name in _AREAS.items())
    areas = [(gettext(name), found) for name, found in by_area if found]
    return render_template("home.html", areas=areas, may_search=bool(author.roles & _SEARCHERS))


def recordable_kinds(author: Author) -> list[Kind]:
    """The kinds with a form that an author's roles may record, in the order of the journey."""
    return [kind for kind in KINDS.values() if kind.form and kind.recorders & author.roles]
