"""The effects of goods moved: whose stock goes down and up, by the kind of move.

The role of a line says what became of the goods: `moved` between custodies or sold, `kept` in the same one, `returned`
to whoever gave them, `taken_back` from buyers outside, `disposed` of, `counted`.
"""

from __future__ import annotations

from collections import defaultdict

from heji_trace.effects.arrivals import UNSENT, arrival_of, open_arrivals, stocked
from heji_trace.effects.book import Book, Entered, add_finding, adjust_stock, change_finding
from heji_trace.events.event import Event, Line
from heji_trace.known.measures import measure_known
from heji_trace.known.state import State

KEEPING = frozenset({"precooling", "storage"})


def enter_moves(state: State, entered: Entered, book: Book) -> None:
    """The lines and stock changes of everything that the event moves, keeps or counts."""
    event = entered.event
    if event.kind == "stock_count":
        _count(state, event, book)
        return
    if event.kind == "receiving":
        _receive(state, entered, book)
        return
    for line in event.moves:
        dimension, amount = measure_known(state, line)
        if event.kind in KEEPING:
            book.line("kept", line, dimension, amount)
        elif event.kind == "disposal":
            book.line("disposed", line, dimension, amount)
            book.stock(line.batch, event.organisation, "held", dimension, -amount)
        elif event.kind == "return" and not line.to_organisation:
            book.line("taken_back", line, dimension, amount)
            book.stock(line.batch, event.organisation, "held", dimension, amount)
        else:
            _send(state, entered, book, line, dimension, amount)


def moved_amounts(state: State, event: Event) -> dict[tuple[str, str], int]:
    """What is counted or received, by batch and dimension: the places where it lies taken together."""
    amounts: dict[tuple[str, str], int] = defaultdict(int)
    for line in event.moves:
        dimension, amount = measure_known(state, line)
        amounts[line.batch, dimension] += amount
    return amounts


def _count(state: State, event: Event, book: Book) -> None:
    """The books follow what was counted; the difference is the variance."""
    for line in event.moves:
        book.line("counted", line, *measure_known(state, line))
    for (batch, dimension), amount in moved_amounts(state, event).items():
        had = state.held_stock(batch, event.organisation).get(dimension, 0)
        book.stock(batch, event.organisation, "held", dimension, amount - had)


def _send(state: State, entered: Entered, book: Book, line: Line, dimension: str, amount: int) -> None:
    event = entered.event
    book.line("returned" if event.kind == "return" else "moved", line, dimension, amount)
    book.stock(line.batch, event.organisation, "held", dimension, -amount)
    if line.to_organisation:
        taker = line.to_organisation
    elif event.kind == "shipping":
        # Sent to another site of one's own, or to somebody outside: on its way until it is received.
        taker = event.organisation
    else:
        return
    # While something is under way to somebody, all that he has received is known to have been sent.
    is_first = stocked(state, line.batch, taker, "transit", dimension) <= 0
    book.stock(line.batch, taker, "transit", dimension, amount)
    if is_first:
        _cover(state, entered, line.batch, taker, dimension)


def _receive(state: State, entered: Entered, book: Book) -> None:
    """What arrives leaves the transit; what is rejected waits there for its sender."""
    event = entered.event
    for line in event.moves:
        book.line("moved", line, *measure_known(state, line))
    for (batch, dimension), amount in moved_amounts(state, event).items():
        arrival = arrival_of(state, entered.seq, event, batch, dimension, amount)
        taken = arrival.take(stocked(state, batch, event.organisation, "transit", dimension))
        for holder, change in taken:
            book.stock(batch, holder, "transit", dimension, change)
        book.stock(batch, event.organisation, "held", dimension, amount)
        for holder, change in taken:
            if change > 0:
                _cover(state, entered, batch, holder, dimension)
        row = state.find_batch(batch)
        # Where a correction receives, the whole history of the batch's stock is judged anew after it.
        if not arrival.took and row is not None and row["made_seq"] != entered.seq and not entered.first:
            add_finding(state, entered.seq, batch, "CHAIN_BROKEN", UNSENT)


def _cover(state: State, entered: Entered, batch: str, taker: str, dimension: str) -> None:
    """What was received before its sending was recorded is under way no more, and its chain is whole."""
    for arrival in open_arrivals(state, batch, taker, dimension, entered.seq):
        coming = stocked(state, batch, taker, "transit", dimension)
        if coming <= 0:
            return
        taken = arrival.take(coming, entered.event.organisation)
        for holder, change in taken:
            adjust_stock(state, arrival.seq, batch, (holder, "transit", dimension), change)
        if not arrival.is_open:
            change_finding(state, arrival.seq, batch, "CHAIN_BROKEN", None, entered.seq)
        for holder, change in taken:
            if change > 0:
                _cover(state, entered, batch, holder, dimension)
