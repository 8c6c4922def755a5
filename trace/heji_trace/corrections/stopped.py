"""Goods that were moved while they were to stay: after a correction it is judged anew whether they were.

A correction acts in the place of what it corrects. A hold that is taken back has never stopped anybody; one that is
stated otherwise has stopped what was moved after the first statement of it.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import or_, select

from heji_trace.corrections.withdrawal import in_parts
from heji_trace.effects.arrivals import rank_of
from heji_trace.effects.book import change_finding
from heji_trace.effects.settle import settle
from heji_trace.effects.suspect import moving_batches, stopping_codes
from heji_trace.events.event import Event
from heji_trace.judging.levels import STOPPING
from heji_trace.known.state import State
from heji_trace.store.gather import Row
from heji_trace.store.tables import events, findings, warnings

_CODE = "HELD_MOVED"
FOUND_OF_STOPS = frozenset({_CODE})
"""The suspicion that is found here of what a correction says instead, in its place."""


def judge_stops(state: State, touched: Iterable[str], by_seq: int, said: Event | None) -> None:
    """Judge the moves of batches that correction `by_seq`, which says `said` instead, stops or does not stop any more."""
    state.write()
    concerned = _stopped_by(state, by_seq) + (moving_batches(said) if said else [])
    for part in in_parts(state, touched):
        concerned += _stopped_from(state, part)
    for part in in_parts(state, concerned):
        found = _moved(state, part)
        if said is not None:
            here = set(part).intersection(moving_batches(said))
            found |= {(by_seq, batch): said.kind for batch in here}
        rows = {batch: _stops(state, batch) for batch in part}
        named = {row[name] for each in rows.values() for row in each for name in ("cause_seq", "raised_seq")}
        named |= {row["lifted_seq"] for each in rows.values() for row in each} - {None}
        state.events.load("seq", [*named, *(seq for seq, _ in found)])
        changed = []
        for (seq, batch), kind in sorted(found.items()):
            at = rank_of(state, seq)
            live = {row["code"] for row in rows[batch] if _stood(state, row, at)}
            codes = stopping_codes(kind, live)
            data = {"codes": ", ".join(codes)} if codes else None
            if change_finding(state, seq, batch, _CODE, data, by_seq):
                changed.append(batch)
        settle(state, changed, by_seq)


def _stopped_by(state: State, by_seq: int) -> list[str]:
    """The batches on which the correction has lifted or raised a warning that stops them."""
    its_own = or_(
        warnings.c.lifted_seq == by_seq, (warnings.c.lifted_seq.is_(None)) & (warnings.c.raised_seq == by_seq)
    )
    query = select(warnings.c.batch).where(warnings.c.code.in_(sorted(STOPPING)), its_own)
    return list(state.connection.execute(query.distinct().order_by(warnings.c.batch)).scalars())


def _stopped_from(state: State, sources: list[str]) -> list[str]:
    """The batches that have or had a warning that stops them from one of `sources`."""
    query = select(warnings.c.batch).where(
        warnings.c.source.in_(sources), warnings.c.code.in_(sorted(STOPPING))
    )
    return list(state.connection.execute(query.distinct().order_by(warnings.c.batch)).scalars())


def _moved(state: State, batches: list[str]) -> dict[tuple[int, str], str]:
    """The standing entries of which it was ever found that they moved one of these batches, each with its kind."""
    state.write()
    query = (
        select(findings.c.seq, findings.c.batch, events.c.kind)
        .join(events, events.c.seq == findings.c.seq)
        .where(findings.c.batch.in_(batches), findings.c.code == _CODE, events.c.withdrawn_seq.is_(None))
    )
    return {(row.seq, row.batch): row.kind for row in state.connection.execute(query)}


def _stops(state: State, batch: str) -> list[Row]:
    return [row for row in state.warnings.of("batch", batch) if row["code"] in STOPPING]


def _stood(state: State, row: Row, at: int) -> bool:
    """Whether a warning stood at a place in the ledger, as far as what causes it stands today."""
    cause = state.event_at(row["cause_seq"])
    if cause is None or cause["withdrawn_seq"] is not None:
        return False
    lifted = row["lifted_seq"]
    begun = max(rank_of(state, row["raised_seq"]), rank_of(state, row["cause_seq"]))
    return begun < at and (lifted is None or rank_of(state, lifted) > at)
