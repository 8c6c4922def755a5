"""What the warnings of one batch rest on, as plain facts without a store or a clock, and the numbers they are judged by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

DAY_MS = 86_400_000
HOUR_MS = 3_600_000


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
    """A harvest of the batch from one cycle, over some days perhaps, and what was used on that cycle."""

    seq: int
    rank: int
    crop: str
    occurred_ms: int
    recorded_ms: int
    applications: tuple[ApplicationFact, ...]
    ended_ms: int | None = None

    @property
    def last_ms(self) -> int:
        """When the last goods were taken."""
        return self.occurred_ms if self.ended_ms is None else self.ended_ms

    def after(self, use: ApplicationFact) -> HarvestFact | None:
        """The harvest as far as it lay behind a use: from then on where it went on already; None where it was over."""
        if use.occurred_ms > self.last_ms:
            return None
        return self if use.occurred_ms <= self.occurred_ms else replace(self, occurred_ms=use.occurred_ms)


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
