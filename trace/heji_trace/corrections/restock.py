"""Stock after a correction: what counts and receipts changed is worked out again from what now stands before them.

All other entries keep what they changed. The entries stand in the order of their ranks, so a correction acts in the
place of what it corrects; and what was found about stocks (more taken than there was, miscounted, received unsent) is
found again as it would have been.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from heji_trace.corrections.withdrawal import in_parts
from heji_trace.effects.arrivals import UNSENT, Arrival, arrival_of, rank_of
from heji_trace.effects.book import adjust_stock, change_finding
from heji_trace.effects.settle import settle
from heji_trace.effects.suspect import miscount
from heji_trace.events.event import Event
from heji_trace.known.said import said_by
from heji_trace.known.state import State
from heji_trace.store.gather import Row

Place = tuple[str, str, str]

# What is found about stocks, by what the entry does with them.
_FOUND = {"stock_count": ("COUNT_BELOW", "COUNT_ABOVE"), "receiving": ("CHAIN_BROKEN",)}
_FOUND_TAKING = ("OVER_CONSUMPTION",)
FOUND_OF_STOCK = frozenset({*_FOUND["stock_count"], *_FOUND_TAKING})
"""The suspicions that are found here of what a correction says instead, in its place."""


def restock(state: State, batches: Iterable[str], by_seq: int) -> None:
    """Work out anew the stocks of batches that correction `by_seq` changed, and what is found about them."""
    for part in in_parts(state, batches):
        state.lines.load("batch", part)
        state.stock_changes.load("batch", part)
        lines = [line for batch in part for line in state.lines.of("batch", batch)]
        state.events.load("seq", [line["seq"] for line in lines])
        told = said_by(state, [line["seq"] for line in lines if is_told(state, line)])
        changed = [batch for batch in part if Replay(state, batch, told).renew(by_seq)]
        settle(state, changed, by_seq)


def is_told(state: State, line: Row) -> bool:
    """Whether what the entry does with stock is known from what it said alone."""
    if line["role"] == "consumed":
        row = state.event_at(line["seq"])
        return row is not None and row["kind"] == "correction"
    return line["role"] == "counted" or (line["role"] == "moved" and not line["to_organisation"])


class Replay:
    """The stock of one batch, entry by entry."""

    def __init__(self, state: State, batch: str, told: Mapping[int, Event]) -> None:
        self._state = state
        self._batch = batch
        self._told = told
        self._stock: Counter[Place] = Counter()
        self._arrivals: dict[tuple[str, str], list[Arrival]] = defaultdict(list)
        self._wanted: dict[int, Counter[Place]] = {}
        """By entry, what it is to change."""
        self._found: dict[int, dict[str, dict[str, Any]]] = {}
        """By entry, what is to be found."""

    def renew(self, by_seq: int) -> bool:
        """Make what is stored fit; whether it did not."""
        lines: dict[int, list[Row]] = defaultdict(list)
        for line in self._state.lines.of("batch", self._batch):
            lines[line["seq"]].append(line)
        stored: dict[int, Counter[Place]] = {seq: Counter() for seq in lines}
        for row in self._state.stock_changes.of("batch", self._batch):
            stored[row["seq"]][row["holder"], row["state"], row["dimension"]] += row["amount"]
        is_changed = False
        for seq, wanted in self.tell(lines, stored).items():
            for place in sorted({*wanted, *stored[seq]}):
                difference = wanted[place] - stored[seq][place]
                if difference:
                    adjust_stock(self._state, seq, self._batch, place, difference)
                    is_changed = True
            for code in _FOUND.get(self._kind(seq), _FOUND_TAKING):
                data = self._found[seq].get(code)
                is_changed |= change_finding(self._state, seq, self._batch, code, data, by_seq)
        return is_changed

    def tell(
        self, lines: Mapping[int, Sequence[Row]], stored: Mapping[int, Mapping[Place, int]]
    ) -> Mapping[int, Mapping[Place, int]]:
        """By entry what it is to change, where it names the batch in these lines and is stored with these changes."""
        for seq in sorted(lines, key=lambda seq: rank_of(self._state, seq)):
            self._enter(seq, lines[seq], stored[seq])
        return self._wanted

    def _kind(self, seq: int) -> str:
        if seq in self._told:
            return self._told[seq].kind
        row = self._state.event_at(seq)
        return row["kind"] if row else ""

    def _enter(self, seq: int, lines: Sequence[Row], stored: Mapping[Place, int]) -> None:
        is_first = not self._wanted
        self._wanted[seq], self._found[seq] = Counter(), {}
        kind = self._kind(seq)
        if kind == "stock_count":
            self._count(self._told[seq], seq, _sums(lines))
        elif kind == "receiving":
            self._receive(self._told[seq], seq, _sums(lines), is_first=is_first)
        else:
            if not (is_first and kind == "collection"):
                self._take(seq, lines, stored)
            for place, amount in stored.items():
                self._change(seq, place, amount)
            for holder, where, dimension in sorted(stored):
                if where == "transit":
                    self._cover(holder, dimension, lines[0]["holder"])

    def _change(self, seq: int, place: Place, amount: int) -> None:
        self._wanted[seq][place] += amount
        self._stock[place] += amount

    def _count(self, event: Event, seq: int, counted: Mapping[str, int]) -> None:
        for dimension, amount in counted.items():
            place = (event.organisation, "held", dimension)
            had = self._stock[place]
            for each in miscount(self._state, event, self._batch, dimension, amount, had):
                self._found[seq].setdefault(each.code, each.data)
            self._change(seq, place, amount - had)

    def _receive(self, event: Event, seq: int, received: Mapping[str, int], *, is_first: bool) -> None:
        for dimension, amount in received.items():
            arrival = arrival_of(self._state, seq, event, self._batch, dimension, amount)
            coming = self._stock[arrival.holder, "transit", dimension]
            self._change(seq, (arrival.holder, "held", dimension), amount)
            self._book(arrival, dimension, arrival.take(coming), event.organisation)
            # Who first speaks of a batch is its origin here, which is warned about as such.
            if not arrival.took and not is_first:
                self._found[seq]["CHAIN_BROKEN"] = UNSENT
            self._arrivals[arrival.holder, dimension].append(arrival)

    def _take(self, seq: int, lines: Sequence[Row], stored: Mapping[Place, int]) -> None:
        taken: Counter[tuple[str, str]] = Counter()
        for (holder, place, dimension), amount in stored.items():
            if place == "held" and amount < 0:
                taken[holder, dimension] -= amount
        for line in lines:
            if line["role"] == "kept":
                taken[line["holder"], line["dimension"]] += line["amount"]
        for (holder, dimension), amount in taken.items():
            left = self._stock[holder, "held", dimension] - amount
            if left < 0:
                self._found[seq]["OVER_CONSUMPTION"] = {"short": -left, "dimension": dimension}

    def _cover(self, holder: str, dimension: str, sender: str) -> None:
        for arrival in self._arrivals[holder, dimension]:
            coming = self._stock[holder, "transit", dimension]
            if coming > 0 and arrival.is_open:
                self._book(arrival, dimension, arrival.take(coming, sender), sender)
                if arrival.took >= arrival.amount:
                    self._found[arrival.seq].pop("CHAIN_BROKEN", None)

    def _book(self, arrival: Arrival, dimension: str, taken: Sequence[tuple[str, int]], sender: str) -> None:
        for holder, change in taken:
            self._change(arrival.seq, (holder, "transit", dimension), change)
        for holder, change in taken:
            if change > 0:
                self._cover(holder, dimension, sender)


def _sums(lines: Iterable[Row]) -> dict[str, int]:
    """What the lines say in all, by dimension."""
    sums: dict[str, int] = defaultdict(int)
    for line in lines:
        if line["role"] != "observed":
            sums[line["dimension"]] += line["amount"]
    return sums
