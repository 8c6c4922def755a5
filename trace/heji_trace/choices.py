"""What a form offers: an organisation's own sites, products, cycles, stock and papers, and for whom it may record."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Row, func, select

from heji_trace.kinds import KINDS
from heji_trace.parties import Author
from heji_trace.rights import may_oversee
from heji_trace.sentences import isolated
from heji_trace.tables import batches, events, holds, labels, lines, recall_scope, register, samples, stock
from heji_trace.times import beijing_date
from heji_trace.units import dump_amount

_MOST = 200


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A value that fits, and what people call it; `own` ones are of the organisation itself."""

    value: str
    label: str = ""
    own: bool = True


@dataclass(frozen=True, slots=True)
class Mandate:
    """A mandate in force: `giver` lets another organisation record these kinds; no sites means all."""

    giver: str
    kinds: frozenset[str]
    sites: frozenset[str]


@dataclass(frozen=True, slots=True)
class Asking:
    """Who fills a form, for which organisations (its own first), in which language of labels."""

    author: Author
    organisations: tuple[str, ...]
    language: str


_NAMED = frozenset({"organisation", "site"})


def registered_facts(
    connection: Connection, kind: str, codes: Collection[str] | None = None
) -> dict[str, tuple[str, dict[str, Any]]]:
    """The newest facts registered of a kind by code, each with the organisation that they belong to.

    Whose name was erased is called by its code.
    """
    query = select(register.c.code, register.c.organisation, register.c.data)
    query = query.where(register.c.kind == kind, register.c.withdrawn_seq.is_(None)).order_by(register.c.seq)
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    listed = None if codes is None else sorted(set(codes))
    parts = [None] if listed is None else [listed[at : at + 500] for at in range(0, len(listed), 500)]
    for part in parts:
        asked = query if part is None else query.where(register.c.code.in_(part))
        for code, organisation, data in connection.execute(asked):
            facts = json.loads(data)
            if kind in _NAMED:
                facts.setdefault("name", code)
            found[code] = (organisation, facts)
    return found


def mandates_to(connection: Connection, organisation: str, day: date) -> list[Mandate]:
    """The mandates by which `organisation` records for others on a day in Beijing."""
    found = []
    for giver, data in registered_facts(connection, "mandate").values():
        in_force = data["from"] <= day.isoformat() <= data.get("until", "9999-12-31")
        if data["to"] == organisation and in_force and not data.get("revoked"):
            found.append(Mandate(giver, frozenset(data["kinds"]), frozenset(data.get("sites", ()))))
    return found


def recorded_for(connection: Connection, author: Author, day: date) -> dict[str, list[str]]:
    """For whom the author may record each kind that has a form: his own organisation first, then who mandated it.

    Kinds that he may record for nobody are left out.
    """
    mandates = mandates_to(connection, author.organisation, day)
    givers = registered_facts(connection, "organisation", {mandate.giver for mandate in mandates})
    found: dict[str, list[str]] = {}
    for kind in KINDS.values():
        codes = [author.organisation] if author.roles & kind.recorders else []
        for mandate in mandates:
            _, giver = givers.get(mandate.giver, ("", {}))
            if kind.name in mandate.kinds and kind.recorders & set(giver.get("roles", ())):
                codes.append(mandate.giver)
        if kind.form and codes:
            found[kind.name] = list(dict.fromkeys(codes))
    return found


def names_of(connection: Connection, codes: Collection[str], own: Collection[str] = ()) -> dict[str, str]:
    """The names of organisations by code; a household's own name only where it is among `own`."""
    return {
        code: data["name"]
        for code, (_, data) in registered_facts(connection, "organisation", codes).items()
        if code in own or data["subject_type"] != "farm_household"
    }


def product_names(
    connection: Connection, language: str, codes: Collection[str] | None = None
) -> dict[str, str]:
    """The names of products by code, in `language` where they have one there."""
    return {
        code: (data.get("name_en") if language == "en" else None) or data["name"]
        for code, (_, data) in registered_facts(connection, "product", codes).items()
    }


def suggest(
    connection: Connection, asking: Asking, wanted: Collection[str]
) -> dict[str, tuple[Suggestion, ...]]:
    """What to offer for each of the `wanted` things: a key of `_SOURCES`, such as "site" or "arriving"."""
    return {name: tuple(_SOURCES[name](connection, asking)) for name in wanted if name in _SOURCES}


def _sites(connection: Connection, asking: Asking) -> Iterator[Suggestion]:
    for code, (owner, data) in sorted(registered_facts(connection, "site").items()):
        if owner in asking.organisations and data.get("status") != "closed":
            yield Suggestion(code, data["name"])


def _products(connection: Connection, asking: Asking) -> list[Suggestion]:
    found = [
        Suggestion(code, _product_name(data, asking.language), owner in asking.organisations)
        for code, (owner, data) in sorted(registered_facts(connection, "product").items())
    ]
    return sorted(found, key=lambda each: not each.own)[:_MOST]


def _product_name(data: Mapping[str, Any], language: str) -> str:
    return str((data.get("name_en") if language == "en" else None) or data["name"])


def _cycles(connection: Connection, asking: Asking) -> list[Suggestion]:
    found = [
        (data["opened_ms"], Suggestion(code, _cycle_label(data)))
        for code, (owner, data) in registered_facts(connection, "cycle").items()
        if owner in asking.organisations
    ]
    return [each for _, each in sorted(found, key=lambda pair: -pair[0])][:_MOST]


def _cycle_label(data: Mapping[str, Any]) -> str:
    crop = data.get("crop") or data.get("species") or ""
    return " · ".join(isolated(part) for part in (crop, data.get("variety"), data.get("site")) if part)


def _organisations(connection: Connection, asking: Asking) -> list[Suggestion]:
    found = []
    for code, (_, data) in sorted(registered_facts(connection, "organisation").items()):
        own = code in asking.organisations
        if data.get("status") != "closed" and (own or data["subject_type"] != "farm_household"):
            found.append(Suggestion(code, data["name"], own))
    return found[:_MOST]


def _stock(connection: Connection, asking: Asking, state: str) -> Iterator[Suggestion]:
    """Batches with what is there of them, the newest first."""
    query = (
        select(
            batches.c.batch, batches.c.product, stock.c.dimension, func.sum(stock.c.amount).label("amount")
        )
        .join(stock, stock.c.batch == batches.c.batch)
        .where(stock.c.holder.in_(asking.organisations), stock.c.state == state, stock.c.amount > 0)
        .group_by(batches.c.batch, batches.c.product, stock.c.dimension, batches.c.made_seq)
        .order_by(batches.c.made_seq.desc())
        .limit(_MOST)
    )
    found = list(connection.execute(query))
    names = product_names(connection, asking.language, {row.product for row in found if row.product})
    for row in found:
        amount = dump_amount(row.dimension, int(row.amount), asking.language)
        yield Suggestion(row.batch, f"{isolated(names.get(row.product, ''))} {amount}".strip())


def _held(connection: Connection, asking: Asking) -> Iterator[Suggestion]:
    return _stock(connection, asking, "held")


def _arriving(connection: Connection, asking: Asking) -> Iterator[Suggestion]:
    return _stock(connection, asking, "transit")


def _samples(connection: Connection, asking: Asking) -> list[Suggestion]:
    query = select(samples.c.sample, samples.c.target).where(samples.c.withdrawn_seq.is_(None))
    if not may_oversee(asking.author):
        query = query.where(samples.c.organisation.in_(asking.organisations))
    return _grouped(connection.execute(query.order_by(samples.c.seq.desc()).limit(_MOST)))


def _shipments(connection: Connection, asking: Asking) -> list[Suggestion]:
    """Shipments on their way to the organisations, the newest first."""
    query = (
        select(events.c.event_id, lines.c.batch, events.c.organisation, events.c.occurred_ms)
        .join(lines, lines.c.seq == events.c.seq)
        .where(
            events.c.kind == "shipping",
            events.c.withdrawn_seq.is_(None),
            lines.c.to_organisation.in_(asking.organisations),
        )
        .order_by(events.c.seq.desc())
        .limit(_MOST)
    )
    return _grouped(
        (row.event_id, f"{beijing_date(row.occurred_ms):%m-%d} {row.organisation} {row.batch}")
        for row in connection.execute(query)
    )


def _holds(connection: Connection, asking: Asking) -> list[Suggestion]:
    """Holds that can still be released, by who placed them."""
    query = select(holds.c.event_id, holds.c.batch).where(
        holds.c.withdrawn_seq.is_(None), holds.c.released_seq.is_(None)
    )
    if "regulator" not in asking.author.roles:
        query = query.where(holds.c.organisation.in_(asking.organisations))
    return _grouped(connection.execute(query.order_by(holds.c.seq.desc()).limit(_MOST)))


def _recalls(connection: Connection, asking: Asking) -> list[Suggestion]:
    """Recalls that stand and reach goods of the organisations; overseers see all."""
    query = select(recall_scope.c.event_id, recall_scope.c.batch).where(
        recall_scope.c.withdrawn_seq.is_(None), recall_scope.c.standing == "frozen"
    )
    if not may_oversee(asking.author):
        held = select(lines.c.batch).where(
            lines.c.holder.in_(asking.organisations) | lines.c.to_organisation.in_(asking.organisations)
        )
        query = query.where(recall_scope.c.batch.in_(held))
    return _grouped(connection.execute(query.order_by(recall_scope.c.seq.desc()).limit(_MOST)))


def _runs(connection: Connection, asking: Asking) -> Iterator[Suggestion]:
    """Runs of labels that are in use or wait for their batch, the newest first."""
    query = select(labels.c.run, labels.c.product, labels.c.batch, labels.c.trace_code).where(
        labels.c.organisation.in_(asking.organisations),
        labels.c.withdrawn_seq.is_(None),
        labels.c.voided_seq.is_(None),
    )
    for row in connection.execute(query.order_by(labels.c.seq.desc()).limit(_MOST)):
        yield Suggestion(
            row.run, " · ".join(part for part in (row.product, row.batch, row.trace_code) if part)
        )


def _grouped(pairs: Any) -> list[Suggestion]:
    """One suggestion for each value, labelled with all that it stands for."""
    found: dict[str, list[str]] = {}
    for value, label in pairs:
        found.setdefault(value, []).append(label)
    return [Suggestion(value, "、".join(labels[:5])) for value, labels in found.items()]


Source = Callable[[Connection, Asking], Any]
_SOURCES: Mapping[str, Source] = MappingProxyType(
    {
        "site": _sites,
        "product": _products,
        "cycle": _cycles,
        "organisation": _organisations,
        "batch": _held,
        "arriving": _arriving,
        "sample": _samples,
        "shipping": _shipments,
        "hold": _holds,
        "recall": _recalls,
        "run": _runs,
    }
)
"""Where suggestions come from; "batch" is what is on hand, "arriving" what is on its way."""


def recent_events(
    connection: Connection, author: Author, kind: str | None, before: int | None, limit: int
) -> list[Row[Any]]:
    """The newest rows of `events` that the author's organisation answers for or this account typed, newest first."""
    query = select(events).where(
        (events.c.organisation == author.organisation) | (events.c.actor == author.account)
    )
    if kind is not None:
        query = query.where(events.c.kind == kind)
    if before is not None:
        query = query.where(events.c.seq < before)
    return list(connection.execute(query.order_by(events.c.seq.desc()).limit(limit)))


def last_event(connection: Connection, organisation: str, kind: str) -> int | None:
    """The place of the newest event of a kind that an organisation made and did not take back."""
    query = select(func.max(events.c.seq)).where(
        events.c.organisation == organisation, events.c.kind == kind, events.c.withdrawn_seq.is_(None)
    )
    seq: int | None = connection.execute(query).scalar()
    return seq


def standing_events(connection: Connection, event_ids: Collection[str]) -> dict[str, list[str]]:
    """Those of the events that are recorded and not corrected, by the organisation that answers for them."""
    listed, found = sorted(event_ids), dict[str, list[str]]()
    for at in range(0, len(listed), 500):
        query = select(events.c.organisation, events.c.event_id).where(
            events.c.event_id.in_(listed[at : at + 500]), events.c.withdrawn_seq.is_(None)
        )
        for organisation, event_id in connection.execute(query.order_by(events.c.seq)):
            found.setdefault(organisation, []).append(event_id)
    return found
