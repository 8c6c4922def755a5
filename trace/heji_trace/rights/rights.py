"""Rights: who may say what for whom, and who may read it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from operator import itemgetter
from typing import Any

from sqlalchemy import select, union

from heji_trace.errors import NotAllowed
from heji_trace.events.event import Event
from heji_trace.events.kinds import KINDS
from heji_trace.events.schemas import event_of
from heji_trace.known.said import said_by
from heji_trace.known.state import State
from heji_trace.people.parties import Author
from heji_trace.store.gather import Row
from heji_trace.store.tables import register, samples, tests
from heji_trace.vocabulary.times import beijing_date

OVERSEERS = frozenset({"regulator", "operator"})

# The operator keeps the registers of the county and may correct for those who cannot.
OPERATED_FOR_OTHERS = frozenset(
    {"organisation", "site", "product", "certificate", "edition", "correction", "hold", "erasure"}
)


# The purpose of an official sample, whose result the authority makes public.
OFFICIAL = "supervised"

# What an organisation must have done with a batch, or been sent it, to have a part in it.
OWNING_ROLES = frozenset({"made", "consumed", "moved"})

# Who watches over the goods of others.
WATCHERS = frozenset({"regulator", "operator", "laboratory", "third_party_laboratory"})


def in_force(state: State, author: Author) -> Author:
    """The author in those roles that his organisation has now: what it loses, its accounts lose with it.

    One that nobody has registered yet is that of the first operator, who begins by registering it.
    """
    facts = state.find_registered("organisation", author.organisation)
    if facts is None and not _was_registered(state, author.organisation):
        return author
    roles = () if facts is None or facts.get("status") == "closed" else facts["roles"]
    return replace(author, roles=author.roles & set(roles))


def check(state: State, author: Author, event: Event) -> None:
    """Raise NotAllowed unless the author may record this event for the organisation it names."""
    author = in_force(state, author)
    # A closed station may not go on in the name of those who once gave it a mandate.
    for code in dict.fromkeys((event.organisation, author.organisation)):
        if (state.find_registered("organisation", code) or {}).get("status") == "closed":
            raise NotAllowed("organisation-closed", organisation=code)
    if not _is_operating(author, event):
        _check_speaker(state, author, event)
    _check_concerned(state, event)
    _check_still_operated(state, author, event)
    if event.kind == "correction":
        _check_corrected(state, event)
        if event.details.get("replacement") is not None:
            _check_replacement(state, author, event, event_of(event.details["replacement"]))


def find_mandate(state: State, author: Author, event: Event) -> Mapping[str, Any] | None:
    """A mandate, in force on the event's Beijing day, by which the author's organisation records this kind.

    Who may record a kind for others may take it back: a correction needs the kinds of what it corrects.
    """
    needed = {event.kind}
    if event.kind == "correction":
        needed = {kind for kind, _ in _taken_back(state, event)}
    day = beijing_date(event.occurred_ms).isoformat()
    for mandate in _given_by(state, event.organisation):
        if (
            not mandate.get("revoked")
            and mandate["to"] == author.organisation
            and needed <= {*mandate["kinds"]}
            and mandate["from"] <= day <= mandate.get("until", "9999-12-31")
        ):
            return mandate
    return None


def _given_by(state: State, organisation: str) -> list[Mapping[str, Any]]:
    """The mandates of an organisation as it has stated them last, whatever others said under the same codes."""
    state.register.load("organisation", [organisation])
    rows = [row for row in state.register.of("organisation", organisation) if row["kind"] == "mandate"]
    newest = {row["code"]: row["data"] for row in sorted(rows, key=itemgetter("rank"))}
    return [json.loads(newest[code]) for code in sorted(newest)]


def may_oversee(author: Author) -> bool:
    """Whether the author reads everything: regulators and the operator."""
    return bool(author.roles & OVERSEERS)


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
        and any(row["purpose"] == OFFICIAL for row in state.samples.of("sample", event.details["sample"]))
    )


def _is_operating(author: Author, event: Event) -> bool:
    if event.organisation == author.organisation:
        return False
    return "operator" in author.roles and event.kind in OPERATED_FOR_OTHERS


def _was_registered(state: State, organisation: str) -> bool:
    rows = select(register.c.seq).where(register.c.kind == "organisation", register.c.code == organisation)
    return state.connection.execute(rows.limit(1)).first() is not None


def _check_still_operated(state: State, author: Author, event: Event) -> None:
    """An operator does not take itself out: nobody would be left who could put it right."""
    if "operator" not in author.roles:
        return
    said = event_of(event.details["replacement"]) if event.details.get("replacement") else event
    names_itself = said.kind == "organisation" and said.details["code"] == author.organisation
    if event.kind == "correction":
        taken_back = {row["seq"] for row in state.corrected_by(event)}
        own = state.find_registration("organisation", author.organisation)
        names_itself = names_itself or (own is not None and own["seq"] in taken_back)
    stays = "operator" in said.details.get("roles", ()) and said.details.get("status") != "closed"
    if names_itself and not stays:
        raise NotAllowed("operator-stays", organisation=author.organisation)


def _check_speaker(state: State, author: Author, event: Event) -> None:
    """The author's organisation speaks for itself in its roles, or for another in that one's and by its mandate."""
    if event.organisation == author.organisation:
        _check_role(state, author.roles, event)
    elif mandate := find_mandate(state, author, event):
        _check_role(state, _roles_of(state, event.organisation), event)
        _check_mandated_site(state, mandate, event)
    else:
        raise NotAllowed("no-mandate", organisation=event.organisation)


def _roles_of(state: State, organisation: str) -> frozenset[str]:
    return frozenset((state.find_registered("organisation", organisation) or {}).get("roles", ()))


def _check_role(state: State, roles: frozenset[str], event: Event) -> None:
    if is_release(state, event):
        if "regulator" not in roles:
            raise NotAllowed("release-by-regulator", sample=event.details["sample"])
    elif not roles & KINDS[event.kind].recorders:
        raise NotAllowed("kind-not-for-role", kind=event.kind)


def _check_mandated_site(state: State, mandate: Mapping[str, Any], event: Event) -> None:
    """A correction happens nowhere itself: it counts for where its records did."""
    places = [event.site]
    if event.kind == "correction":
        places = [site for _, site in _taken_back(state, event)]
    sites = mandate.get("sites")
    for site in places:
        if sites and site not in sites:
            raise NotAllowed("site-not-in-mandate", site=site or "-")


def _taken_back(state: State, correction: Event) -> list[tuple[str, str | None]]:
    """Kind and place of what a correction takes back: of another correction what it says, else what was said at first."""
    rows = state.corrected_by(correction)
    said = said_by(state, [row["seq"] for row in rows if row["kind"] == "correction"])
    found: list[tuple[str, str | None]] = []
    for row in rows:
        event = said.get(row["seq"])
        if event is not None and event.kind != "correction":
            found.append((event.kind, event.site))
            continue
        first = (state.event_at(row["rank"]) if event else None) or row
        found.append((first["kind"], first["site"]))
    return found


def _check_corrected(state: State, event: Event) -> None:
    """A statement is corrected in the name of the organisation that made it, and replaced by one of the same."""
    for event_id in event.details["corrects"]:
        rows = state.events.of("event_id", event_id)
        if not rows or rows[0]["organisation"] != event.organisation:
            raise NotAllowed("correction-of-another", event_id=event_id)


def _check_replacement(state: State, author: Author, event: Event, replacement: Event) -> None:
    """What replaces a statement must be the author's to state: else a correction would be a door around the rights."""
    if replacement.organisation != event.organisation:
        raise NotAllowed("correction-of-another", event_id=replacement.id)
    if replacement.kind == "label_issue":
        raise NotAllowed("labels-not-replaced")
    if _is_operating(author, event):
        _check_role(state, _roles_of(state, event.organisation), replacement)
    else:
        _check_speaker(state, author, replacement)
    _check_concerned(state, replacement)


def _check_laboratory(state: State, event: Event) -> None:
    """A laboratory gives its own name alone, and a producer states results of its own self-checks alone."""
    if is_release(state, event):
        return
    if event.details["laboratory"] != event.organisation:
        raise NotAllowed("result-of-another", laboratory=event.details["laboratory"])
    if {"laboratory", "third_party_laboratory"} & _roles_of(state, event.organisation):
        return
    purposes = {row["purpose"] for row in state.samples.of("sample", event.details["sample"])}
    if purposes - {"self_check"}:
        raise NotAllowed("test-not-a-self-check", sample=event.details["sample"])


def _check_concerned(state: State, event: Event) -> None:
    """Whether the goods, cycles or sample that an event is about are the organisation's to speak of.

    Otherwise anybody could stop a competitor's goods, put a residue into his records, or print labels for them.
    """
    if event.kind == "testing":
        _check_laboratory(state, event)
    is_watcher = bool(WATCHERS & _roles_of(state, event.organisation))
    if event.kind in ("hold", "recall", "sampling") and not is_watcher:
        samples = event.details.get("samples", ())
        named = [
            batch for sample in samples for batch in (sample.get("batch"), *sample.get("composite_of", ()))
        ]
        _check_own_batches(state, event, [*event.batches, *named])
        _check_own_cycles(state, event, [cycle for sample in samples for cycle in sample.get("cycles", ())])
    if event.kind == "recall" and not is_watcher:
        _check_made(state, event)
    if event.kind in ("label_issue", "label_bind"):
        _check_own_batches(state, event, [event.details.get("batch")])
    if not is_watcher:
        _check_own_kept(state, event)
    _check_registered_for(state, event)
    _check_addressed(state, event)
    if not is_watcher:
        _check_own_cycles(state, event, event.cycles)


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
    if row is not None and organisation not in _entrusted(state, row):
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
    if whose in (None, event.organisation) or "operator" in _roles_of(state, event.organisation):
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
    if not openers or event.organisation in openers or "regulator" in _roles_of(state, event.organisation):
        return
    spoken_of = {row["organisation"] for row in event.details.get("consignees", ())}
    if spoken_of != {event.organisation} or event.details["status"] == "finished":
        raise NotAllowed("recall-of-another", recall=event.details["recall"])
    recalled = state.recall_scope.of("event_id", event.details["recall"])
    if not any(_has_part(state, event.organisation, row["batch"]) for row in recalled):
        raise NotAllowed("recall-of-another", recall=event.details["recall"])


def _is_concerned(state: State, organisation: str, row: Row) -> bool:
    """Whether the organisation made or performed the statement, is named in it, or has a part in a batch of it."""
    if organisation in (row["organisation"], row["performed_by"]):
        return True
    if {"regulator", "operator"} & _roles_of(state, organisation):
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


def _entrusted(state: State, batch: Row) -> set[str]:
    """Who made a batch, and to whom it was sent from there on."""
    sent = [line for line in state.lines.of("batch", batch["batch"]) if line["to_organisation"] is not None]
    found, size = {batch["organisation"]}, 0
    while len(found) > size:
        size = len(found)
        found |= {line["to_organisation"] for line in sent if line["holder"] in found}
    return found


def _has_part(state: State, organisation: str, batch: str) -> bool:
    return any(
        organisation in (line["holder"], line["to_organisation"]) and line["role"] in OWNING_ROLES
        for line in state.lines.of("batch", batch)
    )
