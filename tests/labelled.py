"""Goods with labels for the tests of the consumer's page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from county import PACKED, County
from heji_trace.known.state import State
from heji_trace.labelling.label_issue import IssuedLabel, issue_label
from heji_trace.ledger.evidence import Trust
from heji_trace.passport.passport import Passport, View, passport_of

CONFORMING = (
    {"analyte": "克百威", "value": "0.005", "unit": "mg/kg", "limit": "0.02", "edition": "GB 2763-2021"},
)
INHIBITION = (
    {
        "analyte": "有机磷和氨基甲酸酯类农药",
        "value": "13.12",
        "unit": "%",
        "limit": "50",
        "edition": "GB/T 5009.199-2003",
    },
)


def label(county: County, batch: str | None, product: str = PACKED, who: str = "producer") -> IssuedLabel:
    """A run of labels for a batch."""
    service = county.service
    return issue_label(
        service.recorder,
        county.authors[who],
        product=product,
        batch=batch,
        copies=3,
        now_ms=service.clock.now_ms(),
        random=service.random,
    )


def view(county: County, *, demonstration: bool = False) -> View:
    """A consumer who looks now, with what the service trusts."""
    service = county.service
    return View(service.clock.now_ms(), Trust(service.signer.verifier, service.head.read()), demonstration)


def look(county: County, code: str, *, demonstration: bool = False) -> Passport:
    """The passport behind a code, now."""
    with county.service.store.read() as connection:
        return passport_of(connection, code, view(county, demonstration=demonstration))


def look_at(county: County, batch: str, product: str = PACKED, *, demonstration: bool = False) -> Passport:
    """The passport of a batch, by a label that its maker issues now."""
    with county.service.store.read() as connection:
        row = State(connection).find_batch(batch)
    makers = {author.organisation: who for who, author in county.authors.items()}
    who = makers[row["organisation"]] if row else "producer"
    return look(county, label(county, batch, product, who).trace_code, demonstration=demonstration)


def register_product(county: County, code: str = PACKED, **facts: Any) -> None:
    """State further facts of a product."""
    base = {"code": code, "name": "荔枝 5 千克装", "commodity": "荔枝", "gtin": "6901234567892"}
    county.record("product", "operator", details=base | facts)


def sample(
    county: County, name: str, batch: str, purpose: str = "commissioned", who: str = "laboratory"
) -> None:
    """Draw a sample from a batch."""
    samples = [{"sample": name, "batch": batch}]
    county.record("sampling", who, details={"purpose": purpose, "samples": samples})


def state_result(
    county: County,
    name: str,
    conclusion: str,
    *,
    formal: bool = False,
    status: str | None = None,
    results: Sequence[Mapping[str, str]] | None = None,
    acknowledged: Sequence[str] = (),
    **details: Any,
) -> None:
    """State a result of a sample: a screening of the rapid centre, or a laboratory's."""
    who = "other_laboratory" if formal else "laboratory"
    given = {
        "sample": name,
        "laboratory": county.code(who),
        "method": "GB 23200.121" if formal else "酶抑制率法",
        "method_class": "formal" if formal else "rapid",
        "status": status or ("final" if formal else "reviewed"),
        "conclusion": conclusion,
        "results": [dict(row) for row in results or (CONFORMING if formal else INHIBITION)],
    }
    county.record("testing", who, details=given | details, acknowledged=list(acknowledged))


def release_result(county: County, name: str, conclusion: str, **changes: Any) -> str:
    """Release what the other laboratory states with `state_result` of an official sample; the id of the release."""
    at = county.at()
    given = {
        "sample": name,
        "laboratory": county.code("other_laboratory"),
        "method": "GB 23200.121",
        "method_class": "formal",
        "status": "final",
        "conclusion": conclusion,
        "results": [dict(row) for row in CONFORMING],
        "released_at": at,
    }
    return county.record("testing", "regulator", details=given | changes).event_id


def check_batch(county: County, batch: str, conclusion: str = "conforming", *, formal: bool = True) -> None:
    """Sample a batch and state a result."""
    name = f"S-{batch}-{county.made}"
    sample(county, name, batch)
    state_result(county, name, conclusion, formal=formal)
