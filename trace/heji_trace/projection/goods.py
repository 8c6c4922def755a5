"""The effects of goods made and moved: lines, stock, batches, edges and findings.

What an event says of batches stands in its envelope, so these effects are the same for every kind; what a kind's
details add is in `effects`.
"""

from __future__ import annotations

from heji_trace.effects.book import Book, Entered, add_finding
from heji_trace.effects.moves import enter_moves
from heji_trace.effects.repacked import days_of
from heji_trace.effects.suspect import FINDINGS, OPENING_KINDS
from heji_trace.effects.suspicion import Suspicion
from heji_trace.events.event import Line
from heji_trace.judging.facts import HOUR_MS
from heji_trace.known.measures import giver_of, measure, measure_known
from heji_trace.known.state import State


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
        _enter_batch(state, entered, line, line.site or event.site, unknown_origin=0)
        book.line("made", line, dimension, amount)
        book.stock(line.batch, event.organisation, "held", dimension, amount)
        for cycle in event.cycles:
            state.harvests.add(
                seq=entered.seq,
                cycle=cycle,
                batch=line.batch,
                occurred_ms=event.occurred_ms,
                ended_ms=event.ended_ms,
                recorded_ms=entered.recorded_ms,
                rank=entered.rank,
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
    enter_moves(state, entered, book)
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


def _open_unknown(state: State, entered: Entered, line: Line) -> list[str]:
    """A batch that nobody made here: it stands in the ledger from now on, as of unknown origin."""
    row = state.find_batch(line.batch)
    # What was taken back may be opened again as something else, by the same entry or by a later one that says as what.
    if row is not None and (
        row["kind"] != "withdrawn" or (row["made_seq"] != entered.seq and line.product is None)
    ):
        return []
    _enter_batch(state, entered, line, entered.event.site, unknown_origin=1)
    return [line.batch]


def _enter_batch(
    state: State, entered: Entered, line: Line, site: str | None, *, unknown_origin: int
) -> None:
    """The batch as this event says it is, whatever stood there before."""
    event = entered.event
    facts = {
        "kind": event.kind,
        "product": line.product,
        "organisation": event.organisation,
        "site": site,
        "made_seq": entered.seq,
        "made_ms": event.occurred_ms,
        "unknown_origin": unknown_origin,
        "batch_number": event.details.get("batch_number"),
        **days_of(state, event, line.product),
        "version": entered.seq,
    }
    row = state.find_batch(line.batch)
    if row is None:
        state.batches.add(batch=line.batch, **facts)
    else:
        state.batches.change(row, **facts)


def _enter_findings(state: State, entered: Entered, suspected: list[Suspicion], concerned: list[str]) -> None:
    for suspicion in suspected:
        if suspicion.code in FINDINGS:
            add_finding(state, entered.seq, suspicion.batch, suspicion.code, suspicion.data)
    event = entered.event
    # What lasted several days is recorded in time at its end.
    over_ms = event.occurred_ms if event.ended_ms is None else event.ended_ms
    hours = (entered.recorded_ms - over_ms) // HOUR_MS
    if hours > state.thresholds_at(event.occurred_ms).late_record_hours:
        for batch in dict.fromkeys(concerned):
            add_finding(state, entered.seq, batch, "LATE_RECORD", {"hours": hours, "kind": event.kind})
