"""What a batch is warned about at the moment that somebody asks, beside the warnings that are stored."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from heji_trace.dossier.certificates import concerned, handed_on
from heji_trace.dossier.conformity import uncertified
from heji_trace.dossier.results import SampleRows, awaited_facts, sample_rows
from heji_trace.judging.dated import CertificateFact, DatedFacts, dated_warnings, shelf_facts
from heji_trace.judging.facts import Raised, Thresholds
from heji_trace.known.state import State, load_together
from heji_trace.store.gather import Row
from heji_trace.tracing.trail import Ancestry, Trail, read_ancestry
from heji_trace.vocabulary.times import beijing_date
from heji_trace.warnings.cold_watch import transit_gaps
from heji_trace.warnings.scope_gap import scope_gap, scope_gaps


def present_warnings(state: State, batch: str, now_ms: int) -> list[Raised]:
    """The warnings of a batch in the ledger that the date or an absence causes, by the read tables alone.

    They stand beside the rows of the table `warnings`; a consumer's page computes them from proved records.
    """
    return present_together(state, [batch], now_ms)[batch]


def present_together(state: State, batches: Sequence[str], now_ms: int) -> dict[str, list[Raised]]:
    """The same for many batches, in as many statements as for one; none for a batch that the ledger does not know."""
    ancestry = read_ancestry(state, batches)
    known = [batch for batch in dict.fromkeys(batches) if batch in ancestry.rows]
    _read_beside(state, ancestry, [Trail(batch, ancestry) for batch in known])
    thresholds = state.thresholds_at(now_ms)
    gaps = scope_gaps(state, (Trail(batch, ancestry) for batch in known))
    found: dict[str, list[Raised]] = {batch: [] for batch in batches}
    for batch in known:
        # Made anew each time: the trails of all would together hold a chain of splits as often as it is long.
        trail = Trail(batch, ancestry)
        product = trail.row["product"]
        registered = state.find_registered("product", product) or {} if product else {}
        facts = dated_facts(trail, sample_rows(state, trail.base), registered, _certificates(state, trail))
        found[batch] += dated_warnings(facts, beijing_date(now_ms), now_ms, thresholds)
        found[batch] += [*uncertified(state, trail), *transit_gaps(state, batch, thresholds), *gaps[batch]]
    return found


def _read_beside(state: State, ancestry: Ancestry, trails: Collection[Trail]) -> None:
    """Read the certificates of everybody concerned, who gave the goods away, and what loggers saw."""
    lines = [row for trail in trails for row in state.lines.of("batch", trail.batch)]
    seen = [row["seq"] for trail in trails for row in state.conditions.of("batch", trail.batch)]
    load_together(
        state.connection,
        [
            (state.register, "organisation", {each for trail in trails for each in _holders(state, trail)}),
            (state.register, "code", {row["holder"] for row in lines}),
            (state.series, "seq", seen),
        ],
    )
    if any(_certificate_rows(state, trail) for trail in trails):
        state.lines.load("batch", handed_on(ancestry))


def _certificates(state: State, trail: Trail) -> list[CertificateFact]:
    rows = _certificate_rows(state, trail).values()
    registered = [(row["seq"], json.loads(row["data"])) for row in rows]
    return [fact for fact, _ in concerned(state, trail, registered, _holders(state, trail))]


def _certificate_rows(state: State, trail: Trail) -> dict[str, Row]:
    """What is registered under each number by those whose certificates may stand for the batch."""
    return {
        row["code"]: row
        for holder in sorted(_holders(state, trail))
        for row in state.register.of("organisation", holder)
        if row["kind"] == "certificate"
    }


def _holders(state: State, trail: Trail) -> set[str]:
    """Whose certificates may stand for the batch: its makers', and those of whoever registered its product."""
    registered = state.register.of("code", trail.row["product"]) if trail.row["product"] else []
    return {*trail.makers, *(row["organisation"] for row in registered if row["kind"] == "product")}


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
    return replace(
        shelf_facts(trail.row, product),
        test_policy=product.get("test_policy", "none"),
        results=frozenset(shown for each in samples if (shown := each.shown_class) is not None),
        awaited=awaited_facts(samples),
        claims=product.get("claims", ()),
        certificates=certificates,
    )
