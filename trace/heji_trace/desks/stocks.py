"""Stock as people read it: what organisations have of batches, or await, in words."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from heji_trace.desks.choices import product_names
from heji_trace.store.tables import batches, stock
from heji_trace.vocabulary.units import dump_amount


@dataclass(frozen=True, slots=True)
class Stocked:
    """What there is of a batch: the name of its product, how much in millionths of the base unit, and so in words."""

    batch: str
    product: str
    dimension: str
    amount: int
    said: str


def stock_of(
    connection: Connection, holders: Collection[str], language: str, state: str, most: int | None = None
) -> list[Stocked]:
    """What the holders have of batches, "held" or in "transit" to them, the newest batches first; at `most` so many."""
    query = (
        select(
            batches.c.batch, batches.c.product, stock.c.dimension, func.sum(stock.c.amount).label("amount")
        )
        .join(stock, stock.c.batch == batches.c.batch)
        .where(stock.c.holder.in_(holders), stock.c.state == state, stock.c.amount > 0)
        .group_by(batches.c.batch, batches.c.product, stock.c.dimension, batches.c.made_seq)
        .order_by(batches.c.made_seq.desc())
        .limit(most)
    )
    found = list(connection.execute(query))
    names = product_names(connection, language, {row.product for row in found if row.product})
    return [
        Stocked(
            row.batch,
            names.get(row.product, ""),
            row.dimension,
            int(row.amount),
            dump_amount(row.dimension, int(row.amount), language),
        )
        for row in found
    ]
