"""Tests after the registration of their instrument was corrected: whether its calibration had run out is judged anew."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import or_, select

from heji_trace.effects.book import change_finding
from heji_trace.effects.settle import settle
from heji_trace.effects.testing import due_instrument, status_of
from heji_trace.events.event import Event
from heji_trace.known.said import said_by
from heji_trace.known.state import State
from heji_trace.store.gather import Row
from heji_trace.store.tables import register, tests

_AT_ONCE = 500


def judge_instruments(state: State, by_seq: int) -> None:
    """Judge anew what was tested with instruments whose registration entry `by_seq`, a correction, took back or says."""
    state.write()
    changed = or_(register.c.seq == by_seq, register.c.withdrawn_seq == by_seq)
    query = select(register.c.code, register.c.rank).where(register.c.kind == "instrument", changed)
    found = state.connection.execute(query).all()
    if not found:
        return
    concerned = {row.code for row in found}
    for part in _tests_after(state, min(row.rank for row in found)):
        said = said_by(state, [seq for seq, _ in part])
        state.tests.load("sample", [sample for _, sample in part])
        state.samples.load("sample", [sample for _, sample in part])
        touched: list[str] = []
        for seq, sample in part:
            if said[seq].details.get("instrument") in concerned:
                [row] = [row for row in state.tests.of("sample", sample) if row["seq"] == seq]
                touched += _judge(state, row, said[seq], by_seq)
        settle(state, touched, by_seq)


def _tests_after(state: State, rank: int) -> Iterator[Sequence[tuple[int, str]]]:
    """The tests later than `rank` in parts, each forgotten before the next."""
    query = select(tests.c.seq, tests.c.sample).where(tests.c.rank > rank, tests.c.withdrawn_seq.is_(None))
    last = -1
    while rows := state.connection.execute(
        query.where(tests.c.seq > last).order_by(tests.c.seq).limit(_AT_ONCE)
    ).all():
        yield [(row.seq, row.sample) for row in rows]
        last = rows[-1].seq
        state.forget()


def _judge(state: State, row: Row, event: Event, by_seq: int) -> list[str]:
    """Make a test's status and findings fit; the batches it speaks for."""
    due = due_instrument(state, event, row["rank"])
    state.tests.change(row, status=status_of(event, due))
    spoken: dict[str, None] = {}
    reached: dict[str, None] = {}
    for sample in state.samples.of("sample", row["sample"]):
        if sample["target_kind"] == "batch":
            reached[sample["target"]] = None
            continue
        for harvest in state.harvests.of("cycle", sample["target"]):
            spoken[harvest["batch"]] = None
            if harvest["rank"] < row["rank"]:
                # As when the test was entered: of what was harvested afterwards nothing is found.
                reached[harvest["batch"]] = None
    for batch in reached:
        change_finding(state, row["seq"], batch, "INSTRUMENT_DUE", due, by_seq)
    return [*reached, *spoken]
