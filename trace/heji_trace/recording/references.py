"""References: whether what an event names by a code, an identifier or a number stands in the ledger."""

from __future__ import annotations

from collections.abc import Iterator

from heji_trace.effects.moves import KEEPING
from heji_trace.effects.suspect import OPENING_KINDS
from heji_trace.errors import Problem
from heji_trace.events.event import Event
from heji_trace.known.state import State

_DETAIL_CODES = {
    "site": (("organisation", "organisation"),),
    "certificate": (("holder", "organisation"),),
    "mandate": (("to", "organisation"),),
    "testing": (("laboratory", "organisation"),),
    "environment_test": (("laboratory", "organisation"),),
    "shipping": (("carrier", "organisation"),),
    "label_issue": (("product", "product"),),
    "conformity_certificate": (("product", "product"),),
}
# Details that name another event.
_DETAIL_EVENTS = {"objection": ("to",), "condition": ("shipping",), "return": ("of",)}


def unknown_codes(state: State, event: Event) -> list[Problem]:
    """Problems of codes that are not registered: organisations, sites, products, cycles, samples."""
    named: list[tuple[str, str, str | None]] = [
        ("/organisation", "organisation", event.organisation),
        ("/performed_by", "organisation", event.performed_by),
        ("/site", "site", event.site),
    ]
    named += [(f"/cycles/{at}", "cycle", cycle) for at, cycle in enumerate(event.cycles)]
    for part, lines in (("inputs", event.inputs), ("outputs", event.outputs), ("moves", event.moves)):
        for at, line in enumerate(lines):
            named.append((f"/{part}/{at}/product", "product", line.product))
            named.append((f"/{part}/{at}/site", "site", line.site))
            named.append((f"/{part}/{at}/to_site", "site", line.to_site))
            named.append((f"/{part}/{at}/to_organisation", "organisation", line.to_organisation))
    for name, kind in _DETAIL_CODES.get(event.kind, ()):
        named.append((f"/details/{name}", kind, event.details.get(name)))
    for at, row in enumerate(event.details.get("consignees", ())):
        named.append((f"/details/consignees/{at}/organisation", "organisation", row["organisation"]))
    own = event.details.get("code") if event.kind == "organisation" else None
    problems = [
        Problem(pointer, f"unknown-{kind}", {"code": code})
        for pointer, kind, code in named
        if code is not None and code != own and state.find_registered(kind, code) is None
    ]
    if event.kind == "testing" and not state.samples.of("sample", event.details["sample"]):
        problems.append(Problem("/details/sample", "unknown-sample", {"code": event.details["sample"]}))
    return problems


def unknown_batches(state: State, event: Event) -> list[Problem]:
    """Problems of batches that no entry speaks of, where the event cannot open them itself."""
    named: list[tuple[str, str | None]] = [
        (f"/batches/{at}", batch) for at, batch in enumerate(event.batches)
    ]
    if event.kind not in OPENING_KINDS:
        named += [(f"/inputs/{at}/batch", line.batch) for at, line in enumerate(event.inputs)]
        named += [(f"/moves/{at}/batch", line.batch) for at, line in enumerate(event.moves)]
    for at, sample in enumerate(event.details.get("samples", ())):
        named += [(f"/details/samples/{at}/batch", sample.get("batch"))]
        named += [
            (f"/details/samples/{at}/composite_of/{part}", batch)
            for part, batch in enumerate(sample.get("composite_of", ()))
        ]
    for at, row in enumerate(event.details.get("consignees", ())):
        named.append((f"/details/consignees/{at}/batch", row.get("batch")))
    if event.kind in ("label_issue", "label_bind"):
        named.append(("/details/batch", event.details.get("batch")))
    return [
        Problem(pointer, "unknown-batch", {"batch": batch})
        for pointer, batch in named
        if batch is not None and state.find_batch(batch) is None
    ]


def unknown_events(state: State, event: Event) -> list[Problem]:
    """Problems of events and recalls that the event names and that are not recorded."""
    named: list[tuple[str, str | None]] = [
        (f"/details/{name}", event.details.get(name)) for name in _DETAIL_EVENTS.get(event.kind, ())
    ]
    if event.kind == "erasure":
        named += [
            (f"/details/values/{at}/event", row["event"])
            for at, row in enumerate(event.details.get("values", ()))
        ]
    problems = [
        Problem(pointer, "unknown-event", {"id": event_id})
        for pointer, event_id in named
        if event_id is not None and not state.events.of("event_id", event_id)
    ]
    recall = event.details.get("recall")
    if recall is not None and not state.recall_scope.of("event_id", recall):
        problems.append(Problem("/details/recall", "unknown-recall", {"recall": recall}))
    return problems


def misplaced_moves(event: Event) -> Iterator[Problem]:
    """Problems of moves to another organisation in a kind by which goods do not change hands."""
    for at, line in enumerate(event.moves):
        to = line.to_organisation
        if event.kind in (*KEEPING, "stock_count", "disposal") and to not in (None, event.organisation):
            yield Problem(f"/moves/{at}/to_organisation", "custody-stays")
        if event.kind == "return" and to == event.organisation:
            yield Problem(f"/moves/{at}/to_organisation", "return-to-oneself")


def readings_of_nothing(state: State, event: Event) -> Iterator[Problem]:
    """The problem of a series of readings that says neither which goods nor which place it watched."""
    if event.kind != "condition" or event.batches or event.site:
        return
    shipping = state.standing_event(event.details.get("shipping"))
    # One that was taken back moved nothing; one that is not there at all is a problem of its own.
    if shipping is None and event.details.get("shipping"):
        return
    if shipping is None or not state.lines.of("seq", shipping["seq"]):
        yield Problem("/batches", "readings-of-nothing")


def misdescribed_certificate(state: State, event: Event) -> Iterator[Problem]:
    """Problems of a conformity certificate: it is of the batches' product, and names how to reach who promises."""
    if event.kind != "conformity_certificate":
        return
    products = {row["product"] for batch in event.batches if (row := state.find_batch(batch))} - {None}
    named = event.details.get("product")
    if named is None and len(products) != 1:
        yield Problem("/details/product", "missing-field")
    for product in sorted(products - {named} if named is not None else ()):
        yield Problem("/details/product", "certificate-of-another-product", {"product": product})
    promising = state.find_registered("organisation", event.organisation) or {}
    if not event.details.get("contact") and not promising.get("contact"):
        yield Problem("/details/contact", "missing-field")
