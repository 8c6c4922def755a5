"""The rules of warning: facts about one batch -> the warnings they cause.

Pure: no store, no clock. What the date causes (expired, overdue, a certificate run out) is in `heji_trace.judging.dated`, asked
when somebody reads; everything else is stored when the entry that causes it is recorded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from heji_trace.judging.facts import Facts, Raised, ScopeFact, TestFact, Thresholds
from heji_trace.judging.waits import WaitsAt, waiting_warnings

# Conclusions against the goods, those by which a final formal result decides, and steps after which nothing was found.
_UNFAVOURABLE = frozenset({"positive", "nonconforming", "suspicious"})
_SETTLING = frozenset({"conforming", "negative", "nonconforming"})
_VOID = frozenset({"invalid", "cancelled", "superseded"})


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
