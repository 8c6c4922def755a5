"""The inputs used on the cycles behind a batch, each beside the waiting time that it asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import Any

from heji_trace.dossier.registry import choice_said
from heji_trace.effects.grounds import harvest_facts
from heji_trace.events.kinds import words
from heji_trace.judging.facts import ApplicationFact, HarvestFact, Thresholds
from heji_trace.judging.intervals import Interval, find_group, first_clear_day
from heji_trace.judging.waits import WaitsAt, decisive_interval, find_withdrawal, waiting_warnings
from heji_trace.judging.wording import (
    Said,
    day_said,
    example_mark,
    group_mark,
    joined,
    label_mark,
    name_said,
    said,
)
from heji_trace.known.state import State
from heji_trace.ledger.evidence import Proved
from heji_trace.vocabulary.times import beijing_date

MOST_TOLD = 30
"""Uses that a page tells one by one, the worst first."""

_STANDINGS = {"PHI_VIOLATION": "short", "VET_WITHDRAWAL": "short", "PHI_UNPROVEN": "unproven"}
_WORST_FIRST = ("short", "unproven", "unlisted", "kept", "none")


@dataclass(frozen=True, slots=True)
class Use:
    """One use of an input before a harvest; `entry` is seq + 1.

    `standing` is "kept", "short" or "unproven" against the interval, "unlisted" where no table names one, "none" where
    the input needs none.
    """

    entry: int
    input_type: str
    name: Said
    on: str
    standing: str
    is_example: bool
    sentence: Said


@dataclass(frozen=True, slots=True)
class FoundUse:
    """A use with the harvest that stands nearest behind it."""

    use: ApplicationFact
    harvest: HarvestFact
    interval: Interval | None
    standing: str


def found_uses(state: State, batches: Sequence[str]) -> list[FoundUse]:
    """The uses behind the batches, the worst first, of each entry the worst standing."""
    worst: dict[int, FoundUse] = {}
    for batch in batches:
        for harvest in harvest_facts(state, batch):
            waits_at = partial(state.waits_at, harvest.occurred_ms)
            thresholds = state.thresholds_at(harvest.occurred_ms, harvest.rank)
            for use in harvest.applications:
                taken = harvest.after(use)
                if taken is None:
                    continue
                found = _judged(use, taken, waits_at, thresholds)
                known = worst.get(use.seq)
                if known is None or _rank(found) < _rank(known):
                    worst[use.seq] = found
    return sorted(worst.values(), key=lambda found: (_rank(found), -found.use.occurred_ms))


def use_of(found: FoundUse, entry: Proved) -> Use:
    """The line of one use, from the record that proves it; the name of the product is sealed and not told."""
    details: Mapping[str, Any] = entry.statement.get("details", {})
    used_on = beijing_date(min(found.use.last_ms, found.harvest.occurred_ms))
    is_example = found.interval is not None and not found.interval.verified
    actives = [str(active) for active in details.get("active_substances", ())]
    name = (
        joined([name_said(active) for active in actives])
        if actives
        else choice_said(words.INPUT_TYPE, details["input_type"])
    )
    return Use(
        entry.seq + 1,
        details["input_type"],
        name,
        used_on.isoformat(),
        found.standing,
        is_example,
        _sentence(found, name, used_on, is_example=is_example),
    )


def _judged(
    use: ApplicationFact, harvest: HarvestFact, waits_at: WaitsAt, thresholds: Thresholds
) -> FoundUse:
    alone = replace(harvest, applications=(use,))
    raised = waiting_warnings(alone, waits_at, thresholds)
    waits = waits_at(max(harvest.rank, use.rank))
    is_pesticide = use.input_type == "pesticide"
    interval = decisive_interval(use, harvest.crop, waits.intervals) if is_pesticide else None
    if raised:
        standing = _STANDINGS[raised[0].code]
    elif is_pesticide:
        standing = "kept" if interval is not None else "unlisted"
    elif use.input_type == "veterinary":
        is_listed = find_withdrawal(use, harvest.crop, waits.withdrawals) is not None
        standing = "kept" if is_listed or use.withdrawal_days is not None else "unlisted"
    else:
        standing = "none"
    return FoundUse(use, harvest, interval, standing)


def _rank(found: FoundUse) -> int:
    return _WORST_FIRST.index(found.standing)


def _sentence(found: FoundUse, name: Said, used_on: date, *, is_example: bool) -> Said:
    harvested_on = beijing_date(found.harvest.occurred_ms)
    names: dict[str, object] = {
        "name": name,
        "used": day_said(used_on),
        "gap": (harvested_on - used_on).days,
        "example": example_mark(is_example=is_example),
    }
    if found.interval is not None:
        clear = first_clear_day(used_on, found.interval.days)
        by_label = not found.interval.edition
        group = label_mark() if by_label else group_mark(find_group(found.interval, found.harvest.crop))
        names |= {"days": found.interval.days, "clear": day_said(clear), "group": group}
        return said(f"use-interval-{found.standing}", **names)
    return said(f"use-{found.standing}", **names)
