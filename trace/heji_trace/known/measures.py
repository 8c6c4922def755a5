"""Measures: how much a line of an event is, and whose stock it comes out of."""

from __future__ import annotations

from decimal import Decimal

from heji_trace.events.event import Event, Line
from heji_trace.known.state import State
from heji_trace.vocabulary.units import to_base


def measure(state: State, line: Line, product: str | None) -> tuple[str, int]:
    """Dimension and amount of a line, by the product's own unit conversions where it has some."""
    asked = (line.quantity, line.unit, product)
    if asked not in state.measured:
        facts = state.find_registered("product", product) if product else None
        conversions = {
            step["unit"]: (Decimal(step["equals"]), step["of"])
            for step in (facts or {}).get("conversions", ())
        }
        state.measured[asked] = to_base(line.quantity or Decimal(0), line.unit or "", conversions)
    return state.measured[asked]


def measure_known(state: State, line: Line) -> tuple[str, int]:
    """Dimension and amount of a line about a batch that stands in the ledger, or is opened by this line."""
    row = state.find_batch(line.batch)
    return measure(state, line, row["product"] if row else line.product)


def giver_of(state: State, event: Event, line: Line) -> str:
    """Whose stock an input comes out of: in a collection the maker's, where the collector has none."""
    if event.kind == "collection" and not state.held_stock(line.batch, event.organisation):
        row = state.find_batch(line.batch)
        if row is not None:
            maker: str = row["organisation"]
            return maker
    return event.organisation
