"""The book of one entry: its lines, what it changes in stock, and what it finds about batches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, update

from heji_trace.effects.settle import dump_data
from heji_trace.events.event import Event, Line
from heji_trace.known.state import State
from heji_trace.store.tables import findings, stock_changes


@dataclass(frozen=True, slots=True)
class First:
    """The first statement of a chain of corrections: whose place among others the newest one takes."""

    seq: int
    event_id: str
    occurred_ms: int
    recorded_ms: int


@dataclass(frozen=True, slots=True)
class Entered:
    """An event with its place in the ledger; of what is corrected, `first` is what was said at first."""

    seq: int
    recorded_ms: int
    actor: str
    event: Event
    first: First | None = None

    @property
    def rank(self) -> int:
        """Where the statement stands among others of its sample, code or recall: a correction is no newer statement."""
        return self.first.seq if self.first else self.seq

    @property
    def identity(self) -> str:
        """The id under which others speak of the statement, however often it is corrected."""
        return self.first.event_id if self.first else self.event.id


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


def add_finding(state: State, seq: int, batch: str, code: str, data: dict[str, Any]) -> None:
    """A statement about a batch that this entry causes and that stays until the entry is corrected."""
    if not any(row["seq"] == seq and row["code"] == code for row in state.findings.of("batch", batch)):
        state.findings.add(seq=seq, batch=batch, code=code, data=dump_data(data))


def adjust_stock(state: State, seq: int, batch: str, where: tuple[str, str, str], amount: int) -> None:
    """Add `amount` to what an earlier entry changed in the stock of a holder, `held` or in `transit`, by dimension."""
    holder, place, dimension = where
    change_stock(state, batch, holder, place, dimension, amount)
    for row in state.stock_changes.of("batch", batch):
        if (row["seq"], row["holder"], row["state"], row["dimension"]) == (seq, *where):
            state.stock_changes.change(row, amount=row["amount"] + amount)
            return
    state.write()
    last = state.connection.execute(
        select(func.max(stock_changes.c.position)).where(stock_changes.c.seq == seq)
    ).scalar()
    state.stock_changes.add(
        seq=seq,
        position=0 if last is None else last + 1,
        batch=batch,
        holder=holder,
        state=place,
        dimension=dimension,
        amount=amount,
    )


def change_finding(
    state: State, seq: int, batch: str, code: str, data: dict[str, Any] | None, by_seq: int
) -> bool:
    """What entry `by_seq` makes of a finding of entry `seq`, None: there is none any more; whether that is a change."""
    text = None if data is None else dump_data(data)
    for row in state.findings.of("batch", batch):
        if (row["seq"], row["code"]) == (seq, code):
            if row["data"] == text:
                return False
            if text is None:
                state.findings.withdraw(row, by_seq)
            else:
                state.findings.change(row, data=text)
            return True
    if text is None:
        return False
    # One that was withdrawn comes back.
    state.write()
    same = (findings.c.seq == seq, findings.c.batch == batch, findings.c.code == code)
    revived = state.connection.execute(update(findings).where(*same).values(withdrawn_seq=None, data=text))
    if revived.rowcount:
        state.findings.forget()
    else:
        state.findings.add(seq=seq, batch=batch, code=code, data=text)
    return True
