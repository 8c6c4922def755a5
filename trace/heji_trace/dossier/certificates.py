"""The certificates behind a batch, and what of them was looked up."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from heji_trace.dossier.registry import Registry
from heji_trace.judging.dated import CertificateFact
from heji_trace.judging.wording import Said, said, scheme_said
from heji_trace.known.state import State
from heji_trace.rights.concern import entrusted
from heji_trace.store.gather import Row
from heji_trace.tracing.trail import Ancestry, Trail
from heji_trace.vocabulary.times import beijing_date


@dataclass(frozen=True, slots=True)
class CertificateShown:
    """A certificate as it stood on the day of production; `entry` is seq + 1.

    `standing` is "valid", "expired" or "unchecked"; a badge is shown for a valid one alone.
    """

    entry: int
    scheme: str
    title: Said
    number: str
    holder: Said
    issuer: str | None
    valid_from: str
    valid_to: str | None
    checked_on: str | None
    standing: str
    evidence: str
    sentence: Said


def concerned(
    state: State,
    trail: Trail,
    registered: Iterable[tuple[int, Mapping[str, Any]]],
    holders: Collection[str],
) -> list[tuple[CertificateFact, Mapping[str, Any]]]:
    """The certificates, given as entry and facts, that stand for the product or for all products of a holder.

    All the goods must be the holder's: one gram of them among a ton of others, or goods that he never gave away, would
    else lend his badge to anybody. Needs the lines of what was `handed_on`.
    """
    product = trail.row["product"]
    named = [
        (seq, facts)
        for seq, facts in registered
        if facts.get("holder") in holders and product in facts.get("products", [product])
    ]
    whose = {holder for holder in {facts["holder"] for _, facts in named} if _is_all_of(state, trail, holder)}
    return [(_fact(seq, facts), facts) for seq, facts in named if facts["holder"] in whose]


def handed_on(ancestry: Ancestry) -> set[str]:
    """The batches of which somebody else than their maker made something."""
    makers = {name: row["organisation"] for name, row in ancestry.rows.items()}
    return {
        edge.parent
        for name, edges in ancestry.parents.items()
        for edge in edges
        if makers.get(edge.parent) != makers.get(name)
    }


def _is_all_of(state: State, trail: Trail, holder: str) -> bool:
    """Whether every way up from the batch leads to goods that the holder or a member made, from hand to hand."""
    day = beijing_date(trail.row["made_ms"])
    seen, waiting = {trail.batch}, [trail.batch]
    while waiting:
        name = waiting.pop()
        row = trail.ancestry.rows.get(name)
        if row is None or row["unknown_origin"]:
            return False
        if _stands_for(state, holder, row["organisation"], day):
            continue
        sources = {edge.parent for edge in trail.parents(name)}
        if not sources or not all(_is_given(state, trail, source, row) for source in sources):
            return False
        waiting += sources - seen
        seen |= sources
    return True


def _is_given(state: State, trail: Trail, source: str, user: Row) -> bool:
    """Whether who made something of a batch had made it himself, collected it, or was sent it."""
    row = trail.ancestry.rows.get(source)
    if row is None:
        return False
    return user["kind"] == "collection" or user["organisation"] in entrusted(state, row)


def _stands_for(state: State, holder: str, organisation: str, day: date) -> bool:
    """Whether goods of an organisation are the holder's: its own, or those of a member of a co-operative."""
    if organisation == holder:
        return True
    facts = state.find_registered("organisation", organisation) or {}
    return any(
        each["organisation"] == holder and each["from"] <= day.isoformat() <= each.get("until", "9999-12-31")
        for each in facts.get("member_of", ())
    )


def certificate_of(
    fact: CertificateFact, facts: Mapping[str, Any], made_on: date, registry: Registry
) -> CertificateShown:
    """The panel of one certificate."""
    standing = _standing(fact, made_on)
    checked_on, valid_to = facts.get("checked_at"), facts.get("valid_to")
    title = scheme_said(fact.scheme)
    names = {
        "number": fact.number,
        "start": facts["valid_from"],
        "end": valid_to or said("open-end"),
        "checked": checked_on or said("not-checked"),
    }
    return CertificateShown(
        fact.seq + 1,
        fact.scheme,
        title,
        fact.number,
        registry.organisation(facts["holder"]),
        facts.get("issuer"),
        facts["valid_from"],
        valid_to,
        checked_on,
        standing,
        "stated" if fact.checked_on is None else "verified",
        said(f"certificate-{standing}", **names),
    )


def _standing(fact: CertificateFact, made_on: date) -> str:
    if not fact.is_valid_on(made_on):
        return "expired"
    return "unchecked" if fact.checked_on is None else "valid"


def _fact(seq: int, facts: Mapping[str, Any]) -> CertificateFact:
    return CertificateFact(
        seq,
        facts["scheme"],
        facts["number"],
        date.fromisoformat(facts["valid_from"]),
        _day(facts.get("valid_to")),
        _day(facts.get("checked_at")),
    )


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
