"""Who was made from whom: the edges between batches, walked up and down by one recursive query."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from sqlalchemy import BindParameter, ColumnElement, Connection, Table, and_, bindparam, or_, select

from heji_trace.store.prepared import Prepared, among
from heji_trace.store.tables import edges


@dataclass(frozen=True, slots=True)
class Edge:
    """`amount` of `parent` (millionths of `dimension`'s unit) went into `child`; entry `seq` proves it."""

    seq: int
    parent: str
    child: str
    flow: str
    dimension: str
    amount: int
    occurred_ms: int


def known_at(table: Table, as_of_seq: int | BindParameter[int] | None) -> ColumnElement[bool]:
    """The rows of a projection that were known when the ledger ended with entry `as_of_seq`; None is now."""
    withdrawn: ColumnElement[int | None] = table.c.withdrawn_seq
    if as_of_seq is None:
        return withdrawn.is_(None)
    return and_(table.c.seq <= as_of_seq, or_(withdrawn.is_(None), withdrawn > as_of_seq))


def descendants(connection: Connection, batches: Iterable[str], as_of_seq: int | None = None) -> list[str]:
    """Every batch made from `batches`, at any distance and without themselves unless a loop leads back."""
    return _reached(connection, list(batches), "parent", "child", as_of_seq)


def ancestors(connection: Connection, batches: Iterable[str], as_of_seq: int | None = None) -> list[str]:
    """Every batch that went into `batches`, at any distance and without themselves unless a loop leads back."""
    return _reached(connection, list(batches), "child", "parent", as_of_seq)


def edges_within(connection: Connection, batches: Sequence[str], as_of_seq: int | None = None) -> list[Edge]:
    """The edges that start and end in `batches`, in ledger order."""
    found: list[Edge] = []
    inside = set(batches)
    for start in range(0, len(batches), 1000):
        part = batches[start : start + 1000]
        rows = connection.execute(
            select(
                edges.c.seq,
                edges.c.parent,
                edges.c.child,
                edges.c.flow,
                edges.c.dimension,
                edges.c.amount,
                edges.c.occurred_ms,
            ).where(edges.c.parent.in_(part), known_at(edges, as_of_seq))
        )
        found += [edge for row in rows if (edge := Edge(*row)).child in inside]
    return sorted(found, key=lambda edge: (edge.seq, edge.parent, edge.child))


def _reached(
    connection: Connection, start: list[str], near: str, far: str, as_of_seq: int | None
) -> list[str]:
    moment = {} if as_of_seq is None else {"as_of": as_of_seq}
    return sorted(_walk(near, far, is_now=not moment).run(connection, start=start, **moment).scalars())


@cache
def _walk(near: str, far: str, *, is_now: bool) -> Prepared:
    known = known_at(edges, None if is_now else bindparam("as_of"))
    first = select(edges.c[far].label("batch")).where(among(edges.c[near], "start"), known)
    walk = first.cte("walk", recursive=True)
    step = select(edges.c[far]).where(edges.c[near] == walk.c.batch, known)
    # UNION, not UNION ALL: a batch that was reached is not walked again, so a loop of returns ends.
    walk = walk.union(step)
    return Prepared(select(walk.c.batch))
