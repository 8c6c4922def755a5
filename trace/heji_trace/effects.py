"""The effects of an event on the read tables: its place in the index, and what its kind's details bring about.

Each function adds rows that name the entry's `seq`, and returns the batches whose facts it changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from heji_trace.event import Event
from heji_trace.goods import Entered
from heji_trace.lineage import ancestors, descendants
from heji_trace.settle import dump_data, enter_scope
from heji_trace.state import State


def enter_index(state: State, entered: Entered) -> None:
    """The row by which the event is found and listed."""
    event = entered.event
    state.events.add(
        seq=entered.seq,
        event_id=event.id,
        kind=event.kind,
        organisation=event.organisation,
        performed_by=event.performed_by,
        site=event.site,
        actor=entered.actor,
        occurred_ms=event.occurred_ms,
        recorded_ms=entered.recorded_ms,
    )


def enter_register(state: State, entered: Entered) -> list[str]:
    """Organisations, sites, products, certificates, mandates, editions: the newest version counts."""
    event = entered.event
    details = event.details
    code = details.get("code") or details.get("number")
    owner = event.organisation
    if event.kind == "edition":
        code = f"{details['table']}:{details['edition']}"
    elif event.kind == "organisation":
        owner = details["code"]
    elif event.kind in ("site", "certificate"):
        owner = details.get("organisation") or details.get("holder") or owner
    state.put_registered(event.kind, str(code), entered.seq, owner, dump_data(dict(details)))
    return []


def enter_cycle(state: State, entered: Entered) -> list[str]:
    """A crop or rearing cycle is opened."""
    event = entered.event
    facts = {**event.details, "kind": event.kind, "site": event.site, "opened_ms": event.occurred_ms}
    state.put_registered("cycle", event.details["cycle"], entered.seq, event.organisation, dump_data(facts))
    return []


def enter_application(state: State, entered: Entered) -> list[str]:
    """A use of an input counts for every cycle it names, and for what was harvested from them."""
    event = entered.event
    for cycle in dict.fromkeys(event.cycles):
        state.applications.add(
            seq=entered.seq,
            cycle=cycle,
            input_type=event.details["input_type"],
            data=dump_data(dict(event.details)),
            occurred_ms=event.occurred_ms,
            recorded_ms=entered.recorded_ms,
        )
    return [row["batch"] for cycle in event.cycles for row in state.harvests.of("cycle", cycle)]


def enter_sampling(state: State, entered: Entered) -> list[str]:
    """Bind each sample to its batches, or to its cycles before harvest."""
    event = entered.event
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
            )
    return []


def enter_testing(state: State, entered: Entered) -> list[str]:
    """A step of a sample's testing; every attempt stays, the newest one counts."""
    event = entered.event
    details = event.details
    samples = state.samples.of("sample", details["sample"])
    official = any(row["purpose"] == "supervised" for row in samples)
    state.tests.add(
        seq=entered.seq,
        sample=details["sample"],
        laboratory=details["laboratory"],
        method_class=_method_class(state, event),
        conclusion=details.get("conclusion", ""),
        status=details["status"],
        released=int("released_at" in details or not official),
        occurred_ms=event.occurred_ms,
    )
    reached = [row["target"] for row in samples if row["target_kind"] == "batch"]
    for row in samples:
        if row["target_kind"] == "cycle":
            reached += [harvest["batch"] for harvest in state.harvests.of("cycle", row["target"])]
    return reached


def _method_class(state: State, event: Event) -> str:
    """A producer's own formal test is a self-check: it never makes a final verdict."""
    laboratory = state.find_registered("organisation", event.details["laboratory"]) or {}
    if {"laboratory", "third_party_laboratory"} & set(laboratory.get("roles", ())):
        method_class: str = event.details.get("method_class", "rapid")
        return method_class
    return "self_check"


def enter_hold(state: State, entered: Entered) -> list[str]:
    """A hold on each batch named, by the one who places it."""
    event = entered.event
    for batch in dict.fromkeys(event.batches):
        state.holds.add(seq=entered.seq, event_id=event.id, batch=batch, organisation=event.organisation)
    return list(event.batches)


def enter_release(state: State, entered: Entered) -> list[str]:
    """The end of a hold: for the batches named, or for all that it holds."""
    event = entered.event
    released = [
        hold
        for hold in state.holds.of("event_id", event.details["hold"])
        if hold["released_seq"] is None and (not event.batches or hold["batch"] in event.batches)
    ]
    for hold in released:
        state.holds.change(hold, released_seq=entered.seq)
    return [hold["batch"] for hold in released]


def enter_recall(state: State, entered: Entered) -> list[str]:
    """Freeze the scope: the batches named and everything made from them; what they came from is under review."""
    event = entered.event
    state.write()
    frozen = dict.fromkeys([*event.batches, *descendants(state.connection, event.batches)])
    upstream = [batch for batch in ancestors(state.connection, event.batches) if batch not in frozen]
    state.recall_scope.load("batch", [*frozen, *upstream])
    for batch in frozen:
        enter_scope(state, batch, event.id, event.organisation, "frozen", entered.seq)
    for batch in upstream:
        enter_scope(state, batch, event.id, event.organisation, "upstream", entered.seq)
    return [*frozen, *upstream]


def enter_label(state: State, entered: Entered) -> list[str]:
    """A run of labels with its trace code and telephone code."""
    event = entered.event
    details = event.details
    state.labels.add(
        run=event.id,
        seq=entered.seq,
        organisation=event.organisation,
        product=details["product"],
        batch=details.get("batch"),
        trace_code=details["trace_code"],
        phone_code=details["phone_code"],
        copies=details["copies"],
    )
    return [details["batch"]] if details.get("batch") else []


EFFECTS: Mapping[str, Callable[[State, Entered], list[str]]] = MappingProxyType(
    {
        "organisation": enter_register,
        "site": enter_register,
        "product": enter_register,
        "certificate": enter_register,
        "mandate": enter_register,
        "edition": enter_register,
        "planting": enter_cycle,
        "stocking": enter_cycle,
        "input_application": enter_application,
        "sampling": enter_sampling,
        "testing": enter_testing,
        "hold": enter_hold,
        "release": enter_release,
        "recall": enter_recall,
        "label_issue": enter_label,
    }
)
