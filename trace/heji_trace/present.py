"""What a batch is warned about at the moment that somebody asks, beside the warnings that are stored."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from heji_trace.certificates import concerned
from heji_trace.cold_watch import transit_gaps
from heji_trace.conformity import uncertified
from heji_trace.dated import CertificateFact, DatedFacts, dated_warnings
from heji_trace.results import SampleRows, awaited_facts, sample_rows
from heji_trace.rules import Raised, Thresholds
from heji_trace.scope_gap import scope_gap
from heji_trace.state import State
from heji_trace.times import beijing_date
from heji_trace.trail import Trail, trail_of


def present_warnings(state: State, batch: str, now_ms: int) -> list[Raised]:
    """The warnings of a batch in the ledger that the date or an absence causes, by the read tables alone.

    They stand beside the rows of the table `warnings`; a consumer's page computes them from proved records.
    """
    trail = trail_of(state, batch)
    product = trail.row["product"]
    registered = state.find_registered("product", product) or {} if product else {}
    holders = {row["organisation"] for row in trail.rows.values()}
    holders |= {row["organisation"] for row in state.register.of("code", product) if row["kind"] == "product"}
    rows = {
        row["code"]: row
        for holder in sorted(holders)
        for row in state.register.of("organisation", holder)
        if row["kind"] == "certificate"
    }
    certificates = concerned(
        [(row["seq"], json.loads(row["data"])) for row in rows.values()], product, holders
    )
    facts = dated_facts(trail, sample_rows(state, trail.base), registered, [fact for fact, _ in certificates])
    thresholds = state.thresholds_at(now_ms)
    return [
        *dated_warnings(facts, beijing_date(now_ms), now_ms, thresholds),
        *absences(state, trail, thresholds),
    ]


def absences(state: State, trail: Trail, thresholds: Thresholds) -> list[Raised]:
    """What a batch is warned about because nobody recorded it: a certificate, readings on the way, a test of a use."""
    return [
        *uncertified(state, trail),
        *transit_gaps(state, trail.batch, thresholds),
        *scope_gap(state, trail),
    ]


def dated_facts(
    trail: Trail,
    samples: Sequence[SampleRows],
    product: Mapping[str, Any],
    certificates: Sequence[CertificateFact],
) -> DatedFacts:
    """The facts that the dated warnings rest on; `product` are the registered facts of the batch's product."""
    row = trail.row
    return DatedFacts(
        row["made_seq"],
        beijing_date(row["made_ms"]),
        _day(row["use_by"]),
        _day(row["best_before"]),
        product.get("shelf_life_days"),
        product.get("test_policy", "none"),
        frozenset(each.current["method_class"] for each in samples if each.current is not None),
        awaited_facts(samples),
        product.get("claims", ()),
        certificates,
    )


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
