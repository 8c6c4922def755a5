"""Waiting times: whether what was used before a harvest lay far enough back, by the tables known when it was recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from heji_trace.judging.facts import HOUR_MS, ApplicationFact, HarvestFact, Raised, Thresholds
from heji_trace.judging.intervals import Interval, find_group, find_interval, first_clear_day
from heji_trace.vocabulary.times import beijing_date


@dataclass(frozen=True, slots=True)
class Waits:
    """The tables of waiting times by which uses before a harvest are judged."""

    intervals: Sequence[Interval] = ()
    withdrawals: Sequence[Interval] = ()


# By the place of an entry in the ledger, the tables that were known when it was recorded: none judges it afterwards.
WaitsAt = Callable[[int], Waits]


def waiting_warnings(harvest: HarvestFact, waits_at: WaitsAt, thresholds: Thresholds) -> list[Raised]:
    """What the inputs used before a harvest cause: an interval or a withdrawal period that had not passed.

    Judged on the claimed times; where those hold but the use was recorded after the harvest or late, the interval is
    unproven, because a date can be written back. Of a harvest that lasted days what was taken after a use counts.
    """
    raised = []
    for use in harvest.applications:
        taken = harvest.after(use)
        if taken is None:
            continue
        waits = waits_at(max(harvest.rank, use.rank))
        if use.input_type == "veterinary":
            raised += _withdrawal_warnings(taken, use, waits.withdrawals)
        elif use.input_type == "pesticide":
            raised += _interval_warnings(taken, use, waits.intervals, thresholds)
    return raised


def find_withdrawal(use: ApplicationFact, species: str, withdrawals: Sequence[Interval]) -> Interval | None:
    """The row of the table that decides: the longest of the medicine's active substances and of its name."""
    names = dict.fromkeys((*use.actives, use.name))
    found = [find_interval(withdrawals, name, species, use.formulation) for name in names if name]
    return max((row for row in found if row is not None), key=lambda row: row.days, default=None)


def _is_inside(harvest: HarvestFact, use: ApplicationFact, days: int) -> bool:
    """Whether the harvest came too soon after the last use before it; a course may go on behind it."""
    last_ms = min(use.last_ms, harvest.occurred_ms)
    return beijing_date(harvest.occurred_ms) < first_clear_day(beijing_date(last_ms), days)


def _withdrawal_warnings(
    harvest: HarvestFact, use: ApplicationFact, withdrawals: Sequence[Interval]
) -> list[Raised]:
    """By the period that was stated or that the table names, whichever is longer."""
    listed = find_withdrawal(use, harvest.crop, withdrawals)
    known = [days for days in (use.withdrawal_days, listed.days if listed else None) if days is not None]
    if not known:
        return []
    clear = first_clear_day(beijing_date(use.last_ms), max(known))
    if not _is_inside(harvest, use, max(known)):
        return []
    data: dict[str, Any] = {"drug": use.name, "clear": clear.isoformat(), "days": max(known)}
    if listed is not None and listed.days > (use.withdrawal_days or 0):
        data |= {"edition": listed.edition, "verified": listed.verified}
    return [Raised("VET_WITHDRAWAL", max(harvest.seq, use.seq), data)]


def decisive_interval(use: ApplicationFact, crop: str, intervals: Sequence[Interval]) -> Interval | None:
    """The interval that a pesticide asks for: the longest that the table names, or that its label was said to state.

    The latter is of no edition. Where no active substance is stated, those count that the product is named after.
    """
    actives = use.actives or _named_after(use.name, intervals)
    found = [find_interval(intervals, active, crop, use.formulation) for active in actives]
    listed = max((row for row in found if row is not None), key=lambda row: row.days, default=None)
    own = use.withdrawal_days
    if own is None or (listed is not None and listed.days >= own):
        return listed
    return Interval("、".join(use.actives), crop, use.formulation, own, "", verified=True)


def _named_after(name: str, intervals: Sequence[Interval]) -> list[str]:
    """The active substances of a table whose names a product's name holds, the longest: 高效氯氰菊酯 is not 氯氰菊酯."""
    words = {word for row in intervals for word in row.active.split() if word in name}
    return sorted(word for word in words if not any(word != other and word in other for other in words))


def _interval_warnings(
    harvest: HarvestFact, use: ApplicationFact, intervals: Sequence[Interval], thresholds: Thresholds
) -> list[Raised]:
    decisive = decisive_interval(use, harvest.crop, intervals)
    if decisive is None:
        return []
    clear = first_clear_day(beijing_date(use.last_ms), decisive.days)
    day = beijing_date(harvest.occurred_ms)
    # The name of a product is sealed: what it is named after is told to nobody.
    active = decisive.active if use.actives else ""
    data: dict[str, Any] = {"active": active, "days": decisive.days, "clear": clear.isoformat()}
    if decisive.edition:
        data |= {"edition": decisive.edition, "verified": decisive.verified}
    else:
        data["by_label"] = True
    group = find_group(decisive, harvest.crop)
    if group is not None:
        data["group"] = group
    cause = max(harvest.seq, use.seq)
    if _is_inside(harvest, use, decisive.days):
        return [Raised("PHI_VIOLATION", cause, {**data, "short": (clear - day).days})]
    late_ms = use.recorded_ms - use.last_ms
    was_after = (use.recorded_ms, use.rank) > (harvest.recorded_ms, harvest.rank)
    if was_after or late_ms > thresholds.late_record_hours * HOUR_MS:
        return [Raised("PHI_UNPROVEN", cause, {**data, "late_hours": late_ms // HOUR_MS})]
    return []
