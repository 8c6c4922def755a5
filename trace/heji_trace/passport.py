"""The passport of a batch: what a consumer sees behind a trace code.

Every fact is read from a record that is proved in the same breath; where one cannot be, nothing else is told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, select

from heji_trace.certificates import CertificateShown, certificate_of, concerned
from heji_trace.dated import CertificateFact, DatedFacts, best_before_of, dated_warnings, is_policy_met
from heji_trace.evidence import Evidence, Proved, Trust, bundle_of, prove
from heji_trace.journey import Step, Way, steps_of, way_of
from heji_trace.kinds import words
from heji_trace.notices import (
    Notice,
    StoredWarning,
    dated_notice,
    notice_of,
    sorted_notices,
    stored_notices,
)
from heji_trace.proof import Bundle
from heji_trace.registry import Registry, choice_said
from heji_trace.results import (
    FAVOURABLE,
    ResultShown,
    SampleRows,
    awaited_facts,
    edition_said,
    is_tested,
    limit_editions,
    replaced_seqs,
    result_of,
    sample_rows,
    shown_rows,
)
from heji_trace.rules import Raised
from heji_trace.state import Row, State
from heji_trace.tables import labels
from heji_trace.times import beijing_date
from heji_trace.trail import Trail, coverage_of, trail_of
from heji_trace.uses import Use, found_uses, use_of
from heji_trace.verdict import Tested, Verdict, judge_code, judge_warnings
from heji_trace.wording import Said, same, said


@dataclass(frozen=True, slots=True)
class Product:
    """What is sold."""

    name: Said
    commodity: str
    net_content: str | None
    pack: str | None
    standard: str | None
    gtin: str | None
    storage: str | None
    test_policy: Said
    batch_number: str
    made_on: str
    best_before: str | None
    use_by: str | None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where it comes from and who answers for it; `unknown` counts sources without a record."""

    producers: tuple[Said, ...]
    maker: Said
    region: Said | None
    sites: tuple[Said, ...]
    unknown: int


@dataclass(frozen=True, slots=True)
class Tests:
    """The results that the public may see, and how far the sources of a mixture are tested."""

    __test__ = False

    results: tuple[ResultShown, ...]
    sources: Said | None


@dataclass(frozen=True, slots=True)
class Label:
    """The run of labels that carries the code."""

    entry: int
    issued_on: str
    issuer: Said


@dataclass(frozen=True, slots=True)
class Integrity:
    """The mark: which entries (seq + 1) were proved against the signed ledger of `size`, and which are not whole."""

    whole: bool
    size: int
    entries: tuple[int, ...]
    broken: tuple[int, ...]
    sentence: Said


@dataclass(frozen=True, slots=True)
class Passport:
    """Everything a page shows; `standing` is "bound", "unknown", "void" or "unbound"."""

    trace_code: str
    standing: str
    verdict: Verdict
    as_of: str
    demonstration: bool
    batch: str | None = None
    product: Product | None = None
    origin: Origin | None = None
    journey: tuple[Step, ...] = ()
    tests: Tests | None = None
    uses: tuple[Use, ...] = ()
    certificates: tuple[CertificateShown, ...] = ()
    live: tuple[Notice, ...] = ()
    lifted: tuple[Notice, ...] = ()
    label: Label | None = None
    integrity: Integrity | None = None


@dataclass(frozen=True, slots=True)
class View:
    """Who looks and when: the moment, what the service trusts, and whether the ledger is a demonstration."""

    now_ms: int
    trust: Trust
    demonstration: bool

    @property
    def today(self) -> date:
        """The day in Beijing, by which expiry is judged."""
        return beijing_date(self.now_ms)


@dataclass(frozen=True, slots=True)
class Found:
    """What stands in the read tables about a batch, and the entries that it rests on.

    `cited` may be shown to anybody; `checked` are proved too, but hold what is not public.
    """

    trail: Trail
    way: Way
    samples: Sequence[SampleRows]
    stored: Sequence[StoredWarning]
    registry: Registry
    certificates: Sequence[str]
    holders: frozenset[str]
    uses: Sequence[Any]
    cited: frozenset[int]
    checked: frozenset[int]


def find_label(connection: Connection, code: str) -> Row | None:
    """The run of labels with this trace code or telephone code, withdrawn ones included."""
    column = labels.c.phone_code if code.isdecimal() and len(code) == 10 else labels.c.trace_code
    row = connection.execute(select(labels).where(column == code)).mappings().first()
    return None if row is None else dict(row)


def standing_of(label: Row | None) -> str:
    """What a code leads to: "bound", "unknown", "void" or "unbound"."""
    if label is None:
        return "unknown"
    if label["withdrawn_seq"] is not None:
        return "void"
    return "bound" if label["batch"] else "unbound"


def passport_of(connection: Connection, trace_code: str, view: View) -> Passport:
    """The passport behind a trace code (as made, without groups), for codes that lead nowhere too."""
    label = find_label(connection, trace_code)
    standing = standing_of(label)
    if label is None or standing != "bound":
        return _without_batch(trace_code, standing, view)
    state = State(connection)
    found = find(state, label["batch"], label["seq"])
    evidence = prove(connection, found.cited | found.checked, view.trust)
    found.registry.open(evidence.entries)
    if evidence.faults:
        return _tampered(trace_code, found, evidence, view)
    return _whole(state, trace_code, label, found, evidence, view)


def proof_of(connection: Connection, trace_code: str, trust: Trust) -> Bundle | None:
    """The receipt of every entry that the page cites, nothing sealed disclosed; None where the code leads nowhere."""
    label = find_label(connection, trace_code)
    if label is None or standing_of(label) != "bound":
        return None
    found = find(State(connection), label["batch"], label["seq"])
    return bundle_of(connection, found.cited, trust)


def version_of(trail: Trail) -> tuple[tuple[str, ...], int]:
    """The batches on which a page rests, and the newest entry that concerned any of them."""
    return tuple(trail.rows), max(row["version"] for row in trail.rows.values())


def dump_passport(passport: Passport) -> dict[str, Any]:
    """The passport as the JSON document of its panels."""
    document = asdict(passport)
    document["warnings"] = {"live": document.pop("live"), "lifted": document.pop("lifted")}
    return document


def find(state: State, batch: str, label_seq: int | None = None) -> Found:
    """Collect from the read tables what the page of a batch rests on."""
    registry = Registry(state.connection)
    trail = trail_of(state, batch)
    way = way_of(state, trail, registry)
    samples = sample_rows(state, trail.base)
    stored = stored_notices(state, batch)
    uses = found_uses(state, list(trail.rows))
    public_tests = {row["seq"] for each in samples for row in each.public}
    numbers, holders = _look_up(state, trail, registry)
    causes = {each.row["cause_seq"] for each in stored}
    cited = way.cited | public_tests | {each.use.seq for each in uses} | set(registry.seqs())
    cited |= {trail.row["made_seq"], *_public_causes(state, causes, public_tests)}
    cited |= {label_seq} if label_seq is not None else set()
    lifts = {each.row["lifted_seq"] for each in stored} - {None}
    return Found(
        trail, way, samples, stored, registry, numbers, holders, uses, frozenset(cited), frozenset(causes | lifts)
    )
