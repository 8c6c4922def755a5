"""What a form offers: an organisation's own sites, products, cycles, stock and papers, by the names people know."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Select, func, select

from heji_trace.desks.choices import names_of, product_names, registered_facts
from heji_trace.desks.shipments import under_way
from heji_trace.desks.stocks import stock_of
from heji_trace.events.kinds import KINDS
from heji_trace.identifiers.codes import dump_trace_code
from heji_trace.judging.wording import day_of_year_said, day_said
from heji_trace.people.parties import Author
from heji_trace.rights.concern import OWNING_ROLES
from heji_trace.rights.listing import Filter, visible_events
from heji_trace.rights.rights import may_oversee
from heji_trace.sentences import isolated, say
from heji_trace.store.tables import batches, events, holds, labels, lines, recall_scope, samples
from heji_trace.vocabulary.crops import find_crop_english
from heji_trace.vocabulary.times import beijing_date

_MOST = 200
# Batches whose records are looked through for what somebody may object to.
_MOST_GOODS = 30
# What says nothing of goods that could be contradicted.
_UNOPPOSED = ("objection", "correction", "erasure", "label_issue", "label_bind", "label_void")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A value that fits, and what people call it; `own` ones are of the organisation itself.

    `names` are those registered for it, by which it may be named as well.
    """

    value: str
    label: str = ""
    own: bool = True
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asking:
    """Who fills a form, for which organisations (its own first), in which language of labels."""

    author: Author
    organisations: tuple[str, ...]
    language: str


def suggest(
    connection: Connection, asking: Asking, wanted: Collection[str]
) -> dict[str, tuple[Suggestion, ...]]:
    """What to offer for each of the `wanted` things: a key of `_SOURCES`, such as "site" or "arriving".

    Of what is registered this is all there is, since any of it may be named: see `shown`.
    """
    return {name: tuple(_SOURCES[name](connection, asking)) for name in wanted if name in _SOURCES}


def shown(suggestions: Sequence[Suggestion]) -> list[Suggestion]:
    """What of it a list shows that somebody looks through: all of one's own, and the first of others'."""
    others = [each for each in suggestions if not each.own]
    return [each for each in suggestions if each.own] + others[:_MOST]


def _sites(connection: Connection, asking: Asking) -> Iterator[Suggestion]:
    owners = _owner_names(connection, asking)
    for code, (owner, data) in sorted(registered_facts(connection, "site").items()):
        if owner in asking.organisations and data.get("status") != "closed":
            yield Suggestion(code, _joined(owners.get(owner), data["name"]), names=(data["name"],))


def _products(connection: Connection, asking: Asking) -> list[Suggestion]:
    """One's own first, then what one lately made or traded, the last one first, then all others."""
    query = select(batches.c.product).join(lines, lines.c.batch == batches.c.batch)
    query = query.where(lines.c.seq.in_(_newest(asking))).order_by(lines.c.seq.desc(), lines.c.position)
    found = [
        Suggestion(
            code,
            _product_name(data, asking.language),
            owner in asking.organisations,
            tuple(data[name] for name in ("name", "name_en") if data.get(name)),
        )
        for code, (owner, data) in sorted(registered_facts(connection, "product").items())
    ]
    return _lately_first(found, connection.execute(query).scalars())


def _lately_first(found: Iterable[Suggestion], lately: Iterable[str | None]) -> list[Suggestion]:
    """One's own first, then those of `lately` in its order, then all others."""
    order = {code: place for place, code in enumerate(dict.fromkeys(lately))}
    return sorted(found, key=lambda each: (not each.own, order.get(each.value, len(order))))


def _newest(asking: Asking) -> Select[Any]:
    """The places of the newest statements of the organisations."""
    by_them = select(events.c.seq).where(events.c.organisation.in_(asking.organisations))
    return by_them.order_by(events.c.seq.desc()).limit(_MOST)


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
    called = cycle_labels(connection, {code: (owner, data) for code, owner, data in found}, asking.language)
    return [
        Suggestion(code, _joined(owners.get(owner), called[code]))
        for code, owner, _ in sorted(found, key=lambda each: asking.organisations.index(each[1]))
    ]


def cycle_labels(
    connection: Connection, cycles: Mapping[str, tuple[str, dict[str, Any]]], language: str
) -> dict[str, str]:
    """What people call cycles, by code; the year is told of those that were not opened in the newest one's."""
    sites = registered_facts(
        connection, "site", {data["site"] for _, data in cycles.values() if data["site"]}
    )
    year = max((beijing_date(data["opened_ms"]).year for _, data in cycles.values()), default=0)
    return {code: _joined(*_cycle_words(data, sites, year, language)) for code, (_, data) in cycles.items()}


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
    """One's own first, then those lately dealt with, the last one first, then all others."""
    found = []
    for code, (_, data) in sorted(registered_facts(connection, "organisation").items()):
        own = code in asking.organisations
        if data.get("status") != "closed" and (own or data["subject_type"] != "farm_household"):
            found.append(Suggestion(code, data["name"], own, (data["name"],)))
    return _lately_first(found, _lately_named(connection, asking))


def _lately_named(connection: Connection, asking: Asking) -> Iterator[str | None]:
    """The organisations that the newest statements of these organisations name, the last one first."""
    query = select(lines.c.holder, lines.c.to_organisation).where(lines.c.seq.in_(_newest(asking)))
    for holder, receiver in connection.execute(query.order_by(lines.c.seq.desc(), lines.c.position)):
        yield from (holder, receiver)


def _stock(connection: Connection, asking: Asking, state: str) -> Iterator[Suggestion]:
    for each in stock_of(connection, asking.organisations, asking.language, state, _MOST):
        yield Suggestion(each.batch, f"{isolated(each.product)} {each.said}".strip())


def _held(connection: Connection, asking: Asking) -> Iterator[Suggestion]:
    return _stock(connection, asking, "held")


def _arriving(connection: Connection, asking: Asking) -> Iterator[Suggestion]:
    return _stock(connection, asking, "transit")


def _samples(connection: Connection, asking: Asking) -> list[Suggestion]:
    query = select(samples.c.sample, samples.c.target).where(samples.c.withdrawn_seq.is_(None))
    if not may_oversee(asking.author):
        query = query.where(samples.c.organisation.in_(asking.organisations))
    return _of_batches(connection, asking, query.order_by(samples.c.seq.desc()))


def _shipments(connection: Connection, asking: Asking) -> list[Suggestion]:
    """Shipments on their way to the organisations, the newest first."""
    found = list(connection.execute(under_way(asking.organisations).limit(_MOST)))
    said = _days_said((row.occurred_ms for row in found), asking.language)
    called = _batch_names(connection, asking, {row.batch for row in found})
    senders = names_of(connection, {row.organisation for row in found}, own=asking.organisations)
    return _grouped(
        (
            row.event_id,
            " ".join(
                (
                    said[row.occurred_ms],
                    isolated(senders.get(row.organisation, row.organisation)),
                    called[row.batch],
                )
            ),
        )
        for row in found
    )


def _holds(connection: Connection, asking: Asking) -> list[Suggestion]:
    """Holds that can still be released, by who placed them."""
    query = select(holds.c.event_id, holds.c.batch).where(
        holds.c.withdrawn_seq.is_(None), holds.c.released_seq.is_(None)
    )
    if "regulator" not in asking.author.roles:
        query = query.where(holds.c.organisation.in_(asking.organisations))
    return _of_batches(connection, asking, query.order_by(holds.c.seq.desc()))


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
    return _of_batches(connection, asking, query.order_by(recall_scope.c.seq.desc()))


def _runs(connection: Connection, asking: Asking) -> list[Suggestion]:
    """Runs of labels that are in use or wait for their batch, the newest first."""
    query = select(labels.c.run, labels.c.product, labels.c.batch, labels.c.trace_code).where(
        labels.c.organisation.in_(asking.organisations),
        labels.c.withdrawn_seq.is_(None),
        labels.c.voided_seq.is_(None),
    )
    return _runs_found(connection, asking, query)


def _unbound_runs(connection: Connection, asking: Asking) -> list[Suggestion]:
    """Runs of labels that wait for their batch, the newest first."""
    query = select(labels.c.run, labels.c.product, labels.c.batch, labels.c.trace_code).where(
        labels.c.organisation.in_(asking.organisations),
        labels.c.batch.is_(None),
        labels.c.withdrawn_seq.is_(None),
        labels.c.voided_seq.is_(None),
    )
    return _runs_found(connection, asking, query)


def _runs_found(connection: Connection, asking: Asking, query: Select[Any]) -> list[Suggestion]:
    found = list(connection.execute(query.order_by(labels.c.seq.desc()).limit(_MOST)))
    names = product_names(connection, asking.language, {row.product for row in found})
    return [
        Suggestion(
            row.run, _joined(names.get(row.product, row.product), row.batch, dump_trace_code(row.trace_code))
        )
        for row in found
    ]


def _statements(connection: Connection, asking: Asking) -> list[Suggestion]:
    """What others recorded of the newest goods of the organisations, the newest first; the author may read each."""
    goods = (
        select(lines.c.batch)
        .where(
            lines.c.holder.in_(asking.organisations) | lines.c.to_organisation.in_(asking.organisations),
            lines.c.role.in_(OWNING_ROLES),
        )
        .group_by(lines.c.batch)
        .order_by(func.max(lines.c.seq).desc())
        .limit(_MOST_GOODS)
    )
    about: dict[int, list[str]] = {}
    for batch in connection.execute(goods).scalars():
        end = 1 << 62
        for seq in visible_events(
            connection,
            asking.author,
            Filter(batch=batch),
            after=-1,
            before=end,
            limit=_MOST,
            newest_first=True,
        ):
            about.setdefault(seq, []).append(batch)
    seqs = sorted(about, reverse=True)[:_MOST]
    query = select(events).where(
        events.c.seq.in_(seqs),
        events.c.organisation.not_in(asking.organisations),
        events.c.withdrawn_seq.is_(None),
        events.c.kind.not_in(_UNOPPOSED),
    )
    rows = list(connection.execute(query.order_by(events.c.seq.desc())))
    called = _batch_names(connection, asking, {batch for row in rows for batch in about[row.seq]})
    speakers = names_of(connection, {row.organisation for row in rows}, own=asking.organisations)
    said = _days_said((row.occurred_ms for row in rows), asking.language)
    return [
        Suggestion(
            row.event_id,
            _joined(
                said[row.occurred_ms],
                KINDS[row.kind].zh if asking.language == "zh" else KINDS[row.kind].en,
                speakers.get(row.organisation, row.organisation),
                *(called[batch] for batch in about[row.seq][:3]),
            ),
        )
        for row in rows
    ]


def _days_said(moments: Iterable[int], language: str) -> dict[int, str]:
    """The days of moments as people write them, with the year where it is not that of the newest."""
    days = {ms: beijing_date(ms) for ms in moments}
    year = max((day.year for day in days.values()), default=0)
    return {
        ms: (day_of_year_said(day) if day.year == year else day_said(day))[language]
        for ms, day in days.items()
    }


def _of_batches(connection: Connection, asking: Asking, query: Select[Any]) -> list[Suggestion]:
    """The first of what is found, a value and a batch each, by the products and names of their batches."""
    found = [(value, batch) for value, batch in connection.execute(query.limit(_MOST))]
    called = _batch_names(connection, asking, {batch for _, batch in found})
    return _grouped((value, called[batch]) for value, batch in found)


def _batch_names(connection: Connection, asking: Asking, names: Collection[str]) -> dict[str, str]:
    """Batches with their product before them; what is no batch, such as a cycle, as it stands."""
    products: dict[str, str] = {}
    listed = sorted(names)
    for at in range(0, len(listed), 500):
        query = select(batches.c.batch, batches.c.product).where(
            batches.c.batch.in_(listed[at : at + 500]), batches.c.product.is_not(None)
        )
        products |= {row.batch: row.product for row in connection.execute(query)}
    called = product_names(connection, asking.language, set(products.values()))
    return {
        batch: f"{isolated(called.get(products.get(batch, ''), ''))} {isolated(batch)}".strip()
        for batch in listed
    }


def _grouped(pairs: Iterable[tuple[str, str]]) -> list[Suggestion]:
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
        "unbound_run": _unbound_runs,
        "statement": _statements,
    }
)
"""Where suggestions come from; "batch" is what is on hand, "arriving" what is on its way."""
