"""Warnings that the date or an absence causes, computed when somebody reads.

They are never stored: rebuilt tables would otherwise depend on the day of the rebuilding.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from heji_trace.judging.facts import HOUR_MS, Raised, Thresholds
from heji_trace.vocabulary.times import beijing_date


@dataclass(frozen=True, slots=True)
class CertificateFact:
    """A certificate that could stand behind a claim; `checked_on` is None where nobody looked it up."""

    seq: int
    scheme: str
    number: str
    valid_from: date
    valid_to: date | None
    checked_on: date | None

    def is_valid_on(self, day: date) -> bool:
        """Whether its period holds the day."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


@dataclass(frozen=True, slots=True)
class AwaitedFact:
    """A sample that was received and has no result that the public may see.

    `is_promised` says that its laboratory has promised results within so many hours: others are not late by that.
    """

    seq: int
    sample: str
    received_ms: int
    is_promised: bool = True


@dataclass(frozen=True, slots=True)
class DatedFacts:
    """What the dated warnings of one batch rest on; `seq` is the entry that made it.

    `results` are the classes ("rapid", "formal", "self_check") of the results that the public may see.
    """

    seq: int
    made_on: date
    use_by: date | None = None
    best_before: date | None = None
    shelf_life_days: int | None = None
    test_policy: str = "none"
    results: Collection[str] = ()
    awaited: Sequence[AwaitedFact] = ()
    claims: Sequence[str] = ()
    certificates: Sequence[CertificateFact] = ()


def dated_warnings(facts: DatedFacts, today: date, now_ms: int, thresholds: Thresholds) -> list[Raised]:
    """What the batch is warned about on the Beijing day `today`."""
    return [
        *_expiry(facts, today, thresholds),
        *_absence(facts),
        *_waiting(facts.awaited, now_ms, thresholds),
        *(raised for scheme in dict.fromkeys(facts.claims) for raised in _claim(facts, scheme)),
    ]


def shelf_facts(row: Mapping[str, Any], product: Mapping[str, Any]) -> DatedFacts:
    """What the expiry of a batch rests on, of its row and the registered facts of its product."""
    return DatedFacts(
        row["made_seq"],
        beijing_date(row["made_ms"]),
        _day(row["use_by"]),
        _day(row["best_before"]),
        product.get("shelf_life_days"),
    )


def passed(facts: DatedFacts, today: date) -> Raised | None:
    """The warning that a day of the batch is over on `today`: the sharper one, as use-by is about safety."""
    best_before = best_before_told(facts)
    if facts.use_by is not None and today > facts.use_by:
        return Raised("USE_BY_PASSED", facts.seq, _about("expiry", facts.use_by))
    if best_before is not None and today > best_before:
        return Raised("BEST_BEFORE_PASSED", facts.seq, _about("expiry", best_before))
    return None


def is_policy_met(policy: str, results: Collection[str]) -> bool:
    """Whether results of these classes satisfy a product's test policy ("none", "rapid", "laboratory")."""
    if policy == "laboratory":
        return "formal" in results
    return policy == "none" or bool(results)


def best_before_of(facts: DatedFacts) -> date | None:
    """The best-before day: as stated, else by the product's shelf life from the day the batch was made."""
    if facts.best_before is not None or facts.shelf_life_days is None:
        return facts.best_before
    return facts.made_on + timedelta(days=facts.shelf_life_days)


def best_before_told(facts: DatedFacts) -> date | None:
    """The best-before day to tell: where a use-by day alone is stated, the shelf life says nothing beside it."""
    return None if facts.use_by is not None and facts.best_before is None else best_before_of(facts)


def _expiry(facts: DatedFacts, today: date, thresholds: Thresholds) -> list[Raised]:
    over = passed(facts, today)
    if over is not None:
        return [over]
    best_before = best_before_told(facts)
    nearest = min((day for day in (facts.use_by, best_before) if day is not None), default=None)
    if nearest is not None and (nearest - today).days <= thresholds.near_expiry_days:
        data = {"days": (nearest - today).days}
        return [Raised("NEAR_EXPIRY", facts.seq, _about("expiry", nearest) | data)]
    return []


def _absence(facts: DatedFacts) -> list[Raised]:
    if is_policy_met(facts.test_policy, facts.results):
        return []
    return [Raised("NO_TEST", facts.seq, _about("made", facts.made_on) | {"policy": facts.test_policy})]


def _waiting(awaited: Sequence[AwaitedFact], now_ms: int, thresholds: Thresholds) -> list[Raised]:
    raised = []
    for sample in awaited:
        hours = (now_ms - sample.received_ms) // HOUR_MS
        is_late = now_ms - sample.received_ms > thresholds.test_result_hours * HOUR_MS
        is_overdue = sample.is_promised and is_late
        data = _about("received", beijing_date(sample.received_ms))
        data |= {"sample": sample.sample, "hours": thresholds.test_result_hours, "waited": hours}
        raised.append(Raised("TEST_OVERDUE" if is_overdue else "TEST_PENDING", sample.seq, data))
    return raised


def _claim(facts: DatedFacts, scheme: str) -> list[Raised]:
    """A badge stands on a certificate that was valid on the day of production and that somebody looked up."""
    held = [each for each in facts.certificates if each.scheme == scheme]
    if not held:
        return [Raised("CERT_FALSE", facts.seq, _about("made", facts.made_on) | {"scheme": scheme})]
    valid = [each for each in held if each.is_valid_on(facts.made_on)]
    if any(each.checked_on is not None for each in valid):
        return []
    newest = max(valid or held, key=lambda each: each.seq)
    data: dict[str, Any] = {"scheme": scheme, "number": newest.number}
    if valid:
        return [Raised("CERT_UNVERIFIED", newest.seq, _about("made", facts.made_on) | data)]
    if newest.valid_to is not None and newest.valid_to < facts.made_on:
        return [Raised("CERT_EXPIRED", newest.seq, _about("certificate-end", newest.valid_to) | data)]
    return [Raised("CERT_EXPIRED", newest.seq, _about("certificate-start", newest.valid_from) | data)]


def _about(what: str, day: date) -> dict[str, Any]:
    """The day that a warning is about, and what it is: the day of reading says nothing of the fact."""
    return {"about": what, "date": day.isoformat()}


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
