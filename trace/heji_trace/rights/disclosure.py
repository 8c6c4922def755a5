"""How much of an entry or a warning its reader sees: sealed values are shown to fewer people than the events themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, select

from heji_trace.events.event import Event
from heji_trace.events.sealing import seal, unseal
from heji_trace.judging.levels import COUNTED
from heji_trace.ledger.ledger import Stored
from heji_trace.people.parties import Author
from heji_trace.rights.reading import is_said_by, own_accounts
from heji_trace.rights.rights import may_oversee
from heji_trace.store.tables import batches, events

_AT_ONCE = 500

# In a collection the maker's stock runs short, and a correction may replace one.
_TAKING_FROM_OTHERS = ("collection", "correction")

WarningKey = tuple[str, str, int]
"""A warning by its batch, its code and the place of the entry that causes it."""


def colleagues(connection: Connection, author: Author) -> frozenset[str]:
    """The accounts of the author's organisation, closed ones too: what a colleague typed is ours to read."""
    found = connection.execute(own_accounts(author)).scalars()
    return frozenset(found) | {author.account}


def disclosed_values(stored: Stored, author: Author, actors: frozenset[str]) -> dict[str, Any]:
    """The sealed values of a readable entry that the author may see, by pointer; `actors` are his `colleagues`.

    All of them are for overseers, for the organisation that answers for the event, for who performed it and for the
    organisation of the account that typed it. Who is named as receiver sees the lines that name him, and a shipping's
    details; its carrier all lines and details; who is given a mandate that. A certificate's details, and what a
    hold or a recall asks of holders, are for whoever may read it. Anybody else sees the public part alone.
    """
    event, own = stored.event, author.organisation
    sealed = seal(event.body)[1]
    if may_oversee(author) or own in (event.organisation, event.performed_by) or stored.actor in actors:
        return sealed
    shown = _named_places(event.body, own, "")
    replacement = event.details.get("replacement") if event.kind == "correction" else None
    if replacement:
        shown += _named_places(replacement, own, "/details/replacement")
    return {
        pointer: value for pointer, value in sealed.items() if any(pointer.startswith(each) for each in shown)
    }


def shown_body(event: Event, disclosed: Mapping[str, Any]) -> dict[str, Any]:
    """The body of an event with these sealed values and no others."""
    return unseal(seal(event.body)[0], disclosed)


def body_of(connection: Connection, author: Author, stored: Stored) -> dict[str, Any]:
    """What a readable entry says, as far as the author may see it."""
    return shown_body(stored.event, disclosed_values(stored, author, colleagues(connection, author)))


def figures_withheld(connection: Connection, author: Author, warned: Iterable[WarningKey]) -> set[WarningKey]:
    """Those of the warnings that tell amounts which are sealed to the author in the entries that cause them."""
    asked = [] if may_oversee(author) else [each for each in warned if each[1] in COUNTED]
    withheld: set[WarningKey] = set()
    for start in range(0, len(asked), _AT_ONCE):
        part = asked[start : start + _AT_ONCE]
        said = select(events.c.seq, events.c.kind).where(
            events.c.seq.in_({seq for _, _, seq in part}), is_said_by(author)
        )
        kinds = {row.seq: row.kind for row in connection.execute(said)}
        made = select(batches.c.batch).where(
            batches.c.batch.in_({batch for batch, _, _ in part}),
            batches.c.organisation == author.organisation,
        )
        own = set(connection.execute(made).scalars())
        for batch, code, seq in part:
            is_others = code == "OVER_CONSUMPTION" and kinds.get(seq) in _TAKING_FROM_OTHERS
            if seq not in kinds or (is_others and batch not in own):
                withheld.add((batch, code, seq))
    return withheld


def _named_places(body: Mapping[str, Any], own: str, base: str) -> list[str]:
    """Where the sealed values stand that an organisation sees because a body names it."""
    details = body.get("details", {})
    lines_of = body.get("moves", ())
    shown = [f"{base}/moves/{at}/" for at, line in enumerate(lines_of) if line.get("to_organisation") == own]
    if body["kind"] == "shipping" and details.get("carrier") == own:
        shown = [f"{base}/moves/"]
    is_mine = body["kind"] == "mandate" and details.get("to") == own
    # A certificate of conformity goes with the goods: whoever has them reads it whole.
    if (body["kind"] == "shipping" and shown) or is_mine or body["kind"] == "conformity_certificate":
        shown.append(f"{base}/details/")
    # Whoever has goods that are held or recalled must know what to do with them.
    if body["kind"] in ("hold", "recall"):
        shown.append(f"{base}/details/scope")
    return shown
