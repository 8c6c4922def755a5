"""Readings follow the shipment that they watched: where its shipping is corrected, they concern what it says now."""

from __future__ import annotations

from sqlalchemy import select, update

from heji_trace.effects.effects import shipped_batches
from heji_trace.known.state import State
from heji_trace.store.tables import conditions, series


def rebind_conditions(state: State, shipping_rank: int, by_seq: int) -> list[str]:
    """Bind the readings of a shipment to the batches that entry `by_seq` says it moved; the batches that this changes.

    Readings that named a batch themselves stay bound to it.
    """
    state.write()
    connection = state.connection
    watching = select(conditions.c.seq).where(conditions.c.shipping_rank == shipping_rank)
    live = select(series.c.seq).where(series.c.seq.in_(watching), series.c.withdrawn_seq.is_(None))
    seqs = list(connection.execute(live.order_by(series.c.seq)).scalars())
    if not seqs:
        return []
    now = dict.fromkeys(shipped_batches(state, by_seq))
    rows = connection.execute(select(conditions).where(conditions.c.seq.in_(seqs))).all()
    bound = {(row.seq, row.batch): row for row in rows}
    changed: list[str] = []
    for row in rows:
        is_live = row.withdrawn_seq is None
        if row.shipping_rank == shipping_rank and is_live != (row.batch in now):
            changed.append(row.batch)
            connection.execute(
                update(conditions)
                .where(conditions.c.seq == row.seq, conditions.c.batch == row.batch)
                .values(withdrawn_seq=by_seq if is_live else None)
            )
    state.forget()
    for seq in seqs:
        for batch in now:
            if (seq, batch) not in bound:
                changed.append(batch)
                state.conditions.add(seq=seq, batch=batch, shipping_rank=shipping_rank)
    return list(dict.fromkeys(changed))
