"""Templates of sheets to download, with lists of what the organisation has: its sites, products, cycles, partners."""

from __future__ import annotations

from io import BytesIO

from flask import Blueprint, Response, send_file
from flask.typing import ResponseReturnValue

from heji_trace.desks import choices, suggestions
from heji_trace.errors import Unknown
from heji_trace.events.kinds import KINDS
from heji_trace.events.sheets.templates import template
from heji_trace.people.parties import Author
from heji_trace.vocabulary.times import beijing_date
from heji_web.events.described import kind_name
from heji_web.events.drawn import suggestions_by_place, wanted_suggestions
from heji_web.files.posted import XLSX
from heji_web.requests.access import signed_in
from heji_web.requests.languages import language
from heji_web.service.service import the_service

blueprint = Blueprint("blank_sheets", __name__)


@blueprint.get("/desk/templates/<kind>.xlsx")
def give(kind: str) -> ResponseReturnValue:
    """An empty spreadsheet for a kind, ready to be filled and uploaded as it is."""
    return blank_sheet(signed_in().author, kind)


def blank_sheet(author: Author, kind: str) -> Response:
    """The template of a kind as a file, with the lists of its author's organisation; raises Unknown."""
    wanted = KINDS.get(kind)
    if wanted is None or not wanted.form:
        raise Unknown
    service = the_service()
    with service.store.read() as connection:
        recorded = choices.recorded_for(connection, author, beijing_date(service.clock.now_ms()))
        speaks_for = recorded.get(kind, [author.organisation])
        asking = suggestions.Asking(author, tuple(speaks_for), language())
        names = choices.names_of(connection, speaks_for, own=speaks_for)
        offered = suggestions.suggest(connection, asking, wanted_suggestions(wanted))
    lists = {
        place: [(each.value, each.label) for each in suggestions.shown(suggested)]
        for place, suggested in suggestions_by_place(wanted, offered).items()
    }
    lists["organisation"] = [(code, names.get(code, "")) for code in speaks_for]
    name = kind_name(wanted, language()).replace("/", "、")
    return send_file(
        BytesIO(template(wanted, language(), lists)), XLSX, as_attachment=True, download_name=f"{name}.xlsx"
    )
