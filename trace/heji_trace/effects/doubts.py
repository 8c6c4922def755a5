"""Doubts: statements that contradict themselves or what stands in the ledger, such as a fruit packed out of meat.

They are asked back like other suspicions, once; most are slips of the pen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from itertools import chain
from typing import Any

from heji_trace.effects.grounds import sampled_ms
from heji_trace.effects.repacked import REPACKING, days_of_sources
from heji_trace.effects.suspicion import Suspicion
from heji_trace.events.event import Event
from heji_trace.judging.readings import is_garbled, number_of
from heji_trace.known.state import State
from heji_trace.vocabulary.crops import is_kindred
from heji_trace.vocabulary.times import beijing_date, ms_of, parse_moment

_GOOD = ("conforming", "negative")
_PASSED: Mapping[str, str] = {"use_by": "USE_BY_PASSED", "best_before": "BEST_BEFORE_PASSED"}
_TESTED = ("preliminary", "reviewed", "final")
_MINUTE_MS = 60_000


def doubts(state: State, event: Event) -> list[Suspicion]:
    """What an event says that can hardly be so."""
    found = list(_other_commodities(state, event))
    if days := {name: event.details[name] for name in _PASSED if name in event.details}:
        found += chain(_fresher(state, event, days), _over_when_made(event, days))
    if event.kind in ("testing", "environment_test"):
        found += chain(_results(event), _tested_before_drawn(state, event))
    elif event.kind == "recall_update":
        found += _unfinished(state, event)
    return found


def _other_commodities(state: State, event: Event) -> Iterator[Suspicion]:
    """Goods of another commodity than what they were harvested from or repacked out of; processing may make anything."""
    if event.kind == "harvest":
        # Of animals something else is taken: eggs of hens.
        sources = {crop for cycle in event.cycles if (crop := _crop_planted(state, cycle))}
    elif event.kind in REPACKING:
        rows = [row for line in event.inputs if (row := state.find_batch(line.batch))]
        sources = {commodity for row in rows if (commodity := _commodity(state, row["product"]))}
    else:
        return
    for line in event.outputs:
        made = _commodity(state, line.product)
        if made and sources and not any(is_kindred(made, source) for source in sources):
            data = {"made": made, "sources": "、".join(sorted(sources))}
            yield Suspicion("OTHER_COMMODITY", line.batch, data)


def _crop_planted(state: State, cycle: str) -> str:
    return str((state.find_registered("cycle", cycle) or {}).get("crop", ""))


def _commodity(state: State, product: str | None) -> str:
    facts = state.find_registered("product", product) if product else None
    return str((facts or {}).get("commodity", ""))


def _fresher(state: State, event: Event, days: Mapping[str, str]) -> Iterator[Suspicion]:
    """Goods repacked under a later day than that of the same product that went in."""
    for line in event.outputs:
        earliest = days_of_sources(state, event, line.product)
        for name, stated in days.items():
            before = earliest[name]
            if before is not None and stated > before:
                yield Suspicion("FRESHER_THAN_SOURCE", line.batch, {"stated": stated, "date": before})


def _over_when_made(event: Event, days: Mapping[str, str]) -> Iterator[Suspicion]:
    """Goods whose day is over on the day on which they are made."""
    made_on = beijing_date(event.occurred_ms).isoformat()
    for name, stated in days.items():
        if stated < made_on:
            yield from (Suspicion(_PASSED[name], line.batch, {"date": stated}) for line in event.outputs)


def _results(event: Event) -> Iterator[Suspicion]:
    """Values that nobody can judge by, and values above a limit that they are said to keep."""
    about = event.details.get("sample") or event.site or ""
    for row in event.details.get("results", ()):
        data = {name: row[name] for name in ("analyte", "value", "limit") if name in row}
        if is_garbled(row["value"]) and ("limit" in row or "unit" in row):
            yield Suspicion("VALUE_UNREADABLE", about, data)
        elif _is_beyond(event.details, row) and _is_called_good(event.details, row):
            yield Suspicion("RESULT_CONTRADICTED", about, data)


def _is_beyond(details: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    """Above its limit; an inhibition is positive at its threshold already."""
    value, limit = number_of(row["value"]), row.get("limit")
    if value is None or limit is None:
        return False
    is_inhibition = details.get("method_class") == "rapid" and row.get("unit") in ("%", "％")
    return value >= Decimal(limit) if is_inhibition else value > Decimal(limit)


def _is_called_good(details: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    said: Iterable[object] = (row.get("outcome"), details.get("conclusion"))
    return any(each in _GOOD for each in said)


def _tested_before_drawn(state: State, event: Event) -> Iterator[Suspicion]:
    """A result that is older than its sample, by more than clocks differ."""
    if event.kind != "testing" or event.details["status"] not in _TESTED:
        return
    drawn = [sampled_ms(state, row) for row in state.samples.of("sample", event.details["sample"])]
    tested_ms = ms_of(parse_moment(event.details.get("tested_at") or event.occurred_at))
    if drawn and tested_ms < min(drawn) - 5 * _MINUTE_MS:
        data = {"tested": beijing_date(tested_ms).isoformat(), "drawn": beijing_date(min(drawn)).isoformat()}
        yield Suspicion("TESTED_BEFORE_DRAWN", event.details["sample"], data)


def _unfinished(state: State, event: Event) -> Iterator[Suspicion]:
    """A recall said to be finished while goods of it are still held or under way."""
    if event.details["status"] != "finished":
        return
    scope = state.recall_scope.of("event_id", event.details["recall"])
    names = [row["batch"] for row in scope if row["standing"] != "upstream"]
    state.stock.load("batch", names)
    left = [batch for batch in names if any(row["amount"] > 0 for row in state.stock.of("batch", batch))]
    if left:
        yield Suspicion("RECALL_UNFINISHED", min(left), {"count": len(left)})
