"""The registered names of the codes in an event, as far as its reader may know them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from heji_trace.desks import choices
from heji_trace.desks.suggestions import Asking, cycle_labels, suggest
from heji_trace.errors import Unknown
from heji_trace.events.kinds import KINDS, Kind, parts_of
from heji_trace.events.kinds import fields as types
from heji_trace.events.kinds.fields import Field
from heji_trace.events.sheets.names import NAMED, Known, KnownOf, codes_by_name
from heji_trace.identifiers.codes import dump_trace_code
from heji_trace.people.parties import Author
from heji_trace.rights import reading
from heji_trace.rights.rights import may_oversee
from heji_trace.sentences import isolated
from heji_trace.store.tables import events, labels
from heji_trace.vocabulary.times import beijing_date
from heji_web.events.described import Names, kind_name, local_time
from heji_web.events.drawn import suggestions_by_place, wanted_suggestions
from heji_web.requests.languages import language
from heji_web.service.service import Service, the_service

# Records of which a page tells more than their ids; the correction of an import names all of its.
_MOST_RECORDS = 10


def own_organisations(connection: Connection, author: Author) -> frozenset[str]:
    """The author's organisation, and those that let it record for them."""
    return choices.own_organisations(connection, author, beijing_date(the_service().clock.now_ms()))


def known_names(connection: Connection, author: Author, kind: Kind, now_ms: int) -> Known:
    """The names that somebody may write for codes in a sheet or form of a kind: those of what is offered there."""
    recorded = choices.recorded_for(connection, author, beijing_date(now_ms))
    speaks_for = recorded.get(kind.name, [author.organisation])
    wanted = NAMED & wanted_suggestions(kind)
    offered = suggest(connection, Asking(author, tuple(speaks_for), "zh"), wanted)
    known = {
        place: codes_by_name((each.value, each.names) for each in found)
        for place, found in suggestions_by_place(kind, offered).items()
    }
    called = choices.names_of(connection, speaks_for, own=speaks_for)
    known["organisation"] = codes_by_name((code, [name]) for code, name in called.items())
    return known


def names_known_to(service: Service, author: Author) -> KnownOf:
    """The same for the reader of a file, who asks once he knows its kind: no connection is held while he reads."""

    def known_of(kind: Kind) -> Known:
        with service.store.read() as connection:
            return known_names(connection, author, kind, service.clock.now_ms())

    return known_of


def names_in(
    connection: Connection, author: Author, body: Mapping[str, Any], further: Iterable[str] = ()
) -> Names:
    """The names of all that an event's body names by code, and of `further` organisations.

    What belongs to a household, and its own name, is told to itself, to who records for it and to overseers alone.
    """
    codes: dict[str, set[str]] = {"organisation": set(further), "event": set()}
    _collect(body, codes)
    return names_of_codes(connection, author, codes)


def names_of_codes(connection: Connection, author: Author, codes: Mapping[str, Collection[str]]) -> Names:
    """The names of codes, given by what they are of, as far as the author may know them."""
    sites = choices.registered_facts(connection, "site", codes.get("site", ()))
    cycles = choices.registered_facts(connection, "cycle", codes.get("cycle", ()))
    owners = {owner for owner, _ in (*sites.values(), *cycles.values())}
    organisations = codes.get("organisation", ())
    asked = {*organisations, *owners}
    own: Collection[str] = asked if may_oversee(author) else own_organisations(connection, author)
    known = choices.names_of(connection, asked, own=own)
    called = cycle_labels(connection, {c: each for c, each in cycles.items() if each[0] in known}, language())
    return {
        "organisation": {code: known[code] for code in organisations if code in known},
        "product": choices.product_names(connection, language(), codes.get("product", ())),
        "site": {code: data["name"] for code, (owner, data) in sites.items() if owner in known},
        "cycle": {code: label for code, label in called.items() if label},
        "event": _called(connection, author, sorted(codes.get("event", ()))[:_MOST_RECORDS]),
    }


def _called(connection: Connection, author: Author, event_ids: Sequence[str]) -> dict[str, str]:
    """Records that the author may read, by kind and time; a run of labels by its product, batch and code."""
    found: dict[str, str] = {}
    for event_id in event_ids:
        try:
            seq = reading.seq_of(connection, author, event_id)
        except Unknown:
            continue
        row = connection.execute(select(events).where(events.c.seq == seq)).one()
        run = connection.execute(select(labels).where(labels.c.run == event_id)).first()
        if run is None:
            found[event_id] = f"{kind_name(KINDS[row.kind], language())} {local_time(row.occurred_ms)}"
        else:
            name = choices.product_names(connection, language(), [run.product]).get(run.product, run.product)
            said = (isolated(name), run.batch, dump_trace_code(run.trace_code))
            found[event_id] = " · ".join(part for part in said if part)
    return found


def _collect(body: Mapping[str, Any], codes: dict[str, set[str]]) -> None:
    kind = KINDS[body["kind"]]
    for fields, values in ((parts_of(kind), body), (kind.fields, body.get("details", {}))):
        for field in fields:
            _collect_field(field, values.get(field.name), codes)


def _collect_field(field: Field, value: Any, codes: dict[str, set[str]]) -> None:
    if value is None:
        return
    match field.type:
        case types.Code(of=of) | types.ListOf(item=types.Code(of=of)):
            codes.setdefault(of, set()).update(value if isinstance(value, list) else [value])
        case types.Identifier("uuid"):
            codes["event"].add(value)
        case types.ListOf(item=types.Identifier("uuid")):
            codes["event"].update(value[:_MOST_RECORDS])
        case types.Table(columns=tuple() as columns):
            for row in value:
                for column in columns:
                    _collect_field(column, row.get(column.name), codes)
        case types.EventBody():
            _collect(value, codes)
        case _:
            pass
