"""The rules of warning: facts about one batch -> the warnings they cause.

Pure: no store, no clock. What the date causes (expired, overdue, a certificate run out) is in `heji_trace.judging.dated`, asked
when somebody reads; everything else is stored when the entry that causes it is recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from heji_trace.judging.intervals import Interval, find_group, find_interval, first_clear_day
from heji_trace.vocabulary.times import beijing_date

DAY_MS = 86_400_000
HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Level:
    """How loud a warning is: for consumers and for regulators `red`, `orange`, `yellow`, `blue` or `none`."""

    consumer: str
    regulator: str


LEVELS: Mapping[str, Level] = MappingProxyType(
    {
        "TAMPERED": Level("red", "red"),
        "RECALLED": Level("red", "red"),
        "TEST_FAILED": Level("red", "red"),
        "INGREDIENT_FAILED": Level("red", "red"),
        "USE_BY_PASSED": Level("red", "red"),
        "ON_HOLD": Level("orange", "orange"),
        "RAPID_POSITIVE": Level("orange", "orange"),
        "PHI_VIOLATION": Level("orange", "orange"),
        "VET_WITHDRAWAL": Level("orange", "orange"),
        "BEST_BEFORE_PASSED": Level("orange", "orange"),
        "CERT_FALSE": Level("orange", "orange"),
        "COLD_CHAIN_SEVERE": Level("orange", "orange"),
        "ORIGIN_RISK": Level("orange", "orange"),
        "NEAR_EXPIRY": Level("yellow", "yellow"),
        "COLD_CHAIN_BREACH": Level("yellow", "yellow"),
        "NO_TEST": Level("yellow", "yellow"),
        "MIXED_LOT_UNCERTIFIED": Level("yellow", "yellow"),
        "NO_CERTIFICATE_OF_CONFORMITY": Level("yellow", "yellow"),
        "CERT_EXPIRED": Level("yellow", "yellow"),
        "CERT_UNVERIFIED": Level("yellow", "yellow"),
        "CHAIN_BROKEN": Level("yellow", "orange"),
        "TEST_OVERDUE": Level("yellow", "yellow"),
        "TEST_PENDING": Level("blue", "blue"),
        "PHI_UNPROVEN": Level("blue", "yellow"),
        "LATE_RECORD": Level("blue", "blue"),
        "COLD_CHAIN_GAP": Level("blue", "blue"),
        "TEST_SCOPE_GAP": Level("blue", "blue"),
        "MASS_BALANCE": Level("none", "red"),
        "OVER_CONSUMPTION": Level("none", "orange"),
        "HELD_MOVED": Level("none", "orange"),
        "UNDER_REVIEW": Level("none", "orange"),
        "RETURN_UNGIVEN": Level("none", "orange"),
        "COUNT_ABOVE": Level("none", "orange"),
        "OTHER_COMMODITY": Level("none", "orange"),
        "FRESHER_THAN_SOURCE": Level("none", "orange"),
        "COUNT_BELOW": Level("none", "yellow"),
        "INSTRUMENT_DUE": Level("none", "yellow"),
    }
)
LOUDNESS = ("none", "blue", "yellow", "orange", "red")

# What a batch made from the one concerned is warned about; its own tests and holds stay its own.
INHERITED: Mapping[str, str] = MappingProxyType(
    {
        "TEST_FAILED": "INGREDIENT_FAILED",
        "INGREDIENT_FAILED": "INGREDIENT_FAILED",
        "ON_HOLD": "ON_HOLD",
        "RAPID_POSITIVE": "RAPID_POSITIVE",
        "PHI_VIOLATION": "PHI_VIOLATION",
        "PHI_UNPROVEN": "PHI_UNPROVEN",
        "VET_WITHDRAWAL": "VET_WITHDRAWAL",
        "CHAIN_BROKEN": "CHAIN_BROKEN",
        "COLD_CHAIN_SEVERE": "COLD_CHAIN_SEVERE",
        "COLD_CHAIN_BREACH": "COLD_CHAIN_BREACH",
        "ORIGIN_RISK": "ORIGIN_RISK",
    }
)

# Conclusions against the goods, those by which a final formal result decides, and steps after which nothing was found.
_UNFAVOURABLE = frozenset({"positive", "nonconforming", "suspicious"})
_SETTLING = frozenset({"conforming", "negative", "nonconforming"})
_VOID = frozenset({"invalid", "cancelled", "superseded"})

# Warnings that tell how much somebody had, counted, used or made.
COUNTED = frozenset({"MASS_BALANCE", "OVER_CONSUMPTION", "RETURN_UNGIVEN", "COUNT_ABOVE", "COUNT_BELOW"})

# While one of these lives, goods stay where they are and no labels are issued.
STOPPING = frozenset({"RECALLED", "ON_HOLD", "RAPID_POSITIVE", "TEST_FAILED", "INGREDIENT_FAILED"})


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Numbers that an edition of the table `thresholds` may change from its recording on."""

    late_record_hours: int = 72
    balance_tolerance_percent: int = 3
    test_result_hours: int = 24
    near_expiry_days: int = 2
    plot_sample_days: int = 14
    cold_tolerance_minutes: int = 30
    cold_margin_degrees: int = 5
    cold_gap_minutes: int = 60


@dataclass(frozen=True, slots=True)
class Raised:
    """A warning and the entry that causes it; `data` holds what its sentence names."""

    code: str
    cause_seq: int
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HoldFact:
    """A hold that is not released."""

    seq: int
    organisation: str


@dataclass(frozen=True, slots=True)
class TestFact:
    """One step of the testing of one sample; `rank` is its place among them, which a correction does not change.

    `official` says that it is called an official sample, `may_answer` that it was drawn as such, or to decide a dispute, and
    not by whoever has the goods.
    """

    __test__ = False

    seq: int
    rank: int
    sample: str
    method_class: str
    conclusion: str
    status: str
    released: bool
    laboratory: str = ""
    official: bool = False
    may_answer: bool = False


@dataclass(frozen=True, slots=True)
class ApplicationFact:
    """One use of an input on a cycle, with the waiting time that applies to each of its active substances."""

    seq: int
    rank: int
    input_type: str
    name: str
    actives: tuple[str, ...]
    formulation: str
    withdrawal_days: int | None
    occurred_ms: int
    recorded_ms: int
    ended_ms: int | None = None

    @property
    def last_ms(self) -> int:
        """The last use: a course of several days ends when it ends."""
        return self.occurred_ms if self.ended_ms is None else self.ended_ms


@dataclass(frozen=True, slots=True)
class HarvestFact:
    """A harvest of the batch from one cycle, and what was used on that cycle."""

    seq: int
    rank: int
    crop: str
    occurred_ms: int
    recorded_ms: int
    applications: tuple[ApplicationFact, ...]


@dataclass(frozen=True, slots=True)
class ScopeFact:
    """The batch's place in an open recall: `frozen`, `later` or `upstream`."""

    seq: int
    recall: str
    standing: str


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the stored warnings of one batch rest on."""

    unknown_origin_seq: int | None = None
    holds: Sequence[HoldFact] = ()
    tests: Sequence[TestFact] = ()
    harvests: Sequence[HarvestFact] = ()
    scopes: Sequence[ScopeFact] = ()
    findings: Sequence[Raised] = ()


@dataclass(frozen=True, slots=True)
class Waits:
    """The tables of waiting times by which uses before a harvest are judged."""

    intervals: Sequence[Interval] = ()
    withdrawals: Sequence[Interval] = ()


# By the place of an entry in the ledger, the tables that were known when it was recorded: none judges it afterwards.
WaitsAt = Callable[[int], Waits]


def stored_warnings(facts: Facts, waits_at: WaitsAt, thresholds: Thresholds) -> list[Raised]:
    """The warnings that a batch's own facts cause, in the order of the rules."""
    raised = list(facts.findings)
    if facts.unknown_origin_seq is not None:
        raised.append(Raised("CHAIN_BROKEN", facts.unknown_origin_seq, {"gap": "origin"}))
    raised += [Raised("ON_HOLD", hold.seq, {"by": hold.organisation}) for hold in facts.holds]
    raised += _scope_warnings(facts.scopes)
    raised += _test_warnings(facts.tests)
    for harvest in facts.harvests:
        raised += waiting_warnings(harvest, waits_at, thresholds)
    return raised


def _scope_warnings(scopes: Sequence[ScopeFact]) -> list[Raised]:
    codes = {"frozen": "RECALLED", "later": "ON_HOLD", "upstream": "UNDER_REVIEW"}
    return [Raised(codes[scope.standing], scope.seq, {"recall": scope.recall}) for scope in scopes]


def _test_warnings(tests: Sequence[TestFact]) -> list[Raised]:
    """Judge each sample by its newest step, and by what a later sample of the same batch settles."""
    newest: dict[str, TestFact] = {}
    for test in sorted(tests, key=lambda test: test.rank):
        newest[test.sample] = _as_it_stands(test, newest.get(test.sample))
    formal = [
        test
        for test in newest.values()
        if test.method_class == "formal" and test.status == "final" and test.conclusion in _SETTLING
    ]
    raised = [
        Raised("TEST_FAILED", test.seq, {"sample": test.sample})
        for test in formal
        if test.conclusion == "nonconforming" and test.released
    ]
    raised += [
        Raised("ON_HOLD", test.seq, {"sample": test.sample})
        for test in formal
        if test.conclusion == "nonconforming" and not test.released
    ]
    for test in newest.values():
        if not _is_unresolved(test) or any(settles(later, test) for later in formal):
            continue
        # Before the in-house repeats are reviewed the public sees only that the sale is paused.
        repeated = test.status in ("reviewed", "final") and test.released
        code = "RAPID_POSITIVE" if repeated and _is_screening(test) else "ON_HOLD"
        raised.append(Raised(code, test.seq, {"sample": test.sample}))
    return raised


def settles(later: TestFact, found: TestFact) -> bool:
    """Whether a final formal result decides what was found against the goods in another sample.

    A screening yields to any; what an official sample or a laboratory's own analysis shows yields only to an official
    sample or a retest, by another laboratory: else who has the goods could send in samples until one conforms.
    """
    if later.rank <= found.rank or not later.released:
        return False
    if not found.official and found.method_class != "formal":
        return True
    return later.may_answer and later.laboratory != found.laboratory


def _as_it_stands(step: TestFact, before: TestFact | None) -> TestFact:
    """A step that finds nothing, such as the order of a retest or a spoilt run, leaves what was found before it open."""
    if before is not None and before.released and not step.released and before.conclusion in _UNFAVOURABLE:
        # What the authority made public stands until it makes something else public.
        return before
    if before is None or step.conclusion not in ("", "invalid") or step.status in _VOID:
        return step
    return replace(before, status=step.status, released=step.released)


def _is_screening(test: TestFact) -> bool:
    """Whether a screening found it; a producer's own check that calls goods nonconforming may be of any method."""
    return test.method_class == "rapid" or (
        test.method_class == "self_check" and test.conclusion != "nonconforming"
    )


def _is_unresolved(test: TestFact) -> bool:
    """Whether something was found against the goods that no final formal result has decided."""
    is_decided = test.method_class == "formal" and test.status == "final" and test.conclusion in _SETTLING
    return test.conclusion in _UNFAVOURABLE and test.status not in _VOID and not is_decided


def waiting_warnings(harvest: HarvestFact, waits_at: WaitsAt, thresholds: Thresholds) -> list[Raised]:
    """What the inputs used before a harvest cause: an interval or a withdrawal period that had not passed.

    Judged on the claimed times; where those hold but the use was recorded after the harvest or late, the interval is
    unproven, because a date can be written back.
    """
    raised = []
    for use in harvest.applications:
        if use.occurred_ms > harvest.occurred_ms:
            continue
        waits = waits_at(max(harvest.rank, use.rank))
        if use.input_type == "veterinary":
            raised += _withdrawal_warnings(harvest, use, waits.withdrawals)
        elif use.input_type == "pesticide":
            raised += _interval_warnings(harvest, use, waits.intervals, thresholds)
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
