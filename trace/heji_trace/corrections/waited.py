"""Harvests after an edition was corrected: what was judged by it, or would have been, is judged anew."""

from __future__ import annotations

import json
from datetime import date

from sqlalchemy import or_, select

from heji_trace.corrections.withdrawal import in_parts
from heji_trace.effects.settle import settle
from heji_trace.judging.rules import DAY_MS
from heji_trace.known.state import State
from heji_trace.store.tables import applications, harvests, register
from heji_trace.vocabulary.times import beijing_midnight_ms


def judge_waits(state: State, by_seq: int) -> None:
    """Judge anew the harvests in the periods of the editions that entry `by_seq`, a correction, took back or says."""
    state.write()
    changed = or_(register.c.seq == by_seq, register.c.withdrawn_seq == by_seq)
    query = select(register.c.data, register.c.rank).where(register.c.kind == "edition", changed)
    batches: dict[str, None] = {}
    for row in state.connection.execute(query).all():
        facts = json.loads(row.data)
        used = select(applications.c.cycle).where(applications.c.rank > row.rank)
        found = (
            select(harvests.c.batch)
            .distinct()
            .where(
                harvests.c.withdrawn_seq.is_(None),
                harvests.c.occurred_ms >= beijing_midnight_ms(date.fromisoformat(facts["effective_from"])),
                or_(harvests.c.rank > row.rank, harvests.c.cycle.in_(used)),
            )
        )
        if "effective_to" in facts:
            last = beijing_midnight_ms(date.fromisoformat(facts["effective_to"]))
            found = found.where(harvests.c.occurred_ms < last + DAY_MS)
        batches |= dict.fromkeys(state.connection.execute(found.order_by(harvests.c.batch)).scalars())
    for part in in_parts(state, batches):
        settle(state, part, by_seq)
