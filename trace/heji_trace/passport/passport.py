"""The passport of a batch: what a consumer sees behind a trace code.

Every fact is told from a record that is proved in the same breath; where one cannot be proved, nothing but that and
the stored warnings is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection

from heji_trace.dossier.certificates import CertificateShown, certificate_of, concerned, handed_on
from heji_trace.dossier.results import FAVOURABLE, ResultShown, edition_said
from heji_trace.dossier.uses import MOST_TOLD, Use, use_of
from heji_trace.judging.dated import dated_warnings, is_policy_met
from heji_trace.judging.facts import Raised
from heji_trace.judging.verdict import Passed, Verdict, judge_code, judge_warnings
from heji_trace.known.state import State
from heji_trace.ledger.evidence import Evidence, Trust, bundle_of, prove
from heji_trace.passport.journey import Step, steps_of
from heji_trace.passport.panels import (
    Integrity,
    Label,
    Origin,
    Product,
    Results,
    integrity_of,
    label_of,
    origin_of,
    product_of,
    results_of,
)
from heji_trace.passport.passport_rows import Found, find_label, find_rows, standing_of
from heji_trace.proving.proof import Bundle
from heji_trace.vocabulary.times import beijing_date
from heji_trace.warnings.notices import Notice, dated_notice, notice_of, sorted_notices
from heji_trace.warnings.present import absences, dated_facts


@dataclass(frozen=True, slots=True)
class View:
    """Who looks and when: the moment, what the service trusts, and whether the ledger is a demonstration."""

    now_ms: int
    trust: Trust
    demonstration: bool = False

    @property
    def today(self) -> date:
        """The day in Beijing, by which expiry is judged."""
        return beijing_date(self.now_ms)


@dataclass(frozen=True, slots=True)
class Passport:
    """Everything that a page shows; `standing` is "bound", "unknown", "void" or "unbound".

    `rests_on` are the batch and all that it was made from, for whoever keeps a page.
    """

    trace_code: str
    standing: str
    verdict: Verdict
    as_of: str
    demonstration: bool
    batch: str | None = None
    product: Product | None = None
    origin: Origin | None = None
    journey: tuple[Step, ...] = ()
    tests: Results | None = None
    uses: tuple[Use, ...] = ()
    further_uses: int = 0
    certificates: tuple[CertificateShown, ...] = ()
    live: tuple[Notice, ...] = ()
    lifted: tuple[Notice, ...] = ()
    label: Label | None = None
    integrity: Integrity | None = None
    rests_on: tuple[str, ...] = ()


def passport_of(connection: Connection, trace_code: str, view: View) -> Passport:
    """The passport behind a trace code (as made, without groups), for codes that lead nowhere too."""
    label = find_label(connection, trace_code)
    standing = standing_of(label)
    if label is None or standing != "bound":
        day = view.today.isoformat()
        return Passport(trace_code, standing, judge_code(standing), day, view.demonstration)
    state = State(connection)
    found = find_rows(state, label)
    evidence = prove(connection, found.cited | found.checked, view.trust)
    found.registry.open(evidence.entries)
    if evidence.faults:
        return _tampered(trace_code, found, evidence, view)
    return _whole(state, trace_code, found, evidence, view)


def proof_of(connection: Connection, trace_code: str, trust: Trust) -> Bundle | None:
    """The receipt of every entry that the page cites, nothing sealed disclosed; None where the code leads nowhere."""
    label = find_label(connection, trace_code)
    if label is None or standing_of(label) != "bound":
        return None
    return bundle_of(connection, find_rows(State(connection), label).cited, trust)


def dump_passport(passport: Passport) -> dict[str, Any]:
    """The passport as the JSON document of its panels."""
    document = asdict(passport)
    del document["rests_on"]
    document["warnings"] = {"live": document.pop("live"), "lifted": document.pop("lifted")}
    return document


def _whole(state: State, trace_code: str, found: Found, evidence: Evidence, view: View) -> Passport:
    tests = results_of(state, found, evidence, demonstration=view.demonstration)
    product = found.registry.facts("product", found.trail.row["product"])
    if found.certificates:
        state.lines.load("batch", handed_on(found.trail.ancestry))
    certificates = concerned(
        state, found.trail, found.registry.certificates(found.certificates), found.holders
    )
    facts = dated_facts(found.trail, found.samples, product, [fact for fact, _ in certificates])
    thresholds = state.thresholds_at(view.now_ms)
    raised = dated_warnings(facts, view.today, view.now_ms, thresholds)
    raised += absences(state, found.trail, thresholds)
    live, lifted = _notices(found, evidence, raised, view)
    verdict = judge_warnings(
        [(notice.code, notice.sentence) for notice in live], _tested(tests, facts.test_policy)
    )
    return Passport(
        trace_code,
        "bound",
        verdict,
        view.today.isoformat(),
        view.demonstration,
        batch=found.trail.batch,
        product=product_of(found, facts),
        origin=origin_of(found, evidence),
        journey=steps_of(
            found.way, evidence.entries, found.registry, found.firsts, thresholds.late_record_hours
        ),
        tests=tests,
        uses=tuple(use_of(each, evidence.entries[each.use.seq]) for each in found.uses[:MOST_TOLD]),
        further_uses=max(0, len(found.uses) - MOST_TOLD),
        certificates=tuple(
            certificate_of(fact, registered, facts.made_on, found.registry)
            for fact, registered in certificates
        ),
        live=live,
        lifted=lifted,
        label=label_of(found, evidence),
        integrity=integrity_of(found, evidence),
        rests_on=tuple(found.trail.rows),
    )


def _tampered(trace_code: str, found: Found, evidence: Evidence, view: View) -> Passport:
    first = min(fault.seq for fault in evidence.faults)
    raised = [Raised("TAMPERED", first, {"entry": first + 1})]
    live, lifted = _notices(found, evidence, raised, view)
    return Passport(
        trace_code,
        "bound",
        judge_warnings([(notice.code, notice.sentence) for notice in live], Passed()),
        view.today.isoformat(),
        view.demonstration,
        batch=found.trail.batch,
        live=live,
        lifted=lifted,
        integrity=integrity_of(found, evidence),
        rests_on=tuple(found.trail.rows),
    )


def _notices(
    found: Found, evidence: Evidence, raised: Sequence[Raised], view: View
) -> tuple[tuple[Notice, ...], tuple[Notice, ...]]:
    """The live and the lifted ones."""
    notices = [
        notice_of(each, evidence.entries, found.registry, public=each.row["cause_seq"] in found.cited)
        for each in found.stored
    ]
    notices += [dated_notice(each, evidence.entries, view.today.isoformat()) for each in raised]
    return (
        sorted_notices(notice for notice in notices if notice.lifted is None),
        sorted_notices(notice for notice in notices if notice.lifted is not None),
    )


def _tested(tests: Results, policy: str) -> Passed:
    """What the favourable results that still count say together."""
    favourable = [
        result for result in tests.results if not result.replaced and result.conclusion in FAVOURABLE
    ]
    final = [result for result in favourable if result.method_class == "formal" and result.status == "final"]
    readings = [reading for result in final for reading in result.readings]
    conforming = [reading for reading in readings if reading.is_conforming]
    # A report that concludes well over a value beyond its limit contradicts itself: nothing is counted from it.
    if any(reading.is_beyond for reading in readings):
        conforming = []
    return Passed(
        len(conforming),
        edition_said(conforming) if conforming else None,
        _otherwise(favourable, has_awaited=bool(tests.awaited)),
        is_policy_met(policy, {result.method_class for result in favourable}),
    )


def _otherwise(favourable: Sequence[ResultShown], *, has_awaited: bool) -> str:
    classes = {result.method_class for result in favourable}
    if "formal" in classes:
        return "laboratory"
    rapid = [result for result in favourable if result.method_class == "rapid"]
    if rapid:
        return "reference" if all(result.reference_only for result in rapid) else "rapid"
    if "self_check" in classes:
        return "self_check"
    return "awaited" if has_awaited else ""
