"""The desk: what a person may do here, by the roles of the organisation."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from heji_trace.desks.choices import recorded_for
from heji_trace.events.kinds import KINDS
from heji_trace.events.kinds.fields import Area
from heji_trace.rights.releases import results_awaiting
from heji_trace.rights.rights import may_oversee
from heji_trace.vocabulary.times import beijing_date
from heji_web.requests.access import find_session, signed_in
from heji_web.requests.headers import permit_scripts
from heji_web.requests.languages import gettext
from heji_web.service.service import the_service

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


@blueprint.get("/")
def front() -> ResponseReturnValue:
    """The bare address leads who has signed in to the desk, and a stranger to the box for a code."""
    return redirect(url_for("home.desk" if find_session() else "consumer.ask"))


@blueprint.get("/desk")
def desk() -> ResponseReturnValue:
    """What this person may record, upload and look up."""
    author = signed_in().author
    service = the_service()
    with service.store.read() as connection:
        recorded = recorded_for(connection, author, beijing_date(service.clock.now_ms()))
        awaiting = len(results_awaiting(connection)) if "regulator" in author.roles else None
    kinds = [KINDS[name] for name in recorded]
    by_area = ((name, [kind for kind in kinds if kind.area == area]) for area, name in _AREAS.items())
    areas = [(gettext(name), found) for name, found in by_area if found]
    return render_template(
        "home.html",
        areas=areas,
        oversees=may_oversee(author),
        may_label=bool(author.roles & KINDS["label_issue"].recorders),
        awaiting=awaiting,
    )
