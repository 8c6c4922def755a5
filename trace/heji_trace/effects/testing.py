"""The effects of sampling and testing: which goods a sample speaks for, and each step of its testing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from operator import itemgetter

from heji_trace.effects.book import Entered, add_finding
from heji_trace.events.event import Event
from heji_trace.known.state import State
from heji_trace.vocabulary.times import beijing_date, ms_of, parse_moment

# What a test is when somebody stands for its result.
_SETTLED = frozenset({"reviewed", "final"})


def enter_sampling(state: State, entered: Entered) -> list[str]:
    """Bind each sample to its batches, or to its cycles before harvest; its results may be there already."""
    event = entered.event
    reached: list[str] = []
    for sample in event.details["samples"]:
        batches = [sample["batch"]] if "batch" in sample else list(sample.get("composite_of", ()))
        targets = [("batch", batch) for batch in batches or event.batches]
        targets = targets or [("cycle", cycle) for cycle in sample.get("cycles", event.cycles)]
        for kind, target in dict.fromkeys(targets):
            state.samples.add(
                seq=entered.seq,
                sample=sample["sample"],
                target=target,
                target_kind=kind,
                purpose=event.details["purpose"],
                organisation=event.organisation,
                composite_of=len(sample.get("composite_of", ())),
                rank=entered.rank,
            )
            reached += _reached(state, kind, target)
    return reached


def _reached(state: State, kind: str, target: str) -> list[str]:
    """The batches for which a sample of this target may speak."""
    return [target] if kind == "batch" else [row["batch"] for row in state.harvests.of("cycle", target)]


def enter_testing(state: State, entered: Entered) -> list[str]:
    """A step of a sample's testing; every attempt stays, the newest one counts."""
    event = entered.event
    details = event.details
    due = due_instrument(state, event, entered.rank)
    state.tests.add(
        seq=entered.seq,
        sample=details["sample"],
        laboratory=details["laboratory"],
        method_class=_method_class(state, event),
        conclusion=details.get("conclusion", ""),
        status=status_of(event, due),
        released=is_released(state, event),
        occurred_ms=event.occurred_ms,
        rank=entered.rank,
    )
    reached = spoken_for(state, details["sample"])
    if due:
        for batch in dict.fromkeys(reached):
            add_finding(state, entered.seq, batch, "INSTRUMENT_DUE", due)
    return reached


def is_released(state: State, event: Event) -> int:
    """Whether the public may see a step: of an official sample once the authority says so."""
    return int("released_at" in event.details or not state.is_official(event.details["sample"]))


def spoken_for(state: State, sample: str) -> list[str]:
    """The batches for which a sample may speak."""
    drawn = state.samples.of("sample", sample)
    return [batch for row in drawn for batch in _reached(state, row["target_kind"], row["target"])]


def status_of(event: Event, due: Mapping[str, str] | None) -> str:
    """How far a result is: nobody stands for one of an instrument whose calibration had run out."""
    stated: str = event.details["status"]
    return "preliminary" if due and stated in _SETTLED else stated


def due_instrument(state: State, event: Event, rank: int) -> dict[str, str] | None:
    """The instrument, as registered before `rank`, whose calibration had run out on the Beijing day of the test."""
    code = event.details.get("instrument")
    rows = state.register.of("code", code) if code else []
    versions = [row for row in rows if row["kind"] == "instrument" and row["rank"] < rank]
    if not versions:
        return None
    known = json.loads(max(versions, key=itemgetter("rank"))["data"])
    tested_at = event.details.get("tested_at") or event.occurred_at
    if beijing_date(ms_of(parse_moment(tested_at))).isoformat() <= known["calibrated_until"]:
        return None
    return {"instrument": known["code"], "until": known["calibrated_until"]}


def _method_class(state: State, event: Event) -> str:
    """A producer's own formal test is a self-check: it never makes a final verdict."""
    laboratory = state.find_registered("organisation", event.details["laboratory"]) or {}
    if {"laboratory", "third_party_laboratory"} & set(laboratory.get("roles", ())):
        method_class: str = event.details.get("method_class", "rapid")
        return method_class
    return "self_check"
