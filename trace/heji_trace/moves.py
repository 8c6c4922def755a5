"""The effects of goods moved: whose stock goes down and up, by the kind of move.

The role of a line says what became of the goods: `moved` between custodies or sold, `kept` in the same one, `returned`
to whoever gave them, `taken_back` from buyers outside, `disposed` of, `counted`.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

from heji_trace.book import Book, Entered, add_finding
from heji_trace.event import Event, Line
from heji_trace.measures import measure_known
from heji_trace.state import State

KEEPING = frozenset({"precooling", "storage"})


def enter_moves(state: State, entered: Entered, book: Book) -> None:
    """The lines and stock changes of everything that the event moves, keeps or counts."""
    event = entered.event
    if event.kind == "stock_count":
        _count(state, event, book)
        return
    for line in event.moves:
        dimension, amount = measure_known(state, line)
        if event.kind == "receiving":
            book.line("moved", line, dimension, amount)
            _receive(state, entered, book, line, dimension, amount)
        elif event.kind in KEEPING:
            book.line("kept", line, dimension, amount)
        elif event.kind == "disposal":
            book.line("disposed", line, dimension, amount)
            book.stock(line.batch, event.organisation, "held", dimension, -amount)
        elif event.kind == "return" and not line.to_organisation:
            book.line("taken_back", line, dimension, amount)
            book.stock(line.batch, event.organisation, "held", dimension, amount)
        else:
            _send(event, book, line, dimension, amount)


def counted_amounts(state: State, event: Event) -> dict[tuple[str, str], int]:
    """What a count says is there, by batch and dimension: the places where it was counted taken together."""
    counted: dict[tuple[str, str], int] = defaultdict(int)
    for line in event.moves:
        dimension, amount = measure_known(state, line)
        counted[line.batch, dimension] += amount
    return counted


def _count(state: State, event: Event, book: Book) -> None:
    """The books follow what was counted; the difference is the variance."""
    for line in event.moves:
        book.line("counted", line, *measure_known(state, line))
    for (batch, dimension), amount in counted_amounts(state, event).items():
        had = state.held_stock(batch, event.organisation).get(dimension, 0)
        book.stock(batch, event.organisation, "held", dimension, amount - had)


def _send(event: Event, book: Book, line: Line, dimension: str, amount: int) -> None:
    book.line("returned" if event.kind == "return" else "moved", line, dimension, amount)
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
