"""The effects of goods made and moved: lines, stock, batches, edges and findings.

What an event says of batches stands in its envelope, so these effects are the same for every kind; what a kind's
details add is in `effects`.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from heji_trace.event import Event, Line
from heji_trace.rules import HOUR_MS
from heji_trace.sense import FINDINGS, OPENING_KINDS, Suspicion, giver_of, measure, measure_known
from heji_trace.settle import dump_data
from heji_trace.state import State


@dataclass(frozen=True, slots=True)
class Entered:
    """An event with its place in the ledger."""

    seq: int
    recorded_ms: int
    actor: str
    event: Event


class Book:
    """Numbers the lines and stock changes of one entry and adds them to the state."""

    def __init__(self, state: State, entered: Entered) -> None:
        self._state = state
        self._entered = entered
        self._lines = 0
        self._changes = 0

    def line(self, role: str, line: Line, dimension: str | None, amount: int | None) -> None:
        """One batch named by the event, and in which role."""
        event = self._entered.event
        self._state.lines.add(
            seq=self._entered.seq,
            position=self._lines,
            role=role,
            batch=line.batch,
            dimension=dimension,
            amount=amount,
            unit=line.unit,
            product=line.product,
            holder=event.organisation,
            to_organisation=line.to_organisation,
            site=line.site or event.site,
            to_site=line.to_site,
        )
        self._lines += 1

    def stock(self, batch: str, holder: str, place: str, dimension: str, amount: int) -> None:
        """Change what `holder` has of the batch, `held` or in `transit` to it."""
        if amount == 0:
            return
        self._state.stock_changes.add(
            seq=self._entered.seq,
            position=self._changes,
            batch=batch,
            holder=holder,
            state=place,
            dimension=dimension,
            amount=amount,
        )
        self._changes += 1
        change_stock(self._state, batch, holder, place, dimension, amount)


def change_stock(state: State, batch: str, holder: str, place: str, dimension: str, amount: int) -> None:
    """Add `amount`, which may be negative, to one holder's stock of the batch."""
    for row in state.stock.of("batch", batch):
        if (row["holder"], row["state"], row["dimension"]) == (holder, place, dimension):
            state.stock.change(row, amount=row["amount"] + amount)
            return
    state.stock.add(batch=batch, holder=holder, state=place, dimension=dimension, amount=amount)


def enter_lines(state: State, entered: Entered, suspected: list[Suspicion]) -> list[str]:
    """Inputs, outputs, moves and observed batches: lines, stock, batches, edges and findings."""
    event = entered.event
    book = Book(state, entered)
    touched: list[str] = []
    if event.kind in OPENING_KINDS:
        for line in (*event.inputs, *event.moves):
            touched += _open_unknown(state, entered, line)
    taken = _take_inputs(state, entered, book)
    for line in event.outputs:
        dimension, amount = measure(state, line, line.product)
        _make_batch(state, entered, line)
        book.line("made", line, dimension, amount)
        book.stock(line.batch, event.organisation, "held", dimension, amount)
        for cycle in event.cycles:
            state.harvests.add(
                seq=entered.seq,
                cycle=cycle,
                batch=line.batch,
                occurred_ms=event.occurred_ms,
                recorded_ms=entered.recorded_ms,
            )
        for parent, (parent_dimension, parent_amount) in taken.items():
            state.edges.add(
                seq=entered.seq,
                parent=parent,
                child=line.batch,
                flow=flow_of(event.kind, len(taken)),
                dimension=parent_dimension,
                amount=parent_amount,
                occurred_ms=event.occurred_ms,
            )
    _move(state, entered, book)
    for batch in event.batches:
        book.line("observed", Line(batch), None, None)
    made = [line.batch for line in event.outputs]
    touched += [*made, *taken, *(line.batch for line in event.moves), *event.batches]
    _enter_findings(state, entered, suspected, [*made, *(line.batch for line in event.moves)])
    return touched


def flow_of(kind: str, parents: int) -> str:
    """How goods pass: `split` keeps what they are, `merge` mixes sources, `change` makes something else."""
    if kind == "processing":
        return "change"
    return "split" if parents == 1 else "merge"


def _take_inputs(state: State, entered: Entered, book: Book) -> dict[str, tuple[str, int]]:
    taken: dict[str, tuple[str, int]] = {}
    for line in entered.event.inputs:
        dimension, amount = measure_known(state, line)
        giver = giver_of(state, entered.event, line)
        book.line("consumed", line, dimension, amount)
        book.stock(line.batch, giver, "held", dimension, -amount)
        before = taken.get(line.batch, (dimension, 0))[1]
        taken[line.batch] = (dimension, before + amount)
    return taken


def _make_batch(state: State, entered: Entered, line: Line) -> None:
    event = entered.event
    facts = {
        "kind": event.kind,
        "product": line.product,
        "organisation": event.organisation,
        "site": line.site or event.site,
        "made_seq": entered.seq,
        "made_ms": event.occurred_ms,
        "unknown_origin": 0,
        "batch_number": event.details.get("batch_number"),
        "best_before": event.details.get("best_before"),
        "use_by": event.details.get("use_by"),
        "version": entered.seq,
    }
    row = state.find_batch(line.batch)
    if row is None:
        state.batches.add(batch=line.batch, **facts)
    else:
        state.batches.change(row, **facts)


def _open_unknown(state: State, entered: Entered, line: Line) -> list[str]:
    """A batch that nobody made here: it stands in the ledger from now on, as of unknown origin."""
    if state.find_batch(line.batch) is not None:
        return []
    event = entered.event
    state.batches.add(
        batch=line.batch,
        kind=event.kind,
        product=line.product,
        organisation=event.organisation,
        site=event.site,
        made_seq=entered.seq,
        made_ms=event.occurred_ms,
        unknown_origin=1,
        version=entered.seq,
    )
    return [line.batch]


def _move(state: State, entered: Entered, book: Book) -> None:
    event = entered.event
    for line in event.moves:
        dimension, amount = measure_known(state, line)
        book.line("moved", line, dimension, amount)
        if event.kind == "receiving":
            _receive(state, entered, book, line, dimension, amount)
            continue
        book.stock(line.batch, event.organisation, "held", dimension, -amount)
        if line.to_organisation:
            book.stock(line.batch, line.to_organisation, "transit", dimension, amount)
        elif event.kind == "shipping":
            # Sent to another site of one's own, or to somebody outside: on its way until it is received.
            book.stock(line.batch, event.organisation, "transit", dimension, amount)


def _receive(state: State, entered: Entered, book: Book, line: Line, dimension: str, amount: int) -> None:
    """What arrives leaves the transit; what is rejected waits there for its sender."""
    event = entered.event
    coming = sum(
        row["amount"]
        for row in state.stock.of("batch", line.batch)
        if (row["holder"], row["state"], row["dimension"]) == (event.organisation, "transit", dimension)
    )
    rejected = sum(
        measure_known(state, Line(line.batch, Decimal(item["quantity"]), item["unit"]))[1]
        for item in event.details.get("rejected", ())
        if item["batch"] == line.batch
    )
    book.stock(line.batch, event.organisation, "transit", dimension, -min(coming, amount + rejected))
    book.stock(line.batch, event.organisation, "held", dimension, amount)
    sender = _sender(state, event)
    if rejected and sender:
        book.stock(line.batch, sender, "transit", dimension, min(rejected, max(coming - amount, 0)))
    row = state.find_batch(line.batch)
    if not coming and row is not None and row["made_seq"] != entered.seq:
        add_finding(state, entered.seq, line.batch, "CHAIN_BROKEN", {"gap": "shipping"})


def _sender(state: State, event: Event) -> str | None:
    shipping = event.details.get("shipping")
    rows = state.events.of("event_id", shipping) if shipping else []
    return rows[0]["organisation"] if rows else None


def _enter_findings(state: State, entered: Entered, suspected: list[Suspicion], concerned: list[str]) -> None:
    for suspicion in suspected:
        if suspicion.code in FINDINGS:
            add_finding(state, entered.seq, suspicion.batch, suspicion.code, suspicion.data)
    event = entered.event
    hours = (entered.recorded_ms - event.occurred_ms) // HOUR_MS
    if hours > state.thresholds_at(event.occurred_ms).late_record_hours:
        for batch in dict.fromkeys(concerned):
            add_finding(state, entered.seq, batch, "LATE_RECORD", {"hours": hours, "kind": event.kind})


def add_finding(state: State, seq: int, batch: str, code: str, data: dict[str, Any]) -> None:
    """A statement about a batch that this entry causes and that stays until the entry is corrected."""
    if not any(row["seq"] == seq and row["code"] == code for row in state.findings.of("batch", batch)):
        state.findings.add(seq=seq, batch=batch, code=code, data=dump_data(data))
