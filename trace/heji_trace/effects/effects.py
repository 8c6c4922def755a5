"""The effects of an event on the read tables: its place in the index, and what its kind's details bring about.

Each function adds rows that name the entry's `seq`, and returns the batches whose facts it changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from types import MappingProxyType

from heji_trace.effects.book import Entered
from heji_trace.effects.erasing import clear_copies, targets_of
from heji_trace.effects.settle import dump_data, enter_scope
from heji_trace.effects.testing import enter_sampling, enter_testing
from heji_trace.known.state import State
from heji_trace.store.lineage import ancestors, descendants
from heji_trace.vocabulary.times import ms_of, parse_moment


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
        rank=entered.rank,
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
    data = dump_data(dict(details))
    state.put_registered(event.kind, str(code), entered.seq, owner, data, rank=entered.rank)
    return []


def enter_cycle(state: State, entered: Entered) -> list[str]:
    """A crop or rearing cycle is opened."""
    event = entered.event
    facts = {**event.details, "kind": event.kind, "site": event.site, "opened_ms": event.occurred_ms}
    cycle, data = event.details["cycle"], dump_data(facts)
    state.put_registered("cycle", cycle, entered.seq, event.organisation, data, rank=entered.rank)
    state.cycle_sites.add(cycle=cycle, seq=entered.seq, site=event.site)
    return []


def enter_application(state: State, entered: Entered) -> list[str]:
    """A use of an input counts for every cycle it names, and for what was harvested from them."""
    event = entered.event
    facts = dict(event.details)
    if event.ended_ms is not None:
        facts["ended_ms"] = event.ended_ms
    for cycle in dict.fromkeys(event.cycles):
        state.applications.add(
            seq=entered.seq,
            cycle=cycle,
            input_type=event.details["input_type"],
            data=dump_data(facts),
            occurred_ms=event.occurred_ms,
            recorded_ms=entered.recorded_ms,
            rank=entered.rank,
        )
    return [row["batch"] for cycle in event.cycles for row in state.harvests.of("cycle", cycle)]


def enter_hold(state: State, entered: Entered) -> list[str]:
    """A hold on each batch named, by the one who places it."""
    event = entered.event
    for batch in dict.fromkeys(event.batches):
        state.holds.add(
            seq=entered.seq, event_id=entered.identity, batch=batch, organisation=event.organisation
        )
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
        enter_scope(state, batch, entered.identity, event.organisation, "frozen", entered.seq)
    for batch in upstream:
        enter_scope(state, batch, entered.identity, event.organisation, "upstream", entered.seq)
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


def enter_label_bind(state: State, entered: Entered) -> list[str]:
    """A code that was issued without batch leads to its batch from now on."""
    details = entered.event.details
    for row in state.labels.of("run", details["run"]):
        state.labels.change(row, batch=details["batch"], bound_seq=entered.seq)
    return [details["batch"]]


def enter_label_void(state: State, entered: Entered) -> list[str]:
    """A code leads nowhere any more."""
    rows = state.labels.of("run", entered.event.details["run"])
    for row in rows:
        state.labels.change(row, voided_seq=entered.seq)
    return [row["batch"] for row in rows if row["batch"]]


def enter_environment(state: State, entered: Entered) -> list[str]:
    """What was found at a site and judged by a stated limit, for everything that is harvested there."""
    event = entered.event
    medium = event.details["medium"]
    for position, result in enumerate(event.details["results"]):
        found = find_number(result["value"])
        if found is None or "limit" not in result:
            continue
        state.environment.add(
            seq=entered.seq,
            position=position,
            site=event.site,
            medium=medium,
            analyte=result["analyte"],
            is_over=int(found > Decimal(result["limit"])),
            data=dump_data({"medium": medium, **result}),
            occurred_ms=event.occurred_ms,
        )
    return batches_of_site(state, event.site)


def batches_of_site(state: State, site: str | None) -> list[str]:
    """The batches harvested from the cycles of a site."""
    cycles = [row["cycle"] for row in state.cycle_sites.of("site", site)]
    return [row["batch"] for cycle in dict.fromkeys(cycles) for row in state.harvests.of("cycle", cycle)]


def find_number(value: str) -> Decimal | None:
    """The number of a result as a laboratory writes it; what lies below a detection limit is nothing to judge."""
    try:
        number = Decimal(value.strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def enter_condition(state: State, entered: Entered) -> list[str]:
    """A series of readings, for the batches it names and those of the shipment it watched."""
    event = entered.event
    series = [
        (ms_of(parse_moment(reading["at"])), reading["temperature"], reading.get("humidity"))
        for reading in event.details.get("readings", ())
    ]
    state.series.add(seq=entered.seq, data=dump_data(series))
    bound: dict[str, int | None] = dict.fromkeys(event.batches)
    shipping = state.standing_event(event.details.get("shipping"))
    if shipping is not None:
        bound = {**dict.fromkeys(shipped_batches(state, shipping["seq"]), shipping["rank"]), **bound}
    for batch, shipping_rank in bound.items():
        state.conditions.add(seq=entered.seq, batch=batch, shipping_rank=shipping_rank)
    return list(bound)


def shipped_batches(state: State, seq: int) -> list[str]:
    """The batches that a shipping moved, as entry `seq` says."""
    return [line["batch"] for line in state.lines.of("seq", seq) if line["role"] == "moved"]


def enter_conformity(state: State, entered: Entered) -> list[str]:
    """A certificate of conformity for each batch named."""
    event = entered.event
    for batch in dict.fromkeys(event.batches):
        state.conformity.add(
            seq=entered.seq,
            batch=batch,
            event_id=entered.identity,
            organisation=event.organisation,
            issued_ms=ms_of(parse_moment(event.details["issued_at"])),
        )
    return list(event.batches)


def enter_recall_update(state: State, entered: Entered) -> list[str]:
    """How far a recall is, by whoever says so."""
    event = entered.event
    told = ("consignees", "finish_on", "level")
    figures = {name: event.details[name] for name in told if name in event.details}
    state.recall_updates.add(
        seq=entered.seq,
        event_id=entered.identity,
        recall=event.details["recall"],
        organisation=event.organisation,
        status=event.details["status"],
        data=dump_data(figures),
        rank=entered.rank,
    )
    return []


def enter_objection(state: State, entered: Entered) -> list[str]:
    """An objection beside the event that it contradicts."""
    event = entered.event
    state.objections.add(
        seq=entered.seq,
        event_id=entered.identity,
        target=event.details["to"],
        organisation=event.organisation,
    )
    return []


def enter_erasure(state: State, entered: Entered) -> list[str]:
    """Copies of the values that an erasure names go too."""
    clear_copies(state, targets_of(state, entered.event))
    return []


EFFECTS: Mapping[str, Callable[[State, Entered], list[str]]] = MappingProxyType(
    {
        "organisation": enter_register,
        "site": enter_register,
        "product": enter_register,
        "certificate": enter_register,
        "mandate": enter_register,
        "edition": enter_register,
        "instrument": enter_register,
        "planting": enter_cycle,
        "stocking": enter_cycle,
        "input_application": enter_application,
        "sampling": enter_sampling,
        "testing": enter_testing,
        "hold": enter_hold,
        "release": enter_release,
        "recall": enter_recall,
        "recall_update": enter_recall_update,
        "objection": enter_objection,
        "label_issue": enter_label,
        "erasure": enter_erasure,
        "label_bind": enter_label_bind,
        "label_void": enter_label_void,
        "environment_test": enter_environment,
        "condition": enter_condition,
        "conformity_certificate": enter_conformity,
    }
)
