"""Results after the purpose of their sampling was corrected: whether they await a release is judged anew."""

from __future__ import annotations

from sqlalchemy import or_, select

from heji_trace.effects.settle import settle
from heji_trace.effects.testing import is_released, spoken_for
from heji_trace.known.said import said_by
from heji_trace.known.state import State
from heji_trace.store.tables import samples


def judge_purposes(state: State, by_seq: int) -> None:
    """Judge anew the results of samples whose drawing entry `by_seq`, a correction, took back or says."""
    state.write()
    changed = or_(samples.c.seq == by_seq, samples.c.withdrawn_seq == by_seq)
    query = select(samples.c.sample).distinct().where(changed).order_by(samples.c.sample)
    touched: list[str] = []
    for sample in state.connection.execute(query).scalars().all():
        if not state.samples.of("sample", sample):
            # Drawn by nobody any more: what was hidden stays so.
            continue
        rows = state.tests.of("sample", sample)
        said = said_by(state, [row["seq"] for row in rows])
        for row in rows:
            released = is_released(state, said[row["seq"]])
            if row["released"] != released:
                state.tests.change(row, released=released)
                touched += spoken_for(state, sample)
    settle(state, touched, by_seq)
