"""What stands in a form when it is opened: what was said last time, what its address names, or what is to be corrected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import request
from sqlalchemy import Connection

from heji_trace.desks import choices
from heji_trace.desks.shipments import shipments_with
from heji_trace.desks.suggestions import Suggestion
from heji_trace.errors import Unknown
from heji_trace.events.kinds import Kind
from heji_trace.events.kinds.forms import controls_of
from heji_trace.known.statements import stated
from heji_trace.ledger.ledger import Stored, read_stored
from heji_trace.people.parties import Author
from heji_trace.rights import disclosure
from heji_trace.vocabulary.units import measures_alike
from heji_web.events import filled
from heji_web.events.drawn import suggestions_by_place
from heji_web.events.filled import Texts
from heji_web.service.service import the_service


@dataclass(frozen=True, slots=True)
class Desk:
    """What one person needs to record one kind: for whom, with which suggestions.

    Where `is_for_one`, the suggestions are those of the first of the `givers`, and another one is found by its name.
    """

    kind: Kind
    author: Author
    givers: tuple[Suggestion, ...]
    is_for_one: bool
    may_name_others: bool
    suggestions: Mapping[str, Sequence[Suggestion]]


def place_of_work(connection: Connection, kind: Kind, raw: Mapping[str, Any]) -> str | None:
    """Where field work, and a harvest, happens unless the form says otherwise: where its cycles grow."""
    cycles = raw.get("cycles")
    if kind.area != "growing" or not isinstance(cycles, list):
        return None
    return choices.place_of(connection, [str(each) for each in cycles])


def new_texts(connection: Connection, desk: Desk) -> Texts:
    """What a new form begins with: what was said last time, now, and whatever the page's address names."""
    service = the_service()
    giver = request.args.get("organisation") or desk.givers[0].value
    texts: Texts = {}
    if any(each.value == giver for each in desk.givers):
        taken = request.args.get("inputs.0.batch", "")
        taken = taken if _is_offered(desk, "inputs", taken) else ""
        texts = last_texts(connection, desk.kind, giver, taken)
    now = filled.now_text(service.clock.now_ms())
    texts |= {control.name: [now] for control in controls_of(desk.kind) if control.prefill == "now"}
    texts["organisation"] = [giver]
    if named := filled.named_again(desk.kind, desk.author.roles):
        texts[named] = [giver]
    for name, given in request.args.lists():
        texts[name] = given
    _count_as_made(connection, desk, texts)
    if desk.kind.name == "receiving" and "details.shipping" not in request.args:
        brought = shipments_with(connection, [giver], request.args.get("moves.0.batch", ""))
        texts |= {"details.shipping": brought} if len(brought) == 1 else {}
    return texts


def _count_as_made(connection: Connection, desk: Desk, texts: Texts) -> None:
    """Goods that the address names are counted as they were made where the last ones were measured otherwise."""
    for name, batch in request.args.items():
        table, row, column = (*name.split("."), "", "")[:3]
        unit = f"{table}.{row}.unit"
        if column != "batch" or unit in request.args:
            continue
        if _is_offered(desk, table, batch):
            made = _made_unit(connection, batch)
            if made and not measures_alike(made, texts.get(unit, [""])[0]):
                texts[unit] = [made]


def _is_offered(desk: Desk, table: str, batch: str) -> bool:
    """Whether a batch is this person's to name: what others have made is not to be learned from an address."""
    offered = suggestions_by_place(desk.kind, desk.suggestions).get(f"{table}.batch", ())
    return batch in {each.value for each in offered}


def _made_unit(connection: Connection, batch: str) -> str | None:
    """The unit in which a batch was counted when it was made, or opened by whoever received it."""
    seq = choices.maker_of(connection, batch)
    if seq is None:
        return None
    event = stated(read_stored(connection, [seq])[0].event)
    return next((line.unit for line in (*event.outputs, *event.moves) if line.batch == batch), None)


def last_texts(connection: Connection, kind: Kind, giver: str, taken: str) -> Texts:
    """What was said last time; what was made then only where it was made of such goods as are taken now."""
    last = choices.last_event(connection, giver, kind.name)
    if last is None:
        return {}
    texts = filled.remembered_texts(kind, read_stored(connection, [last])[0].event.body)
    alike = choices.last_made_from_such(connection, giver, kind.name, taken) if taken else None
    if alike is not None:
        texts |= filled.made_texts(kind, read_stored(connection, [alike])[0].event.body)
    return texts


def corrected_texts(connection: Connection, desk: Desk, stored: Stored) -> Texts:
    """What the event to be corrected says; raises Unknown where it is not one that this person may correct here."""
    event = stated(stored.event)
    if event.kind != desk.kind.name or event.organisation not in {each.value for each in desk.givers}:
        raise Unknown
    body = disclosure.body_of(connection, desk.author, stored)
    said = body if event is stored.event else body["details"]["replacement"]
    texts = filled.texts_of(desk.kind, said)
    # The place follows the cycles again where it did: whoever corrects these does not look for it.
    if texts.get("site") == [place_of_work(connection, desk.kind, said)]:
        del texts["site"]
    return texts
