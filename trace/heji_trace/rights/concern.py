"""What concerns an organisation: of which goods, cycles, samples, sites and recalls of others it may speak."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import select, union

from heji_trace.errors import NotAllowed
from heji_trace.events.event import Event
from heji_trace.events.kinds.words import OFFICIAL
from heji_trace.known.said import said_by
from heji_trace.known.state import State
from heji_trace.store.gather import Row
from heji_trace.store.tables import samples, tests

# What an organisation must have done with a batch, or been sent it, to have a part in it.
OWNING_ROLES = frozenset({"made", "consumed", "moved"})

# Who watches over the goods of others.
WATCHERS = frozenset({"regulator", "operator", "laboratory", "third_party_laboratory"})


def check_concerned(state: State, event: Event) -> None:
    """Whether the goods, cycles or sample that an event is about are the organisation's to speak of.

    Otherwise anybody could stop a competitor's goods, put a residue into his records, or print labels for them.
    """
    if event.kind == "testing":
        _check_laboratory(state, event)
    is_watcher = bool(WATCHERS & roles_of(state, event.organisation))
    if event.kind in ("hold", "recall", "sampling") and not is_watcher:
        samples = event.details.get("samples", ())
        named = [
            batch for sample in samples for batch in (sample.get("batch"), *sample.get("composite_of", ()))
        ]
        _check_own_batches(state, event, [*event.batches, *named])
        _check_own_cycles(state, event, [cycle for sample in samples for cycle in sample.get("cycles", ())])
    if event.kind == "recall" and not is_watcher:
        _check_made(state, event)
    if event.kind == "sampling" and event.details["purpose"] == OFFICIAL and not is_watcher:
        # Its result stays closed until the authority releases it: nobody hides his own behind that.
        raise NotAllowed("official-sample-by-authority")
    if event.kind in ("label_issue", "label_bind"):
        _check_own_batches(state, event, [event.details.get("batch")])
    if not is_watcher:
        _check_own_kept(state, event)
    _check_registered_for(state, event)
    _check_addressed(state, event)
    if not is_watcher:
        _check_own_cycles(state, event, event.cycles)


def may_object(state: State, organisation: str, event_id: str) -> bool:
    """Whether an organisation is concerned by the statement of another, so that it may object to it."""
    rows = state.events.of("event_id", event_id)
    return any(
        row["organisation"] != organisation and _is_concerned(state, organisation, row) for row in rows
    )


def is_release(state: State, event: Event) -> bool:
    """Whether the event is to make an official result public."""
    return (
        event.kind == "testing"
        and "released_at" in event.details
        and state.is_official(event.details["sample"])
    )


def entrusted(state: State, batch: Row) -> set[str]:
    """Who made a batch, and to whom it was sent from there on, hand to hand."""
    sent = [line for line in state.lines.of("batch", batch["batch"]) if line["to_organisation"] is not None]
    found, size = {batch["organisation"]}, 0
    while len(found) > size:
        size = len(found)
        found |= {line["to_organisation"] for line in sent if line["holder"] in found}
    return found


def roles_of(state: State, organisation: str) -> frozenset[str]:
    """The roles that an organisation is registered with now."""
    return frozenset((state.find_registered("organisation", organisation) or {}).get("roles", ()))


def _check_laboratory(state: State, event: Event) -> None:
    """A laboratory gives its own name alone, and a producer states results of its own self-checks alone."""
    if is_release(state, event):
        return
    if event.details["laboratory"] != event.organisation:
        raise NotAllowed("result-of-another", laboratory=event.details["laboratory"])
    if {"laboratory", "third_party_laboratory"} & roles_of(state, event.organisation):
        return
    rows = state.samples.of("sample", event.details["sample"])
    if not all(row["purpose"] == "self_check" and _is_own_sample(state, event, row) for row in rows):
        raise NotAllowed("test-not-a-self-check", sample=event.details["sample"])


def _is_own_sample(state: State, event: Event, row: Row) -> bool:
    """Whether the organisation drew the sample, or somebody drew it of its goods or cycle."""
    target = state.find_batch(row["target"]) or state.find_registration("cycle", row["target"])
    return event.organisation in (row["organisation"], target and target["organisation"])


def _check_own_batches(state: State, event: Event, batches: Iterable[str | None]) -> None:
    """Made by the organisation, or sent to it by one of which the same is true: its own word gives no part in a batch.

    That somebody received or collected goods which nobody sent him is recorded, since it happened; it would make him
    speak of all that the maker made.
    """
    for batch in batches:
        if batch is not None:
            _check_entrusted(state, event.organisation, batch)


def _check_entrusted(state: State, organisation: str, batch: str) -> None:
    row = state.find_batch(batch)
    if row is not None and organisation not in entrusted(state, row):
        raise NotAllowed("batch-of-another", batch=batch)


def _check_made(state: State, event: Event) -> None:
    """Who made goods calls them back, with all that was made of them; whoever only has some of them may stop what he has."""
    for batch in event.batches:
        row = state.find_batch(batch)
        if row is not None and row["organisation"] != event.organisation:
            raise NotAllowed("recall-by-maker", batch=batch, maker=row["organisation"])


def _check_own_cycles(state: State, event: Event, cycles: Iterable[str]) -> None:
    for cycle in cycles:
        owners = {row["organisation"] for row in state.register.of("code", cycle) if row["kind"] == "cycle"}
        if owners and event.organisation not in owners:
            raise NotAllowed("cycle-of-another", cycle=cycle)


def _check_own_kept(state: State, event: Event) -> None:
    """Certificates, readings and tests of a site are stated by whoever has the goods or the site, or carries them."""
    if event.kind == "conformity_certificate":
        _check_own_batches(state, event, event.batches)
    if event.kind == "condition":
        carried = _carried(state, event)
        _check_own_batches(state, event, [batch for batch in event.batches if batch not in carried])
        for batch, sender in carried.items():
            _check_entrusted(state, sender, batch)
    if event.kind == "environment_test" and event.site:
        site = state.find_registered("site", event.site)
        if site is not None and site["organisation"] != event.organisation:
            raise NotAllowed("site-of-another", site=event.site)


def _check_registered_for(state: State, event: Event) -> None:
    """Sites and certificates are registered by whose they are, or by the operator for all."""
    named = {"site": "organisation", "certificate": "holder"}.get(event.kind)
    whose = event.details.get(named) if named else None
    if whose in (None, event.organisation) or "operator" in roles_of(state, event.organisation):
        return
    raise NotAllowed("registered-for-another", organisation=whose)


def _carried(state: State, event: Event) -> Mapping[str, str]:
    """The batches of the shipment that a series of readings watched, each with its sender.

    The shipment must be the organisation's own or carried by it.
    """
    shipping = event.details.get("shipping")
    row = state.standing_event(shipping) if shipping else None
    if row is None:
        return {}
    seqs = {row["seq"], *(first["seq"] for first in state.events.of("event_id", shipping))}
    parties = {party for each in said_by(state, sorted(seqs)).values() for party in _parties_of(each)}
    if event.organisation not in parties:
        raise NotAllowed("shipment-of-another", event_id=shipping)
    lines = state.lines.of("seq", row["seq"])
    return {line["batch"]: line["holder"] for line in lines if line["role"] == "moved"}


def _parties_of(shipping: Event) -> set[str | None]:
    """Who sends, carries and gets what is shipped."""
    takers = {line.to_organisation for line in shipping.moves}
    return {shipping.organisation, shipping.performed_by, shipping.details.get("carrier"), *takers}


def _check_addressed(state: State, event: Event) -> None:
    """A label run, a recall or a statement is followed up by those whom it concerns."""
    details = event.details
    if event.kind in ("label_bind", "label_void"):
        if any(row["organisation"] != event.organisation for row in state.labels.of("run", details["run"])):
            raise NotAllowed("label-run-of-another", run=details["run"])
    elif event.kind == "recall_update":
        _check_recalling(state, event)
    elif event.kind == "objection":
        for row in state.events.of("event_id", details["to"]):
            if not _is_concerned(state, event.organisation, row):
                raise NotAllowed("statement-of-no-concern", event_id=row["event_id"])


def _check_recalling(state: State, event: Event) -> None:
    """Who opened the recall and the regulator speak of all consignees, a consignee of itself alone."""
    openers = {row["organisation"] for row in state.recall_scope.of("event_id", event.details["recall"])}
    if not openers or event.organisation in openers or "regulator" in roles_of(state, event.organisation):
        return
    recalled = state.recall_scope.of("event_id", event.details["recall"])
    if not any(_has_part(state, event.organisation, row["batch"]) for row in recalled):
        raise NotAllowed("recall-of-another")
    spoken_of = {row["organisation"] for row in event.details.get("consignees", ())}
    if not spoken_of:
        raise NotAllowed("recall-update-without-figures")
    if spoken_of != {event.organisation}:
        raise NotAllowed("recall-update-of-another")
    if event.details["status"] == "finished":
        raise NotAllowed("recall-ended-by-consignee")


def _is_concerned(state: State, organisation: str, row: Row) -> bool:
    """Whether the organisation made or performed the statement, is named in it, or has a part in a batch of it."""
    if organisation in (row["organisation"], row["performed_by"]):
        return True
    if {"regulator", "operator"} & roles_of(state, organisation):
        return True
    lines = state.lines.of("seq", row["seq"])
    batches = {line["batch"] for line in lines} | _tested_batches(state, row["seq"])
    batches |= {hold["batch"] for hold in state.holds.of("event_id", row["event_id"])}
    return any(organisation == line["to_organisation"] for line in lines) or any(
        _has_part(state, organisation, batch) for batch in batches
    )


def _tested_batches(state: State, seq: int) -> set[str]:
    """The batches that a sample or result at this place of the ledger speaks of."""
    drawn = select(samples.c.target).where(samples.c.seq == seq)
    tested = (
        select(samples.c.target).join(tests, tests.c.sample == samples.c.sample).where(tests.c.seq == seq)
    )
    state.write()
    return set(state.connection.execute(union(drawn, tested)).scalars())


def _has_part(state: State, organisation: str, batch: str) -> bool:
    return any(
        organisation in (line["holder"], line["to_organisation"]) and line["role"] in OWNING_ROLES
        for line in state.lines.of("batch", batch)
    )
