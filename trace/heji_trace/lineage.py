"""Who was made from whom: the edges between batches, walked up and down by one recursive query."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Table, and_, or_, select

from heji_trace.tables import edges


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


def known_at(table: Table, as_of_seq: int | None) -> ColumnElement[bool]:
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
    reached: set[str] = set()
    for at in range(0, len(start), 1000):
        first = select(edges.c[far].label("batch")).where(
            edges.c[near].in_(start[at : at + 1000]), known_at(edges, as_of_seq)
        )
        walk = first.cte("walk", recursive=True)
        step = select(edges.c[far]).where(edges.c[near] == walk.c.batch, known_at(edges, as_of_seq))
        # UNION, not UNION ALL: a batch that was reached is not walked again, so a loop of returns ends.
        walk = walk.union(step)
        reached.update(connection.execute(select(walk.c.batch)).scalars())
    return sorted(reached)
