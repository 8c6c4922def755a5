"""Mass balance: what became of a batch, and whether what was made of goods can have come from them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Literal

from sqlalchemy import Connection, select

from heji_trace.errors import InvalidEvent
from heji_trace.events.event import Event
from heji_trace.known.measures import measure, measure_known
from heji_trace.known.state import State
from heji_trace.known.statements import stated
from heji_trace.ledger.ledger import read_stored
from heji_trace.store.lineage import known_at
from heji_trace.store.tables import lines, stock_changes
from heji_trace.tracing.stock_then import changes_then
from heji_trace.vocabulary.units import to_base


@dataclass(frozen=True, slots=True)
class Account:
    """The batch in one dimension, in millionths of its unit.

    made + arrived + returned + counted = consumed + left + disposed + held + transit, where `returned` came back from
    buyers outside and `counted` is what counts found more (or, negative, less) than the books said.
    Of the whole batch, `arrived` came without having been on its way, and `left` was sold out of the chain; of one
    holder's part they are what others sent it and what it sent or sold. `moved` is all that ever left somebody's
    hands by shipping or sale, which is no part of the sum. `unexplained` came from nowhere, or is missing on hand.
    """

    dimension: str
    made: int
    arrived: int
    consumed: int
    left: int
    returned: int
    disposed: int
    counted: int
    held: int
    transit: int
    moved: int
    unexplained: int


@dataclass(frozen=True, slots=True)
class Making:
    """One event that made the batch or consumed it: all its goods of one dimension.

    `percent` is what came out of what went in; None where nothing of this dimension went in.
    """

    seq: int
    role: Literal["made", "consumed"]
    dimension: str
    inputs: int
    outputs: int
    loss: int

    @property
    def unexplained(self) -> int:
        """What went in and neither came out nor was stated as loss; negative where more came out than went in."""
        return self.inputs - self.outputs - self.loss

    @property
    def percent(self) -> Decimal | None:
        """Outputs in percent of inputs, to one decimal."""
        if not self.inputs:
            return None
        return (Decimal(100 * self.outputs) / self.inputs).quantize(Decimal("0.1"), ROUND_HALF_EVEN)


@dataclass(frozen=True, slots=True)
class Balance:
    """The accounts of a batch by dimension, and the makings out of other goods that touch it, in ledger order."""

    batch: str
    accounts: tuple[Account, ...]
    makings: tuple[Making, ...]


def balance_of(
    connection: Connection, batch: str, holder: str | None = None, as_of_seq: int | None = None
) -> Balance:
    """The balance of a batch; with `holder` only what that organisation itself had and did with it."""
    return Balance(
        batch,
        _accounts(connection, batch, holder, as_of_seq),
        _makings(connection, batch, holder, as_of_seq),
    )


def _accounts(
    connection: Connection, batch: str, holder: str | None, as_of_seq: int | None
) -> tuple[Account, ...]:
    spoken = select(lines.c.seq, lines.c.role).where(
        lines.c.batch == batch, lines.c.role != "observed", known_at(lines, as_of_seq)
    )
    roles = {row.seq: row.role for row in connection.execute(spoken)}
    changes: Iterable[Any]
    if as_of_seq is None:
        now = select(stock_changes).where(stock_changes.c.batch == batch, known_at(stock_changes, None))
        changes = connection.execute(now)
    else:
        changes = changes_then(connection, [batch], as_of_seq)
    sums: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    moves: dict[tuple[int, str], int] = defaultdict(int)
    for row in changes:
        if holder not in (None, row.holder):
            continue
        found = sums[row.dimension]
        found[row.state] += row.amount
        if roles.get(row.seq) in ("moved", "returned"):
            moves[row.seq, row.dimension] += row.amount
            found["moved"] -= min(row.amount, 0) if row.state == "held" else 0
        else:
            found[roles.get(row.seq, "made")] += row.amount
    for (_, dimension), change in moves.items():
        sums[dimension]["arrived" if change > 0 else "left"] += abs(change)
    return tuple(_account(dimension, sums[dimension], holder) for dimension in sorted(sums))


def _account(dimension: str, sums: Mapping[str, int], holder: str | None) -> Account:
    get = sums.get
    held, transit, arrived = get("held", 0), get("transit", 0), get("arrived", 0)
    missing = -min(held, 0) - min(transit, 0)
    return Account(
        dimension=dimension,
        made=get("made", 0),
        arrived=arrived,
        consumed=-get("consumed", 0),
        left=get("left", 0),
        returned=get("taken_back", 0),
        disposed=-get("disposed", 0),
        counted=get("counted", 0),
        held=held,
        transit=transit,
        moved=get("moved", 0),
        unexplained=missing + (arrived if holder is None else 0),
    )


def _makings(
    connection: Connection, batch: str, holder: str | None, as_of_seq: int | None
) -> tuple[Making, ...]:
    query = select(lines.c.seq, lines.c.role).where(
        lines.c.batch == batch, lines.c.role.in_(("made", "consumed")), known_at(lines, as_of_seq)
    )
    if holder is not None:
        query = query.where(lines.c.holder == holder)
    roles: dict[int, Literal["made", "consumed"]] = {row.seq: row.role for row in connection.execute(query)}
    state = State(connection)
    found: list[Making] = []
    for stored in read_stored(connection, sorted(roles)):
        event = stated(stored.event)
        if not event.inputs:
            continue  # a harvest comes from the field, not out of other goods
        for dimension, (inputs, outputs, loss) in sorted(_sums(state, event).items()):
            found.append(Making(stored.seq, roles[stored.seq], dimension, inputs, outputs, loss))
    return tuple(found)


def _sums(state: State, event: Event) -> Mapping[str, tuple[int, int, int]]:
    """Inputs, outputs and stated loss by dimension; erased quantities count as nothing."""
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for line in event.inputs:
        if line.quantity is not None:
            dimension, amount = measure_known(state, line)
            sums[dimension][0] += amount
    for line in event.outputs:
        if line.quantity is not None:
            dimension, amount = measure(state, line, line.product)
            sums[dimension][1] += amount
    if event.details.get("loss_quantity") and event.details.get("loss_unit"):
        try:
            dimension, amount = to_base(Decimal(event.details["loss_quantity"]), event.details["loss_unit"])
        except InvalidEvent:
            return {name: (each[0], each[1], each[2]) for name, each in sums.items()}
        sums[dimension][2] += amount
    return {name: (each[0], each[1], each[2]) for name, each in sums.items()}
