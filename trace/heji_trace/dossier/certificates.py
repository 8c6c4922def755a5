"""The certificates behind a batch, and what of them was looked up."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from heji_trace.dossier.registry import Registry
from heji_trace.judging.dated import CertificateFact
from heji_trace.judging.wording import Said, said, scheme_said


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
    registered: Iterable[tuple[int, Mapping[str, Any]]], product: str | None, holders: Collection[str]
) -> list[tuple[CertificateFact, Mapping[str, Any]]]:
    """The certificates, given as entry and facts, that stand for the product or for all products of a holder."""
    return [
        (_fact(seq, facts), facts)
        for seq, facts in registered
        if facts.get("holder") in holders and product in facts.get("products", [product])
    ]


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
