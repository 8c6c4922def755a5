"""Certificates of conformity: what one says when it is printed, and which goods go without."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

from sqlalchemy import Connection, select

from heji_trace.errors import Unknown
from heji_trace.identifiers.codes import trace_url
from heji_trace.judging.facts import Raised
from heji_trace.known.state import State
from heji_trace.known.statements import standing_of
from heji_trace.people.parties import Author
from heji_trace.printing.certificate_sheet import Certificate
from heji_trace.rights.reading import seq_of
from heji_trace.store.tables import labels
from heji_trace.tracing.trail import Trail, moves_of
from heji_trace.vocabulary.times import beijing_date, ms_of, parse_moment
from heji_trace.vocabulary.units import unit_name


def certificate_of(connection: Connection, author: Author, event_id: str, base_url: str) -> Certificate:
    """What the certificate that an event states says; raises Unknown unless it is one that the author may read."""
    event = standing_of(connection, seq_of(connection, author, event_id)).event
    if event.kind != "conformity_certificate":
        raise Unknown
    details = event.details
    state = State(connection)
    row = state.find_batch(event.batches[0])
    code = details.get("product") or (row["product"] if row else None) or ""
    product = state.find_registered("product", code) or {}
    party = state.find_registered("organisation", event.organisation) or {}
    quantity = details.get("quantity")
    return Certificate(
        product=product.get("name", code),
        quantity=f"{quantity} {unit_name(details['unit'], 'zh')}" if quantity and details.get("unit") else "",
        origin=details.get("origin", ""),
        party=party.get("name", event.organisation),
        contact=details.get("contact") or party.get("contact", ""),
        issued_on=beijing_date(ms_of(parse_moment(details["issued_at"]))).isoformat(),
        promise=details.get("promise", ()),
        basis=details["basis"],
        batches=event.batches,
        number=details.get("number", ""),
        signer=details.get("signer", ""),
        url=_page_of(connection, event.batches[0], base_url),
    )


def _page_of(connection: Connection, batch: str, base_url: str) -> str:
    """The page behind the newest code of the batch; empty where it has none."""
    query = select(labels.c.trace_code).where(
        labels.c.batch == batch, labels.c.withdrawn_seq.is_(None), labels.c.voided_seq.is_(None)
    )
    code = connection.execute(query.order_by(labels.c.seq.desc()).limit(1)).scalar()
    return trace_url(base_url, code) if code else ""


def uncertified(state: State, trail: Trail) -> list[Raised]:
    """What a batch that was sold or handed over without the certificate that it needs is warned about.

    Processed food needs none. A certificate holds for splits by the party that gave it; who mixes batches of several
    promising parties, or divides what another promised, gives a new one.
    """
    batch = trail.batch
    if "processing" in trail.kinds or _is_certified(state, trail):
        return []
    parties = _promising_parties(state, trail)
    if len(parties) > 1:
        return [Raised("MIXED_LOT_UNCERTIFIED", trail.row["made_seq"], {"parties": len(parties)})]
    given = _first_given(state, batch)
    return [] if given is None else [Raised("NO_CERTIFICATE_OF_CONFORMITY", given, {})]


def _is_certified(state: State, trail: Trail) -> bool:
    if state.conformity.of("batch", trail.batch):
        return True
    day = beijing_date(trail.row["made_ms"])
    own = _party(state, trail.row["organisation"], day)
    return any(
        _party(state, row["organisation"], day) == own
        for batch in trail.base[1:]
        for row in state.conformity.of("batch", batch)
    )


def _promising_parties(state: State, trail: Trail) -> frozenset[str]:
    """Of a batch that is mixed, or a split of one, who stands for the parts; nobody else's word covers the mixture."""
    edges = trail.parents(trail.base[-1])
    sources = {edge.parent for edge in edges if edge.flow == "merge"}
    day = beijing_date(trail.row["made_ms"])
    return frozenset(
        _party(state, row["organisation"], day)
        for source in sources
        if (row := trail.ancestry.rows.get(source))
    )


def _party(state: State, organisation: str, day: date) -> str:
    """Who promises for an organisation on the day: members of one co-operative are one."""
    facts = state.find_registered("organisation", organisation) or {}
    unions = sorted(
        each["organisation"]
        for each in facts.get("member_of", ())
        if each["from"] <= day.isoformat() <= each.get("until", "9999-12-31")
    )
    return unions[0] if unions else organisation


def _first_given(state: State, batch: str) -> int | None:
    """The first entry by which somebody who must promise sold the batch, or handed it over, since the rules are in force."""
    rules = _rules()
    for move in moves_of(state, [batch]):
        is_given = move.kind == "sale" or move.to_organisation not in (None, move.holder)
        if is_given and beijing_date(move.occurred_ms) >= rules["from"]:
            facts = state.find_registered("organisation", move.holder) or {}
            if _must_promise(facts, rules["subject_types"], rules["roles"]):
                return move.seq
    return None


def _must_promise(facts: Mapping[str, Any], types: Iterable[str], roles: Iterable[str]) -> bool:
    return facts.get("subject_type", "") in types and not set(roles).isdisjoint(facts.get("roles", ()))


@cache
def _rules() -> Mapping[str, Any]:
    """From when on, and who has to give a certificate."""
    data = tomllib.loads(files(__package__).joinpath("conformity.toml").read_text("utf-8"))
    if not isinstance(data["from"], date):
        raise TypeError(data["from"])
    return data
