"""What somebody who must act needs beside a trace: who has the goods and how to reach them, tests, warnings, totals."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, select, union

from heji_trace.desks.choices import facts_told, product_names
from heji_trace.errors import InvalidEvent, Problem
from heji_trace.judging.levels import LEVELS, LOUDNESS
from heji_trace.known.state import State
from heji_trace.people.parties import Author
from heji_trace.rights.disclosure import figures_withheld
from heji_trace.rights.listing import Filter, visible_events
from heji_trace.rights.reading import own_batches, readable_batches, readable_seqs
from heji_trace.rights.rights import may_oversee
from heji_trace.store.lineage import Edge, known_at
from heji_trace.store.tables import edges, events, objections, recall_updates, samples, tests, warnings
from heji_trace.tracing.tracing import Gaps, Trace, TraceRow
from heji_trace.warnings.present import present_together

Amounts = dict[str, int]
"""Millionths of the base unit by dimension."""

_AT_ONCE = 1000
_END = 1 << 62

_Item = TypeVar("_Item", str, int)


@dataclass(frozen=True, slots=True)
class Warned:
    """A warning of a batch; `data` is what its sentence names, `is_lifted` whether it is over."""

    code: str
    source: str
    cause_seq: int
    data: Mapping[str, Any]
    is_lifted: bool


@dataclass(frozen=True, slots=True)
class Tested:
    """The newest step of a sample's testing."""

    seq: int
    sample: str
    conclusion: str
    status: str


@dataclass(slots=True)
class Party:
    """An organisation that has or had goods of the trace: what it holds, what is on its way to it, what it sold."""

    organisation: str
    name: str
    contact: str
    held: Amounts = field(default_factory=dict)
    coming: Amounts = field(default_factory=dict)
    sold: Amounts = field(default_factory=dict)
    batches: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RowShown:
    """A row of a trace with names; `passed` is how much of it went towards, or came from, the batch asked for."""

    row: TraceRow
    product: str
    organisation: str
    passed: Amounts
    held: Amounts
    coming: Amounts
    sold: Amounts
    warnings: tuple[Warned, ...]
    tests: tuple[Tested, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """A trace for people. Totals and parties are of the batch itself and what was made from it."""

    trace: Trace
    rows: tuple[RowShown, ...]
    held: Amounts
    coming: Amounts
    sold: Amounts
    parties: tuple[Party, ...]
    suppliers: tuple[Party, ...]


def answer_of(
    connection: Connection,
    author: Author,
    trace: Trace,
    language: str,
    now_ms: int | None = None,
    own: Collection[str] = (),
) -> Answer:
    """The trace, limited to what the author may read, with what belongs to it at the time of the trace.

    With `now_ms` a trace of the present tells what the date causes too. A household is called by its name to itself,
    to those for whom it is among `own`, and to overseers.
    """
    trace = limited(connection, author, trace)
    names = [row.batch for row in trace.rows]
    organisations = {row.organisation for row in trace.rows}
    organisations |= {each.holder for row in trace.rows for each in row.holdings}
    organisations |= {each.seller for row in trace.rows for each in row.sold}
    known = organisations if may_oversee(author) else {author.organisation, *own}
    facts = facts_told(connection, organisations, known)
    products = product_names(connection, language, {row.product for row in trace.rows if row.product})
    if now_ms is None or trace.as_of_seq is not None:
        warned = warnings_of(connection, names, trace.as_of_seq)
    else:
        warned = warnings_today(connection, names, now_ms)
    warned = _as_told(connection, author, warned)
    tested = samples_tested(connection, author, names, trace.as_of_seq)
    passed = _passed(trace, None if may_oversee(author) else author.organisation)
    rows = tuple(
        RowShown(
            row,
            products.get(row.product or "", row.product or ""),
            _name(facts, row.organisation),
            passed.get(row.batch, {}),
            _summed((each.dimension, each.amount) for each in row.holdings if each.state == "held"),
            _summed((each.dimension, each.amount) for each in row.holdings if each.state == "transit"),
            _summed((each.dimension, each.amount) for each in row.sold),
            warned.get(row.batch, ()),
            tested.get(row.batch, ()),
        )
        for row in trace.rows
    )
    reached = [shown for shown in rows if shown.row.down is not None]
    return Answer(
        trace,
        rows,
        _added(shown.held for shown in reached),
        _added(shown.coming for shown in reached),
        _added(shown.sold for shown in reached),
        tuple(_parties(facts, [shown.row for shown in reached])),
        tuple(_suppliers(facts, [row for row in trace.rows if row.up])),
    )


def limited(connection: Connection, author: Author, trace: Trace) -> Trace:
    """The part of a trace that an author may read: own batches and those a step from them, with his own stock alone."""
    if may_oversee(author):
        return trace
    names = [row.batch for row in trace.rows]
    readable, own = readable_batches(connection, author, names), own_batches(connection, author, names)
    rows = tuple(
        replace(
            row,
            holdings=tuple(each for each in row.holdings if each.holder == author.organisation),
            sold=tuple(each for each in row.sold if each.seller == author.organisation),
        )
        for row in trace.rows
        if row.batch in readable
    )
    edges = tuple(edge for edge in trace.edges if {edge.parent, edge.child} <= own)
    return replace(trace, rows=rows, edges=edges, gaps=_own_gaps(rows))


def warnings_of(
    connection: Connection, names: Sequence[str], as_of_seq: int | None
) -> dict[str, tuple[Warned, ...]]:
    """The stored warnings of each batch, the loudest first, lifted ones behind."""
    found: dict[str, list[Warned]] = defaultdict(list)
    for part in _parts(names):
        query = select(warnings).where(warnings.c.batch.in_(part))
        if as_of_seq is not None:
            query = query.where(warnings.c.raised_seq <= as_of_seq)
        for row in connection.execute(query.order_by(warnings.c.raised_seq)):
            lifted = row.lifted_seq is not None and (as_of_seq is None or row.lifted_seq <= as_of_seq)
            found[row.batch].append(Warned(row.code, row.source, row.cause_seq, json.loads(row.data), lifted))
    return {name: tuple(sorted(each, key=_loudness)) for name, each in found.items()}


def warnings_today(
    connection: Connection, names: Sequence[str], now_ms: int
) -> dict[str, tuple[Warned, ...]]:
    """The warnings of each batch as they stand now: the stored ones, and those that the date or an absence causes."""
    found = warnings_of(connection, names, None)
    for batch, raised in present_together(State(connection), names, now_ms).items():
        dated = [Warned(each.code, batch, each.cause_seq, each.data, is_lifted=False) for each in raised]
        if dated:
            found[batch] = tuple(sorted([*found.get(batch, ()), *dated], key=_loudness))
    return found


def _as_told(
    connection: Connection, author: Author, warned: Mapping[str, tuple[Warned, ...]]
) -> dict[str, tuple[Warned, ...]]:
    """The warnings of batches without the amounts that are not the author's to know."""
    keys = [(batch, each.code, each.cause_seq) for batch, found in warned.items() for each in found]
    withheld = figures_withheld(connection, author, keys)
    return {
        batch: tuple(
            replace(each, data={}) if (batch, each.code, each.cause_seq) in withheld else each
            for each in found
        )
        for batch, found in warned.items()
    }


def samples_tested(
    connection: Connection, author: Author, names: Sequence[str], as_of_seq: int | None
) -> dict[str, tuple[Tested, ...]]:
    """The newest step that the author may read of each sample that was drawn of a batch itself."""
    steps: list[tuple[str, Tested]] = []
    for part in _parts(names):
        query = (
            select(samples.c.target, tests.c.seq, tests.c.sample, tests.c.conclusion, tests.c.status)
            .join(tests, tests.c.sample == samples.c.sample)
            .where(samples.c.target.in_(part), samples.c.target_kind == "batch")
            .where(known_at(samples, as_of_seq), known_at(tests, as_of_seq))
            .order_by(tests.c.rank)
        )
        steps += [(target, Tested(*step)) for target, *step in connection.execute(query)]
    readable = readable_seqs(connection, author, [step.seq for _, step in steps])
    found: dict[str, dict[str, Tested]] = defaultdict(dict)
    for target, step in steps:
        if step.seq in readable:
            found[target][step.sample] = step
    return {name: tuple(each.values()) for name, each in found.items()}


def records_about(
    connection: Connection, author: Author, batch: str, as_of_seq: int | None, limit: int
) -> list[Row[Any]]:
    """The newest `limit` rows of `events` that speak of a batch and that the author may read, in their order."""
    end = _END if as_of_seq is None else as_of_seq + 1
    wanted = Filter(batch=batch)
    seqs = visible_events(connection, author, wanted, after=-1, before=end, limit=limit, newest_first=True)
    query = select(events).where(events.c.seq.in_(seqs)).order_by(events.c.seq)
    return list(connection.execute(query))


def entries_of_chain(connection: Connection, author: Author, trace: Trace, most: int) -> list[int]:
    """The places of what proves a trace and of all that the author may read about its batches, in their order.

    What corrects, contradicts or follows up one of these records is among them.

    Raises InvalidEvent where they are more than `most`: a part of them would look like the whole.
    """
    end = _END if trace.as_of_seq is None else trace.as_of_seq + 1
    found = {seq for row in trace.rows for seq, _ in row.proofs}
    for row in trace.rows:
        about = Filter(batch=row.batch)
        found.update(visible_events(connection, author, about, after=-1, before=end, limit=most + 1))
        if len(found) > most:
            break
    new = found
    while new and len(found) <= most:
        new = {seq for seq in _following(connection, new) if seq < end} - found
        found = found | readable_seqs(connection, author, sorted(new))
    if len(found) > most:
        raise InvalidEvent([Problem("", "too-many-to-prove", {"most": most})])
    return sorted(found)


def _following(connection: Connection, seqs: Collection[int]) -> set[int]:
    """The places of corrections of these entries, of objections to them, and of updates of the recalls among them."""
    found: set[int] = set()
    for part in _parts(sorted(seqs)):
        ids = select(events.c.event_id).where(events.c.seq.in_(part))
        query = union(
            select(events.c.withdrawn_seq).where(events.c.seq.in_(part), events.c.withdrawn_seq.is_not(None)),
            select(objections.c.seq).where(objections.c.target.in_(ids)),
            select(recall_updates.c.seq).where(recall_updates.c.recall.in_(ids)),
        )
        found.update(connection.execute(query).scalars())
    return found


def untested_siblings(connection: Connection, author: Author, batch: str, as_of_seq: int | None) -> list[str]:
    """Other batches made from the very batches that went into this one, of which no sample has a result."""
    parents = select(edges.c.parent).where(edges.c.child == batch, known_at(edges, as_of_seq))
    query = select(edges.c.child).where(
        edges.c.parent.in_(parents), edges.c.child != batch, known_at(edges, as_of_seq)
    )
    siblings = list(connection.execute(query.distinct().order_by(edges.c.child)).scalars())
    tested = samples_tested(connection, author, siblings, as_of_seq)
    return [sibling for sibling in siblings if sibling not in tested]


def _passed(trace: Trace, maker: str | None) -> dict[str, Amounts]:
    """How much of a batch above went down the way, and how much went into a batch below.

    What went into a batch is its maker's to know: of batches that others than `maker` made nothing is told.
    """
    distances = {row.batch: row for row in trace.rows}
    passed: dict[str, Amounts] = defaultdict(dict)
    for edge in trace.edges:
        parent, child = distances.get(edge.parent), distances.get(edge.child)
        if maker is not None and (child is None or child.organisation != maker):
            continue
        if parent and parent.up:
            _add(passed[edge.parent], edge)
        if child and child.down:
            _add(passed[edge.child], edge)
    return passed


def _add(amounts: Amounts, edge: Edge) -> None:
    amounts[edge.dimension] = amounts.get(edge.dimension, 0) + edge.amount


def _parties(facts: Mapping[str, Mapping[str, Any]], rows: Iterable[TraceRow]) -> list[Party]:
    """Who has or had goods, those with the most left to be stopped first."""
    found: dict[str, Party] = {}
    for row in rows:
        for holding in row.holdings:
            party = _party(found, facts, holding.holder, row.batch)
            amounts = party.held if holding.state == "held" else party.coming
            amounts[holding.dimension] = amounts.get(holding.dimension, 0) + holding.amount
        for sale in row.sold:
            sold = _party(found, facts, sale.seller, row.batch).sold
            sold[sale.dimension] = sold.get(sale.dimension, 0) + sale.amount
    return sorted(found.values(), key=lambda each: (not each.coming, not each.held, each.organisation))


def _suppliers(facts: Mapping[str, Mapping[str, Any]], rows: Iterable[TraceRow]) -> list[Party]:
    found: dict[str, Party] = {}
    for row in rows:
        _party(found, facts, row.organisation, row.batch)
    return [found[code] for code in sorted(found)]


def _party(found: dict[str, Party], facts: Mapping[str, Mapping[str, Any]], code: str, batch: str) -> Party:
    contact = str(facts.get(code, {}).get("contact", ""))
    party = found.setdefault(code, Party(code, _name(facts, code), contact))
    if batch not in party.batches:
        party.batches.append(batch)
    return party


def _name(facts: Mapping[str, Mapping[str, Any]], code: str) -> str:
    return str(facts[code]["name"]) if code in facts else code


def _own_gaps(rows: Sequence[TraceRow]) -> Gaps:
    under_way = sum(each.state == "transit" and each.amount > 0 for row in rows for each in row.holdings)
    return Gaps(sum(row.unknown_origin for row in rows), under_way, 0)


def _loudness(warned: Warned) -> tuple[bool, int, int]:
    return warned.is_lifted, -LOUDNESS.index(LEVELS[warned.code].regulator), warned.cause_seq


def _summed(pairs: Iterable[tuple[str, int]]) -> Amounts:
    total: Amounts = {}
    for dimension, amount in pairs:
        total[dimension] = total.get(dimension, 0) + amount
    return total


def _added(many: Iterable[Amounts]) -> Amounts:
    return _summed(pair for amounts in many for pair in amounts.items())


def _parts(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    for start in range(0, len(items), _AT_ONCE):
        yield items[start : start + _AT_ONCE]
