"""What loggers and environment tests say about a batch: breaches of its storage band, risks of its origin."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from operator import itemgetter
from typing import Any

from heji_trace.judging.cold_chain import Band, Limits, Reading, find_band, find_excursion
from heji_trace.judging.facts import Raised, Thresholds
from heji_trace.known.state import State
from heji_trace.store.gather import Row

_CODES: Mapping[str, str] = {"long": "COLD_CHAIN_BREACH", "hard": "COLD_CHAIN_SEVERE"}


def watched(state: State, row: Row) -> list[Raised]:
    """The warnings that series of readings and tests of the batch's sites cause."""
    return [*_breaches(state, row), *_origin_risks(state, row["batch"])]


def readings_of(data: str) -> list[Reading]:
    """The readings of a stored series; none where its values were erased."""
    return [Reading(at_ms, Decimal(temperature)) for at_ms, temperature, _ in json.loads(data)]


def band_of(state: State, product: str | None) -> Band | None:
    """The storage band of a product as it is registered now; None where it has none that can be judged."""
    facts = state.find_registered("product", product) if product else None
    return find_band(facts.get("storage_band", "")) if facts else None


def _breaches(state: State, row: Row) -> list[Raised]:
    """Each series by what the product and the thresholds said when it was recorded: what is registered later moves nothing."""
    raised: list[Raised] = []
    named = state.conditions.of("batch", row["batch"])
    if not named or not _ever_had_band(state, row["product"]):
        return raised
    for condition in named:
        event = state.event_at(condition["seq"])
        facts = _facts_before(state, row["product"], event["rank"]) if event else None
        band = find_band(facts.get("storage_band", "")) if facts else None
        if event is None or facts is None or band is None:
            continue
        limits = _limits(facts, state.thresholds_at(event["occurred_ms"], event["rank"]))
        for series in state.series.of("seq", condition["seq"]):
            worst = find_excursion(readings_of(series["data"]), band, limits)
            if worst is not None:
                manner, excursion = worst
                data = {
                    "minutes": excursion.minutes,
                    "peak": str(excursion.peak),
                    "band": facts["storage_band"],
                    "from_ms": excursion.from_ms,
                }
                raised.append(Raised(_CODES[manner], series["seq"], data))
    return raised


def _ever_had_band(state: State, product: str | None) -> bool:
    rows = state.register.of("code", product) if product else []
    return any(row["kind"] == "product" and "storage_band" in row["data"] for row in rows)


def _facts_before(state: State, product: str | None, rank: int) -> Mapping[str, Any] | None:
    """What was registered of a product before `rank`."""
    rows = state.register.of("code", product) if product else []
    known = [row for row in rows if row["kind"] == "product" and row["rank"] < rank]
    return json.loads(max(known, key=itemgetter("rank"))["data"]) if known else None


def _limits(facts: Mapping[str, Any], thresholds: Thresholds) -> Limits:
    return Limits(
        facts.get("storage_tolerance_minutes", thresholds.cold_tolerance_minutes),
        Decimal(facts.get("storage_margin") or thresholds.cold_margin_degrees),
    )


def _origin_risks(state: State, batch: str) -> list[Raised]:
    return [
        Raised("ORIGIN_RISK", row["seq"], json.loads(row["data"]))
        for harvest in state.harvests.of("batch", batch)
        for plot in state.cycle_sites.of("cycle", harvest["cycle"])
        for row in _standing(state.environment.of("site", plot["site"]), harvest["occurred_ms"])
        if row["is_over"]
    ]


def _standing(rows: Sequence[Row], harvested_ms: int) -> list[Row]:
    """Of each analyte the test nearest before the harvest and the one nearest after: soil does not change in between."""
    if not rows:
        return []
    found: dict[tuple[str, str, bool], Row] = {}
    for row in sorted(rows, key=lambda row: (row["occurred_ms"], row["seq"])):
        is_later = row["occurred_ms"] > harvested_ms
        key = (row["medium"], row["analyte"], is_later)
        if not is_later or key not in found:
            found[key] = row
    return sorted(found.values(), key=lambda row: (row["seq"], row["position"]))
