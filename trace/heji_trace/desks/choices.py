"""What the registers say of codes, for whom somebody may record, and what was recorded lately."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, func, select

from heji_trace.events.kinds import KINDS
from heji_trace.people.parties import Author
from heji_trace.store.tables import batches, edges, events, register


@dataclass(frozen=True, slots=True)
class Mandate:
    """A mandate in force: `giver` lets another organisation record these kinds; no sites means all."""

    giver: str
    kinds: frozenset[str]
    sites: frozenset[str]


_NAMED = frozenset({"organisation", "site"})
# How many events are looked through for one like that which is filled in now.
_MOST_LATELY = 50


def registered_facts(
    connection: Connection, kind: str, codes: Collection[str] | None = None
) -> dict[str, tuple[str, dict[str, Any]]]:
    """The newest facts registered of a kind by code, each with the organisation that they belong to.

    Whose name was erased is called by its code.
    """
    query = select(register.c.code, register.c.organisation, register.c.data)
    query = query.where(register.c.kind == kind, register.c.withdrawn_seq.is_(None)).order_by(register.c.rank)
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    listed = None if codes is None else sorted(set(codes))
    parts = [None] if listed is None else [listed[at : at + 500] for at in range(0, len(listed), 500)]
    for part in parts:
        asked = query if part is None else query.where(register.c.code.in_(part))
        for code, organisation, data in connection.execute(asked):
            facts = json.loads(data)
            if kind in _NAMED:
                facts.setdefault("name", code)
            found[code] = (organisation, facts)
    return found


def mandates_to(connection: Connection, organisation: str, day: date) -> list[Mandate]:
    """The mandates by which `organisation` records for others on a day in Beijing."""
    found = []
    for giver, data in registered_facts(connection, "mandate").values():
        in_force = data["from"] <= day.isoformat() <= data.get("until", "9999-12-31")
        if data["to"] == organisation and in_force and not data.get("revoked"):
            found.append(Mandate(giver, frozenset(data["kinds"]), frozenset(data.get("sites", ()))))
    return found


def own_organisations(connection: Connection, author: Author, day: date) -> frozenset[str]:
    """The author's organisation, and those that let it record for them on a day in Beijing."""
    givers = {mandate.giver for mandate in mandates_to(connection, author.organisation, day)}
    return frozenset({author.organisation, *givers})


def recorded_for(connection: Connection, author: Author, day: date) -> dict[str, list[str]]:
    """For whom the author may record each kind that has a form: his own organisation first, then who mandated it.

    Kinds that he may record for nobody are left out.
    """
    mandates = mandates_to(connection, author.organisation, day)
    givers = registered_facts(connection, "organisation", {mandate.giver for mandate in mandates})
    found: dict[str, list[str]] = {}
    for kind in KINDS.values():
        codes = [author.organisation] if author.roles & kind.recorders else []
        for mandate in mandates:
            _, giver = givers.get(mandate.giver, ("", {}))
            if kind.name in mandate.kinds and kind.recorders & set(giver.get("roles", ())):
                codes.append(mandate.giver)
        if kind.form and codes:
            found[kind.name] = list(dict.fromkeys(codes))
    return found


def names_of(connection: Connection, codes: Collection[str], own: Collection[str] = ()) -> dict[str, str]:
    """The names of organisations by code; a household's own name only where it is among `own`."""
    return {code: data["name"] for code, data in facts_told(connection, codes, own).items()}


def facts_told(
    connection: Connection, codes: Collection[str], own: Collection[str]
) -> dict[str, dict[str, Any]]:
    """What is registered of organisations by code; of households only of those among `own`."""
    return {
        code: data
        for code, (_, data) in registered_facts(connection, "organisation", codes).items()
        if code in own or data["subject_type"] != "farm_household"
    }


def product_names(
    connection: Connection, language: str, codes: Collection[str] | None = None
) -> dict[str, str]:
    """The names of products by code, in `language` where they have one there."""
    return {
        code: (data.get("name_en") if language == "en" else None) or data["name"]
        for code, (_, data) in registered_facts(connection, "product", codes).items()
    }


def recent_events(
    connection: Connection, author: Author, kind: str | None, before: int | None, limit: int
) -> list[Row[Any]]:
    """The newest rows of `events` that the author's organisation answers for or this account typed, newest first."""
    query = select(events).where(
        (events.c.organisation == author.organisation) | (events.c.actor == author.account)
    )
    if kind is not None:
        query = query.where(events.c.kind == kind)
    if before is not None:
        query = query.where(events.c.seq < before)
    return list(connection.execute(query.order_by(events.c.seq.desc()).limit(limit)))


def last_event(connection: Connection, organisation: str, kind: str) -> int | None:
    """The place of the newest event of a kind that an organisation made and did not take back."""
    query = select(func.max(events.c.seq)).where(
        events.c.organisation == organisation, events.c.kind == kind, events.c.withdrawn_seq.is_(None)
    )
    seq: int | None = connection.execute(query).scalar()
    return seq


def place_of(connection: Connection, cycles: Collection[str]) -> str | None:
    """The place where all these cycles grow; None where they grow at several, or one of them is not registered."""
    places = [data["site"] for _, data in registered_facts(connection, "cycle", cycles).values()]
    return places[0] if len(places) == len(set(cycles)) and len(set(places)) == 1 else None


def last_made_from_such(connection: Connection, organisation: str, kind: str, batch: str) -> int | None:
    """The newest of an organisation's last events of a kind that took goods of the product that a batch is."""
    lately = (
        select(events.c.seq)
        .where(events.c.organisation == organisation, events.c.kind == kind, events.c.withdrawn_seq.is_(None))
        .order_by(events.c.seq.desc())
        .limit(_MOST_LATELY)
    )
    product = select(batches.c.product).where(batches.c.batch == batch).scalar_subquery()
    query = (
        select(func.max(edges.c.seq))
        .join(batches, batches.c.batch == edges.c.parent)
        .where(edges.c.seq.in_(lately), edges.c.withdrawn_seq.is_(None), batches.c.product == product)
    )
    seq: int | None = connection.execute(query).scalar()
    return seq


def maker_of(connection: Connection, batch: str) -> int | None:
    """The place in the ledger of the event that made a batch; None for one that nobody made here."""
    seq: int | None = connection.execute(select(batches.c.made_seq).where(batches.c.batch == batch)).scalar()
    return seq


def standing_events(connection: Connection, event_ids: Collection[str]) -> dict[str, list[str]]:
    """Those of the events that are recorded and not corrected, by the organisation that answers for them."""
    listed, found = sorted(event_ids), dict[str, list[str]]()
    for at in range(0, len(listed), 500):
        query = select(events.c.organisation, events.c.event_id).where(
            events.c.event_id.in_(listed[at : at + 500]), events.c.withdrawn_seq.is_(None)
        )
        for organisation, event_id in connection.execute(query.order_by(events.c.seq)):
            found.setdefault(organisation, []).append(event_id)
    return found
