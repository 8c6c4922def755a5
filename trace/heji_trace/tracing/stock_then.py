"""Stock as it was known at an earlier entry: what counts and receipts changed is told again from what was known then.

The stored change of a count or a receipt is that of today: a correction, or a shipping recorded afterwards, changes it in
its place. All other entries change what they say.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from heji_trace.corrections.restock import Place, Replay, is_told
from heji_trace.known.said import said_by
from heji_trace.known.state import State
from heji_trace.store.gather import Row
from heji_trace.store.lineage import known_at
from heji_trace.store.tables import lines, stock_changes

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Change:
    """What entry `seq` changed in the stock of a holder, `held` or in `transit`, in millionths of the unit."""

    batch: str
    seq: int
    holder: str
    state: str
    dimension: str
    amount: int


def changes_then(connection: Connection, names: Sequence[str], as_of_seq: int) -> list[Change]:
    """The changes of these batches' stocks as the ledger knew them when it ended with entry `as_of_seq`."""
    state = State(connection)
    found: list[Change] = []
    for start in range(0, len(names), _AT_ONCE):
        part = names[start : start + _AT_ONCE]
        named = _rows(connection, lines, part, as_of_seq)
        changes = _rows(connection, stock_changes, part, as_of_seq)
        every = [line for batch in named.values() for of_seq in batch.values() for line in of_seq]
        state.events.load("seq", {line["seq"] for line in every})
        told = said_by(state, [line["seq"] for line in every if is_told(state, line)])
        for batch, of_batch in named.items():
            stored: dict[int, Counter[Place]] = {seq: Counter() for seq in of_batch}
            for seq, rows in changes[batch].items():
                for row in rows:
                    stored[seq][row["holder"], row["state"], row["dimension"]] += row["amount"]
            for seq, wanted in Replay(state, batch, told).tell(of_batch, stored).items():
                found += [Change(batch, seq, *place, amount) for place, amount in wanted.items() if amount]
    return found


def _rows(
    connection: Connection, table: Any, names: Sequence[str], as_of_seq: int
) -> dict[str, dict[int, list[Row]]]:
    """By batch and entry what was known then."""
    query = select(table).where(table.c.batch.in_(names), known_at(table, as_of_seq))
    found: dict[str, dict[int, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in connection.execute(query.order_by(table.c.seq, table.c.position)).mappings():
        found[row["batch"]][row["seq"]].append(dict(row))
    return found
