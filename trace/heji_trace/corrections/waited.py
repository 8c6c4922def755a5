"""What was judged by an edition or a product's storage band that was corrected, or would have been, is judged anew."""

from __future__ import annotations

import json
from datetime import date

from sqlalchemy import Row, Select, or_, select

from heji_trace.corrections.withdrawal import in_parts
from heji_trace.effects.settle import settle
from heji_trace.judging.facts import DAY_MS
from heji_trace.known.state import State
from heji_trace.store.tables import applications, batches, conditions, events, harvests, register
from heji_trace.vocabulary.times import beijing_midnight_ms


def judge_waits(state: State, by_seq: int) -> None:
    """Judge anew what was harvested or read off a logger under what entry `by_seq`, a correction, took back or says."""
    state.write()
    changed = or_(register.c.seq == by_seq, register.c.withdrawn_seq == by_seq)
    query = select(register.c.kind, register.c.code, register.c.data, register.c.rank)
    rows = state.connection.execute(query.where(register.c.kind.in_(("edition", "product")), changed)).all()
    concerned: dict[str, None] = {}
    for row in rows:
        found = (
            _harvested(state, row) + _read_under(state, row)
            if row.kind == "edition"
            else _kept_by(state, row)
        )
        concerned |= dict.fromkeys(found)
    for part in in_parts(state, concerned):
        settle(state, part, by_seq)


def _harvested(state: State, edition: Row[str, str, str, int]) -> list[str]:
    """The batches harvested in the period of an edition, and after it or what was used on them was recorded."""
    first_ms, end_ms = _period(edition)
    used = select(applications.c.cycle).where(applications.c.rank > edition.rank)
    found = (
        select(harvests.c.batch)
        .distinct()
        .where(
            harvests.c.withdrawn_seq.is_(None),
            harvests.c.occurred_ms.between(first_ms, end_ms - 1),
            or_(harvests.c.rank > edition.rank, harvests.c.cycle.in_(used)),
        )
    )
    return list(state.connection.execute(found.order_by(harvests.c.batch)).scalars())


def _read_under(state: State, edition: Row[str, str, str, int]) -> list[str]:
    """The batches whose readings were stated in the period of an edition, and after it."""
    first_ms, end_ms = _period(edition)
    in_force = events.c.occurred_ms.between(first_ms, end_ms - 1)
    found = _watched_after(edition.rank).where(in_force)
    return list(state.connection.execute(found).scalars())


def _kept_by(state: State, product: Row[str, str, str, int]) -> list[str]:
    """The batches of a product whose readings were stated after it was registered so."""
    found = _watched_after(product.rank).join(batches, batches.c.batch == conditions.c.batch)
    return list(state.connection.execute(found.where(batches.c.product == product.code)).scalars())


def _watched_after(rank: int) -> Select[str]:
    return (
        select(conditions.c.batch)
        .distinct()
        .join(events, events.c.seq == conditions.c.seq)
        .where(conditions.c.withdrawn_seq.is_(None), events.c.rank > rank)
        .order_by(conditions.c.batch)
    )


def _period(edition: Row[str, str, str, int]) -> tuple[int, int]:
    """From when, and until before when, an edition is in force."""
    facts = json.loads(edition.data)
    last = facts.get("effective_to", "9999-12-30")
    last_ms = beijing_midnight_ms(date.fromisoformat(last))
    return beijing_midnight_ms(date.fromisoformat(facts["effective_from"])), last_ms + DAY_MS
