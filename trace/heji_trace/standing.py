"""The warnings of one batch for those who work with it: all that is stored, lifted ones too, and what the date causes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select

from heji_trace.certificates import concerned
from heji_trace.dated import CertificateFact, DatedFacts, dated_warnings
from heji_trace.results import awaited_facts, sample_rows
from heji_trace.rules import LEVELS, LOUDNESS
from heji_trace.state import Row, State
from heji_trace.tables import register
from heji_trace.times import beijing_date
from heji_trace.trail import Trail, trail_of


@dataclass(frozen=True, slots=True)
class StandingWarning:
    """One warning; `source` is the batch it comes from. Without `raised_seq` it is caused by the date.

    `cause_seq` is the entry that causes it, `lifted_seq` the one that ended it.
    """

    code: str
    source: str
    cause_seq: int
    raised_seq: int | None
    lifted_seq: int | None
    data: Mapping[str, Any]


def standing_warnings(state: State, batch: str, now_ms: int) -> list[StandingWarning]:
    """The warnings of a batch that stands in the ledger: live ones first, each part by loudness."""
    found = [
        StandingWarning(
            row["code"],
            row["source"],
            row["cause_seq"],
            row["raised_seq"],
            row["lifted_seq"],
            json.loads(row["data"]),
        )
        for row in state.warnings.of("batch", batch)
    ]
    facts = dated_facts(state, trail_of(state, batch))
    found += [
        StandingWarning(raised.code, batch, raised.cause_seq, None, None, raised.data)
        for raised in dated_warnings(facts, beijing_date(now_ms), now_ms, state.thresholds_at(now_ms))
    ]
    return sorted(found, key=_order)


def dated_facts(state: State, trail: Trail) -> DatedFacts:
    """What the dated warnings of the trail's batch rest on."""
    row = trail.row
    product = state.find_registered("product", row["product"]) if row["product"] else None
    facts = product or {}
    samples = sample_rows(state, trail.base)
    current = [each.current for each in samples if each.current is not None]
    return DatedFacts(
        row["made_seq"],
        beijing_date(row["made_ms"]),
        _day(row["use_by"]),
        _day(row["best_before"]),
        facts.get("shelf_life_days"),
        facts.get("test_policy", "none"),
        frozenset(each["method_class"] for each in current),
        awaited_facts(samples),
        facts.get("claims", ()),
        _certificates(state, trail, row),
    )


def _certificates(state: State, trail: Trail, row: Row) -> list[CertificateFact]:
    """Those of the makers, and of the organisation whose product it is."""
    holders = {each["organisation"] for each in trail.rows.values()}
    owned = select(register.c.organisation).where(
        register.c.kind == "product", register.c.code == row["product"], register.c.withdrawn_seq.is_(None)
    )
    holders |= set(state.connection.execute(owned).scalars())
    query = select(register.c.seq, register.c.code, register.c.data).where(
        register.c.kind == "certificate",
        register.c.organisation.in_(sorted(holders)),
        register.c.withdrawn_seq.is_(None),
    )
    newest = {each.code: each for each in state.connection.execute(query.order_by(register.c.seq))}
    registered = [(each.seq, json.loads(each.data)) for each in newest.values()]
    return [fact for fact, _ in concerned(registered, row["product"], holders)]


def _order(warning: StandingWarning) -> tuple[bool, int, str, int]:
    loudness = LOUDNESS.index(LEVELS[warning.code].regulator)
    return warning.lifted_seq is not None, -loudness, warning.code, warning.cause_seq


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
