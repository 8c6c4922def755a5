"""Arrivals: how much of what somebody received is known to have been sent, whichever of the two was recorded first."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal

from heji_trace.events.event import Event, Line
from heji_trace.known.measures import measure_known
from heji_trace.known.said import said_by
from heji_trace.known.state import State

UNSENT = {"gap": "shipping"}


@dataclass(slots=True)
class Arrival:
    """What one entry received and rejected of a batch in one dimension; `took` is what left the transit for it."""

    seq: int
    holder: str
    amount: int
    rejected: int
    sender: str | None
    took: int = 0

    @property
    def is_open(self) -> bool:
        """Whether some of what was received is not known to have been sent."""
        return self.took < self.amount

    def take(self, coming: int, sender: str | None = None) -> list[tuple[str, int]]:
        """Take what comes, up to what arrived: how the transits change, by holder; `sender` if none was named.

        What is rejected waits in the transit to its sender.
        """
        took = min(max(coming, 0), self.amount + self.rejected - self.took)
        back = self._back()
        self.took += took
        back = self._back() - back
        to = self.sender or sender
        changes = [(self.holder, -took)] if took else []
        return [*changes, (to, back)] if back and to else changes

    def _back(self) -> int:
        return max(self.took - self.amount, 0)


def arrival_of(state: State, seq: int, event: Event, batch: str, dimension: str, amount: int) -> Arrival:
    """What a receipt says of one batch, before anything is taken from the transit."""
    rejected = 0
    for item in event.details.get("rejected", ()):
        if item["batch"] == batch:
            measured = measure_known(state, Line(batch, Decimal(item["quantity"]), item["unit"]))
            rejected += measured[1] if measured[0] == dimension else 0
    return Arrival(seq, event.organisation, amount, rejected, _sender(state, event))


def open_arrivals(state: State, batch: str, holder: str, dimension: str, but: int) -> list[Arrival]:
    """The receipts of somebody, that of entry `but` apart, of which some is not known to have been sent; oldest first.

    Where he holds none of the batch nothing is read, as for every first shipment to him.
    """
    if not any(
        (row["holder"], row["state"], row["dimension"]) == (holder, "held", dimension)
        for row in state.stock.of("batch", batch)
    ):
        return []
    received: dict[int, int] = defaultdict(int)
    for line in state.lines.of("batch", batch):
        if (line["role"], line["holder"], line["dimension"]) == ("moved", holder, dimension):
            received[line["seq"]] += line["amount"]
    received.pop(but, None)
    changed: dict[tuple[int, str], int] = defaultdict(int)
    for row in state.stock_changes.of("batch", batch):
        if row["seq"] in received and (row["holder"], row["dimension"]) == (holder, dimension):
            changed[row["seq"], row["state"]] += row["amount"]
    found = [
        seq
        for seq, amount in received.items()
        if changed[seq, "held"] == amount and -changed[seq, "transit"] < amount
    ]
    if not found:
        return []
    state.events.load("seq", found)
    said = said_by(state, found)
    arrivals = []
    for seq in sorted(found, key=lambda seq: rank_of(state, seq)):
        arrival = arrival_of(state, seq, said[seq], batch, dimension, received[seq])
        arrival.took = -changed[seq, "transit"]
        arrivals.append(arrival)
    return arrivals


def stocked(state: State, batch: str, holder: str, place: str, dimension: str) -> int:
    """What somebody has of the batch, `held` or in `transit` to him."""
    return sum(
        row["amount"]
        for row in state.stock.of("batch", batch)
        if (row["holder"], row["state"], row["dimension"]) == (holder, place, dimension)
    )


def rank_of(state: State, seq: int) -> int:
    """The place of an entry among all, which a correction has from what it corrects."""
    row = state.event_at(seq)
    rank: int = row["rank"] if row else seq
    return rank


def _sender(state: State, event: Event) -> str | None:
    shipping = event.details.get("shipping")
    rows = state.events.of("event_id", shipping) if shipping else []
    return rows[0]["organisation"] if rows else None
