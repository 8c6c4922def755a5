"""Tracing: from one batch up to all it was made from and down to all that was made from it.

Every row cites the entries that prove it, with what is held, on its way and sold, and to whom. There is no limit of
depth; a batch is met once, so goods that came back end no walk in a circle.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from sqlalchemy import Connection, Select, and_, case, func, select

from heji_trace.ledger.ledger import read_stored
from heji_trace.proving.merkle import leaf_hash
from heji_trace.store.lineage import Edge, ancestors, descendants, edges_within, known_at
from heji_trace.store.tables import batches, entries, events, findings, lines, stock_changes
from heji_trace.tracing.stock_then import changes_then

Direction = Literal["up", "down", "both"]
_Each = TypeVar("_Each")
_AT_ONCE = 1000
_BATCH_NAMES = tuple(column.name for column in batches.columns)


@dataclass(frozen=True, slots=True)
class Holding:
    """What one organisation has of a batch, `held` or in `transit` to it, in millionths of the dimension's unit."""

    holder: str
    state: str
    dimension: str
    amount: int


@dataclass(frozen=True, slots=True)
class Sold:
    """What left the chain by entry `seq`: by whom, how much, and to whom where the seller said so."""

    seq: int
    seller: str
    dimension: str
    amount: int
    counterparty: str | None
    market: str | None


@dataclass(frozen=True, slots=True)
class Recovered:
    """What an organisation gave or took back of a batch (`returned`), or disposed of, by entry `seq`."""

    seq: int
    organisation: str
    manner: Literal["returned", "disposed"]
    dimension: str
    amount: int


@dataclass(frozen=True, slots=True)
class TraceRow:
    """One batch of a trace.

    `up` and `down` are its distances from the batch asked for (0 is that batch), None where it does not lie on that
    side. `proofs` are the entries that prove it and its edges, each with its leaf hash.
    """

    batch: str
    up: int | None
    down: int | None
    product: str | None
    organisation: str
    site: str | None
    made_seq: int
    made_ms: int
    unknown_origin: bool
    holdings: tuple[Holding, ...]
    sold: tuple[Sold, ...]
    proofs: tuple[tuple[int, bytes], ...]


@dataclass(frozen=True, slots=True)
class Gaps:
    """Where the chain is not closed: batches nobody made here, goods still under way, goods received without shipping."""

    unknown_origin: int
    not_received: int
    not_shipped: int


@dataclass(frozen=True, slots=True)
class Trace:
    """The answer: rows by distance, the batch itself first; `edges` in ledger order, each proved by its `seq`."""

    batch: str
    direction: Direction
    as_of_seq: int | None
    rows: tuple[TraceRow, ...]
    edges: tuple[Edge, ...]
    gaps: Gaps


def trace_of(
    connection: Connection, batch: str, direction: Direction, as_of_seq: int | None = None
) -> Trace | None:
    """The trace of a batch as the ledger knew it when it ended with entry `as_of_seq` (None is now).

    None where no entry up to there speaks of the batch.
    """
    up = {*ancestors(connection, [batch], as_of_seq)} if direction != "down" else set()
    down = {*descendants(connection, [batch], as_of_seq)} if direction != "up" else set()
    names = sorted({batch} | up | down)
    facts = _facts(connection, names, as_of_seq)
    if batch not in facts:
        return None
    edges = [*edges_within(connection, names, as_of_seq)]
    ups = _distances(batch, edges, lambda edge: (edge.child, edge.parent)) if up else {batch: 0}
    downs = _distances(batch, edges, lambda edge: (edge.parent, edge.child)) if down else {batch: 0}
    walked = [edge for edge in edges if _is_walked(edge, ups, downs)]
    held = holdings_of(connection, sorted(facts), as_of_seq)
    return Trace(
        batch,
        direction,
        as_of_seq,
        _rows(connection, facts, ups, downs, walked, held, as_of_seq),
        tuple(walked),
        _gaps(connection, facts, held, as_of_seq),
    )


def seq_at(connection: Connection, recorded_ms: int) -> int:
    """The last entry recorded at or before a moment; -1 where there is none."""
    query = select(func.max(events.c.seq)).where(events.c.recorded_ms <= recorded_ms)
    seq: int | None = connection.execute(query).scalar()
    return -1 if seq is None else seq


def holdings_of(
    connection: Connection, names: Sequence[str], as_of_seq: int | None = None
) -> dict[str, tuple[Holding, ...]]:
    """What everybody has of these batches; what came to nothing is left out."""
    found: dict[str, list[Holding]] = defaultdict(list)
    if as_of_seq is not None:
        for (name, holder, state, dimension), amount in _totals_then(connection, names, as_of_seq):
            found[name].append(Holding(holder, state, dimension, amount))
        return {name: tuple(held) for name, held in found.items()}
    columns = (
        stock_changes.c.batch,
        stock_changes.c.holder,
        stock_changes.c.state,
        stock_changes.c.dimension,
    )
    total = func.sum(stock_changes.c.amount)
    for part in _parts(names):
        query = select(*columns, total).where(stock_changes.c.batch.in_(part), known_at(stock_changes, None))
        query = query.group_by(*columns).having(total != 0).order_by(*columns)
        for name, holder, state, dimension, amount in connection.execute(query):
            found[name].append(Holding(holder, state, dimension, int(amount)))
    return {name: tuple(held) for name, held in found.items()}


def _totals_then(
    connection: Connection, names: Sequence[str], as_of_seq: int
) -> list[tuple[tuple[str, str, str, str], int]]:
    totals: dict[tuple[str, str, str, str], int] = defaultdict(int)
    for change in changes_then(connection, names, as_of_seq):
        totals[change.batch, change.holder, change.state, change.dimension] += change.amount
    return sorted((place, amount) for place, amount in totals.items() if amount)


def sales_of(
    connection: Connection, names: Sequence[str], as_of_seq: int | None = None
) -> dict[str, tuple[Sold, ...]]:
    """What left the chain of these batches: moves by which somebody's stock went down and nobody's up."""
    left: list[tuple[str, int, str, str, int]] = []
    total = func.sum(stock_changes.c.amount)
    given = func.sum(case((stock_changes.c.state == "held", stock_changes.c.amount), else_=0))
    moved = select(lines.c.seq).where(
        lines.c.seq == stock_changes.c.seq, lines.c.batch == stock_changes.c.batch, lines.c.role == "moved"
    )
    columns = (stock_changes.c.batch, stock_changes.c.seq, stock_changes.c.dimension)
    for part in _parts(names):
        query = select(*columns, func.min(stock_changes.c.holder), total).where(
            stock_changes.c.batch.in_(part), moved.exists(), known_at(stock_changes, as_of_seq)
        )
        query = query.group_by(*columns).having(total < 0, given < 0).order_by(*columns)
        left += [
            (name, seq, dimension, seller, -int(amount))
            for name, seq, dimension, seller, amount in connection.execute(query)
        ]
    said = _sale_details(connection, sorted({seq for _, seq, _, _, _ in left}))
    found: dict[str, list[Sold]] = defaultdict(list)
    for name, seq, dimension, seller, amount in left:
        details = said.get(seq, {})
        sale = Sold(seq, seller, dimension, amount, details.get("counterparty"), details.get("market"))
        found[name].append(sale)
    return {name: tuple(sold) for name, sold in found.items()}


def recovered_of(connection: Connection, names: Sequence[str]) -> dict[str, tuple[Recovered, ...]]:
    """What of these batches was returned or disposed of, in ledger order."""
    found: dict[str, list[Recovered]] = defaultdict(list)
    for part in _parts(names):
        query = select(
            lines.c.batch, lines.c.seq, lines.c.holder, lines.c.role, lines.c.dimension, lines.c.amount
        )
        query = query.where(
            lines.c.batch.in_(part),
            lines.c.role.in_(("returned", "taken_back", "disposed")),
            known_at(lines, None),
        )
        for name, seq, holder, role, dimension, amount in connection.execute(query.order_by(lines.c.seq)):
            manner: Literal["returned", "disposed"] = "disposed" if role == "disposed" else "returned"
            found[name].append(Recovered(seq, holder, manner, dimension, amount))
    return {name: tuple(each) for name, each in found.items()}


def hashes_of(connection: Connection, seqs: Iterable[int]) -> dict[int, bytes]:
    """The leaf hash of each entry, by which anybody finds it in the open log."""
    found: dict[int, bytes] = {}
    for part in _parts(sorted(set(seqs))):
        query = select(entries.c.seq, entries.c.entry).where(entries.c.seq.in_(part))
        found |= {seq: leaf_hash(entry) for seq, entry in connection.execute(query)}
    return found


def _sale_details(connection: Connection, seqs: Sequence[int]) -> dict[int, Mapping[str, Any]]:
    """The details of each sale; of a corrected one those of the replacement."""
    found: dict[int, Mapping[str, Any]] = {}
    for stored in read_stored(connection, seqs):
        details = stored.event.details
        found[stored.seq] = (details.get("replacement") or {}).get("details", {}) or details
    return found


def _distances(start: str, edges: Sequence[Edge], ends: Callable[[Edge], tuple[str, str]]) -> dict[str, int]:
    """The fewest edges to each batch, walking from the first end of an edge to its second."""
    following: dict[str, list[str]] = defaultdict(list)
    for edge in edges:
        near, far = ends(edge)
        following[near].append(far)
    distances = {start: 0}
    waiting = deque([start])
    while waiting:
        at = waiting.popleft()
        for far in following[at]:
            if far not in distances:
                distances[far] = distances[at] + 1
                waiting.append(far)
    return distances


def _is_walked(edge: Edge, ups: Mapping[str, int], downs: Mapping[str, int]) -> bool:
    """Whether the edge lies wholly on one side: an ancestor's other children are nobody's way."""
    return (edge.parent in ups and edge.child in ups) or (edge.parent in downs and edge.child in downs)


def _facts(
    connection: Connection, names: Sequence[str], as_of_seq: int | None
) -> dict[str, Mapping[str, Any]]:
    """The row of each batch; at an earlier time, as the line by which it was made then says."""
    found: dict[str, Mapping[str, Any]] = {}
    for part in _parts(names):
        # Mappings would look every name up for every row.
        rows: Iterable[Any] = connection.execute(select(batches).where(batches.c.batch.in_(part)))
        for row in rows:
            found[row.batch] = dict(zip(_BATCH_NAMES, row, strict=True))
    if as_of_seq is None:
        return found
    changed = [name for name, row in found.items() if row["made_seq"] > as_of_seq]
    found = {name: row for name, row in found.items() if row["made_seq"] <= as_of_seq}
    for part in _parts(changed):
        for row in connection.execute(_facts_then(part, as_of_seq)).mappings():
            found.setdefault(row["batch"], dict(row))
    return found


def _facts_then(names: Sequence[str], as_of_seq: int) -> Select[Any]:
    """What made each batch, or where nobody had yet, what spoke of it first; the line that made it comes first."""
    is_made = lines.c.role == "made"
    return (
        select(
            lines.c.batch,
            lines.c.product,
            lines.c.holder.label("organisation"),
            lines.c.site,
            lines.c.seq.label("made_seq"),
            events.c.occurred_ms.label("made_ms"),
            (~is_made).label("unknown_origin"),
        )
        .join(events, events.c.seq == lines.c.seq)
        .where(and_(lines.c.batch.in_(names), known_at(lines, as_of_seq)))
        .order_by(is_made.desc(), lines.c.seq)
    )


def _rows(
    connection: Connection,
    facts: Mapping[str, Mapping[str, Any]],
    ups: Mapping[str, int],
    downs: Mapping[str, int],
    edges: Sequence[Edge],
    held: Mapping[str, Sequence[Holding]],
    as_of_seq: int | None,
) -> tuple[TraceRow, ...]:
    names = [name for name in facts if name in ups or name in downs]
    cited: dict[str, set[int]] = {name: {facts[name]["made_seq"]} for name in names}
    for edge in edges:
        # An edge is what makes its far end a row: seen from either side, both ends are proved by it.
        cited[edge.parent].add(edge.seq)
        cited[edge.child].add(edge.seq)
    sold = sales_of(connection, names, as_of_seq)
    hashes = hashes_of(connection, {seq for seqs in cited.values() for seq in seqs})
    rows = [
        TraceRow(
            name,
            ups.get(name),
            downs.get(name),
            facts[name]["product"],
            facts[name]["organisation"],
            facts[name]["site"],
            facts[name]["made_seq"],
            facts[name]["made_ms"],
            bool(facts[name]["unknown_origin"]),
            tuple(held.get(name, ())),
            sold.get(name, ()),
            tuple((seq, hashes[seq]) for seq in sorted(cited[name])),
        )
        for name in names
    ]
    return tuple(sorted(rows, key=_order))


def _order(row: TraceRow) -> tuple[int, bool, str]:
    """The batch itself first, then by distance, what lies above before what lies below."""
    nearest = min(distance for distance in (row.up, row.down) if distance is not None)
    return nearest, row.up is None, row.batch


def _gaps(
    connection: Connection,
    facts: Mapping[str, Mapping[str, Any]],
    held: Mapping[str, Sequence[Holding]],
    as_of_seq: int | None,
) -> Gaps:
    under_way = [
        holding
        for holdings in held.values()
        for holding in holdings
        if holding.state == "transit" and holding.amount > 0
    ]
    unshipped = 0
    for part in _parts(sorted(facts)):
        query = select(func.count()).select_from(findings)
        query = query.where(
            findings.c.batch.in_(part),
            findings.c.code == "CHAIN_BROKEN",
            findings.c.data.contains('"gap":"shipping"'),
            known_at(findings, as_of_seq),
        )
        unshipped += connection.execute(query).scalar_one()
    unknown = sum(bool(row["unknown_origin"]) for row in facts.values())
    return Gaps(unknown, len(under_way), unshipped)


def _parts(names: Sequence[_Each]) -> Iterator[Sequence[_Each]]:
    for start in range(0, len(names), _AT_ONCE):
        yield names[start : start + _AT_ONCE]
