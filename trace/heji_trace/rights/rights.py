"""Rights: who may say what for whom, and who may read it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from operator import itemgetter
from typing import Any

from sqlalchemy import select

from heji_trace.errors import NotAllowed
from heji_trace.events.event import Event
from heji_trace.events.kinds import KINDS
from heji_trace.events.schemas import event_of
from heji_trace.known.said import said_by
from heji_trace.known.state import State
from heji_trace.people.parties import Author
from heji_trace.rights.concern import check_concerned, is_release, roles_of
from heji_trace.store.tables import register
from heji_trace.vocabulary.times import beijing_date

OVERSEERS = frozenset({"regulator", "operator"})

# The operator keeps the registers of the county and may correct for those who cannot.
OPERATED_FOR_OTHERS = frozenset(
    {"organisation", "site", "product", "certificate", "edition", "correction", "hold", "erasure"}
)


def in_force(state: State, author: Author) -> Author:
    """The author in those roles that his organisation has now: what it loses, its accounts lose with it.

    One that nobody has registered yet is that of the first operator, who begins by registering it.
    """
    facts = state.find_registered("organisation", author.organisation)
    if facts is None and not _was_registered(state, author.organisation):
        return author
    roles = frozenset(() if facts is None or facts.get("status") == "closed" else facts["roles"])
    return author if author.roles <= roles else replace(author, roles=author.roles & roles)


def check(state: State, author: Author, event: Event) -> None:
    """Raise NotAllowed unless the author may record this event for the organisation it names."""
    author = in_force(state, author)
    # A closed station may not go on in the name of those who once gave it a mandate.
    for code in dict.fromkeys((event.organisation, author.organisation)):
        if (state.find_registered("organisation", code) or {}).get("status") == "closed":
            raise NotAllowed("organisation-closed", organisation=code)
    if not _is_operating(author, event):
        _check_speaker(state, author, event)
    check_concerned(state, event)
    _check_still_operated(state, author, event)
    if event.kind == "correction":
        _check_corrected(state, event)
        if event.details.get("replacement") is not None:
            _check_replacement(state, author, event, event_of(event.details["replacement"]))


def find_mandate(state: State, author: Author, event: Event) -> Mapping[str, Any] | None:
    """A mandate, in force on the event's Beijing day, by which the author's organisation records this kind.

    Who may record a kind for others may take it back: a correction needs the kinds of what it corrects.
    """
    needed = {event.kind}
    if event.kind == "correction":
        needed = {kind for kind, _ in _taken_back(state, event)}
    day = beijing_date(event.occurred_ms).isoformat()
    for mandate in _given_by(state, event.organisation):
        if (
            not mandate.get("revoked")
            and mandate["to"] == author.organisation
            and needed <= {*mandate["kinds"]}
            and mandate["from"] <= day <= mandate.get("until", "9999-12-31")
        ):
            return mandate
    return None


def _given_by(state: State, organisation: str) -> list[Mapping[str, Any]]:
    """The mandates of an organisation as it has stated them last, whatever others said under the same codes."""
    state.register.load("organisation", [organisation])
    rows = [row for row in state.register.of("organisation", organisation) if row["kind"] == "mandate"]
    newest = {row["code"]: row["data"] for row in sorted(rows, key=itemgetter("rank"))}
    return [json.loads(newest[code]) for code in sorted(newest)]


def may_oversee(author: Author) -> bool:
    """Whether the author reads everything: regulators and the operator."""
    return bool(author.roles & OVERSEERS)


def _is_operating(author: Author, event: Event) -> bool:
    if event.organisation == author.organisation:
        return False
    return "operator" in author.roles and event.kind in OPERATED_FOR_OTHERS


def _was_registered(state: State, organisation: str) -> bool:
    rows = select(register.c.seq).where(register.c.kind == "organisation", register.c.code == organisation)
    return state.connection.execute(rows.limit(1)).first() is not None


def _check_still_operated(state: State, author: Author, event: Event) -> None:
    """An operator does not take itself out: nobody would be left who could put it right."""
    if "operator" not in author.roles:
        return
    said = event_of(event.details["replacement"]) if event.details.get("replacement") else event
    names_itself = said.kind == "organisation" and said.details["code"] == author.organisation
    if event.kind == "correction":
        taken_back = {row["seq"] for row in state.corrected_by(event)}
        own = state.find_registration("organisation", author.organisation)
        names_itself = names_itself or (own is not None and own["seq"] in taken_back)
    stays = "operator" in said.details.get("roles", ()) and said.details.get("status") != "closed"
    if names_itself and not stays:
        raise NotAllowed("operator-stays", organisation=author.organisation)


def _check_speaker(state: State, author: Author, event: Event) -> None:
    """The author's organisation speaks for itself in its roles, or for another in that one's and by its mandate."""
    if event.organisation == author.organisation:
        _check_role(state, author.roles, event)
    elif mandate := find_mandate(state, author, event):
        _check_role(state, roles_of(state, event.organisation), event)
        _check_mandated_site(state, mandate, event)
    else:
        raise NotAllowed("no-mandate", organisation=event.organisation)


def _check_role(state: State, roles: frozenset[str], event: Event) -> None:
    if is_release(state, event):
        if "regulator" not in roles:
            raise NotAllowed("release-by-regulator", sample=event.details["sample"])
    elif not roles & KINDS[event.kind].recorders:
        raise NotAllowed("kind-not-for-role", kind=event.kind)


def _check_mandated_site(state: State, mandate: Mapping[str, Any], event: Event) -> None:
    """A correction happens nowhere itself: it counts for where its records did."""
    places = [event.site]
    if event.kind == "correction":
        places = [site for _, site in _taken_back(state, event)]
    sites = mandate.get("sites")
    for site in places:
        if sites and site not in sites:
            raise NotAllowed("site-not-in-mandate", site=site or "-")


def _taken_back(state: State, correction: Event) -> list[tuple[str, str | None]]:
    """Kind and place of what a correction takes back: of another correction what it says, else what was said at first."""
    rows = state.corrected_by(correction)
    said = said_by(state, [row["seq"] for row in rows if row["kind"] == "correction"])
    found: list[tuple[str, str | None]] = []
    for row in rows:
        event = said.get(row["seq"])
        if event is not None and event.kind != "correction":
            found.append((event.kind, event.site))
            continue
        first = (state.event_at(row["rank"]) if event else None) or row
        found.append((first["kind"], first["site"]))
    return found


def _check_corrected(state: State, event: Event) -> None:
    """A statement is corrected in the name of the organisation that made it, and replaced by one of the same."""
    for event_id in event.details["corrects"]:
        rows = state.events.of("event_id", event_id)
        if not rows or rows[0]["organisation"] != event.organisation:
            raise NotAllowed("correction-of-another", event_id=event_id)


def _check_replacement(state: State, author: Author, event: Event, replacement: Event) -> None:
    """What replaces a statement must be the author's to state: else a correction would be a door around the rights."""
    if replacement.organisation != event.organisation:
        raise NotAllowed("correction-of-another", event_id=replacement.id)
    if replacement.kind == "label_issue":
        raise NotAllowed("labels-not-replaced")
    if _is_operating(author, event):
        _check_role(state, roles_of(state, event.organisation), replacement)
    else:
        _check_speaker(state, author, replacement)
    check_concerned(state, replacement)
