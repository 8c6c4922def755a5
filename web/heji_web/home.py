"""The desk: what a person may do here, by the roles of the organisation."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby

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

_AREAS: Mapping[Area, str] = {
    "registers": "Registers",
    "growing": "Growing",
    "making": "Making",
    "testing": "Testing",
    "moving": "Moving",
    "control": "Control",
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
    by_area = groupby(recordable_kinds(author), key=lambda kind: kind.area)
    areas = [(gettext(_AREAS[area]), list(kinds)) for area, kinds in by_area]
    return render_template("home.html", areas=areas, may_search=bool(author.roles & _SEARCHERS))


def recordable_kinds(author: Author) -> list[Kind]:
    """The kinds with a form that an author's roles may record, in the order of the journey."""
    return [kind for kind in KINDS.values() if kind.form and kind.recorders & author.roles]
