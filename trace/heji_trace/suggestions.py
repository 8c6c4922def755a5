"""What a form offers: an organisation's own sites, products, cycles, stock and papers, by the names people know."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, func, select

from heji_trace.choices import names_of, product_names, registered_facts
from heji_trace.crops import find_crop_english
from heji_trace.parties import Author
from heji_trace.rights import may_oversee
from heji_trace.sentences import isolated, say
from heji_trace.tables import batches, events, holds, labels, lines, recall_scope, samples, stock
from heji_trace.times import beijing_date
from heji_trace.units import dump_amount
from heji_trace.wording import day_of_year_said, day_said

_MOST = 200


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A value that fits, and what people call it; `own` ones are of the organisation itself."""

    value: str
    label: str = ""
    own: bool = True


@dataclass(frozen=True, slots=True)
class Asking:
    """Who fills a form, for which organisations (its own first), in which language of labels."""

    author: Author
    organisations: tuple[str, ...]
    language: str


def suggest(
    connection: Connection, asking: Asking, wanted: Collection[str]
) -> dict[str, tuple[Suggestion, ...]]:
    """What to offer for each of the `wanted` things: a key of `_SOURCES`, such as "site" or "arriving"."""
    return {name: tuple(_SOURCES[name](connection, asking)) for name in wanted if name in _SOURCES}


def _sites(connection: Connection, asking: Asking) -> Iterator[Suggestion]:
    owners = _owner_names(connection, asking)
    for code, (owner, data) in sorted(registered_facts(connection, "site").items()):
        if owner in asking.organisations and data.get("status") != "closed":
            yield Suggestion(code, _joined(owners.get(owner), data["name"]))


def _products(connection: Connection, asking: Asking) -> list[Suggestion]:
    found = [
        Suggestion(code, _product_name(data, asking.language), owner in asking.organisations)
        for code, (owner, data) in sorted(registered_facts(connection, "product").items())
    ]
    return sorted(found, key=lambda each: not each.own)[:_MOST]


def _product_name(data: Mapping[str, Any], language: str) -> str:
    return str((data.get("name_en") if language == "en" else None) or data["name"])


def _cycles(connection: Connection, asking: Asking) -> list[Suggestion]:
    """The newest cycles, those of one organisation together, in the order in which it may be recorded for them."""
    found = [
        (code, owner, data)
        for code, (owner, data) in registered_facts(connection, "cycle").items()
        if owner in asking.organisations
    ]
    found = sorted(found, key=lambda each: -each[2]["opened_ms"])[:_MOST]
    owners = _owner_names(connection, asking)
    sites = registered_facts(connection, "site", {data["site"] for *_, data in found if data["site"]})
    year = beijing_date(found[0][2]["opened_ms"]).year if found else 0
    return [
        Suggestion(code, _joined(owners.get(owner), *_cycle_words(data, sites, year, asking.language)))
        for code, owner, data in sorted(found, key=lambda each: asking.organisations.index(each[1]))
    ]


def _cycle_words(
    data: Mapping[str, Any], sites: Mapping[str, tuple[str, dict[str, Any]]], year: int, language: str
) -> Iterator[str]:
    """What grows, where and since when; a day of `year` is told without it."""
    crop = str(data.get("crop") or data.get("species") or "")
    if crop and language == "en":
        crop = find_crop_english(crop) or crop
    if crop and data.get("variety"):
        crop = say("cycle-variety", language, crop=crop, variety=data["variety"])
    yield crop
    site = data["site"]
    yield sites[site][1]["name"] if site in sites else site or ""
    opened = beijing_date(data["opened_ms"])
    day = (day_said(opened) if opened.year != year else day_of_year_said(opened))[language]
    if data["kind"] == "planting":
        yield say("cycle-planted", language, day=day)
    else:
        yield say("cycle-stocked", language, day=day)


def _owner_names(connection: Connection, asking: Asking) -> dict[str, str]:
    """Whose each thing is, for who records for others too; to the others every thing is their own."""
    if asking.organisations == (asking.author.organisation,):
        return {}
    return names_of(connection, asking.organisations, own=asking.organisations)


def _joined(*parts: str | None) -> str:
    return " · ".join(isolated(part) for part in parts if part)


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
