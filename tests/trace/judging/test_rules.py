from __future__ import annotations

from dataclasses import replace

import pytest

from heji_trace.judging.facts import Facts, HoldFact, Raised, ScopeFact, TestFact, Thresholds
from heji_trace.judging.rules import stored_warnings
from heji_trace.judging.waits import Waits

RAPID = TestFact(7, 7, "S1", "rapid", "positive", "reviewed", released=True)
FORMAL = TestFact(9, 9, "S2", "formal", "conforming", "final", released=True)


def warnings_of(facts: Facts) -> list[Raised]:
    return stored_warnings(facts, lambda _: Waits(), Thresholds())


def codes_of(facts: Facts) -> list[str]:
    return [raised.code for raised in warnings_of(facts)]


def test_a_batch_without_facts_has_no_warnings() -> None:
    assert warnings_of(Facts()) == []


def test_a_hold_warns_until_it_is_released() -> None:
    assert warnings_of(Facts(holds=[HoldFact(4, "fg-lab")])) == [Raised("ON_HOLD", 4, {"by": "fg-lab"})]


@pytest.mark.parametrize(
    ("standing", "code"), [("frozen", "RECALLED"), ("later", "ON_HOLD"), ("upstream", "UNDER_REVIEW")]
)
def test_the_place_in_a_recall_decides_its_warning(standing: str, code: str) -> None:
    assert codes_of(Facts(scopes=[ScopeFact(4, "recall-id", standing)])) == [code]


def test_a_reviewed_positive_screening_is_a_pause_and_never_a_failure() -> None:
    assert codes_of(Facts(tests=[RAPID])) == ["RAPID_POSITIVE"]


def test_before_its_review_a_positive_screening_shows_only_as_a_hold() -> None:
    assert codes_of(Facts(tests=[replace(RAPID, status="preliminary")])) == ["ON_HOLD"]


def test_a_screening_repeated_negative_warns_no_more() -> None:
    assert codes_of(Facts(tests=[RAPID, replace(RAPID, seq=8, rank=8, conclusion="negative")])) == []


@pytest.mark.parametrize("status", ["registered", "in_progress", "retest", "disputed"])
def test_what_was_found_stays_open_while_it_is_only_being_tested_again(status: str) -> None:
    again = TestFact(12, 12, "S1", "rapid", "", status, released=True)
    assert warnings_of(Facts(tests=[RAPID, again])) == [Raised("ON_HOLD", 7, {"sample": "S1"})]
    failed = replace(FORMAL, sample="S1", conclusion="nonconforming")
    assert warnings_of(Facts(tests=[failed, again])) == [Raised("ON_HOLD", 9, {"sample": "S1"})]
    assert codes_of(Facts(tests=[failed, again, replace(failed, rank=13, conclusion="conforming")])) == []


def test_a_spoilt_repeat_decides_nothing_and_a_run_that_is_taken_back_does() -> None:
    spoilt = replace(RAPID, seq=8, rank=8, conclusion="invalid")
    assert codes_of(Facts(tests=[RAPID, spoilt])) == ["RAPID_POSITIVE"]
    assert codes_of(Facts(tests=[RAPID, replace(spoilt, status="invalid")])) == []


@pytest.mark.parametrize("status", ["in_progress", "preliminary", "reviewed", "final"])
@pytest.mark.parametrize("conclusion", ["positive", "suspicious"])
def test_a_formal_finding_that_is_no_failure_pauses_and_is_never_called_a_screening(
    status: str, conclusion: str
) -> None:
    found = replace(FORMAL, status=status, conclusion=conclusion)
    assert codes_of(Facts(tests=[found])) == ["ON_HOLD"]


def test_a_reviewed_failure_is_a_hold_until_it_is_final() -> None:
    assert codes_of(Facts(tests=[replace(FORMAL, status="reviewed", conclusion="nonconforming")])) == [
        "ON_HOLD"
    ]


def test_a_final_formal_result_that_finds_nothing_settles_a_screening() -> None:
    assert codes_of(Facts(tests=[RAPID, replace(FORMAL, conclusion="negative")])) == []


def test_a_later_conforming_final_result_settles_a_screening() -> None:
    assert codes_of(Facts(tests=[RAPID, FORMAL])) == []


def test_an_earlier_conforming_result_does_not_settle_a_later_screening() -> None:
    assert codes_of(Facts(tests=[replace(FORMAL, seq=6, rank=6), RAPID])) == ["RAPID_POSITIVE"]


def test_what_an_official_sample_shows_yields_to_no_sample_that_was_sent_in() -> None:
    official = replace(RAPID, official=True, laboratory="centre")
    sent_in = replace(FORMAL, laboratory="other")
    assert codes_of(Facts(tests=[official, sent_in])) == ["RAPID_POSITIVE"]
    # Whoever has the goods may call his sample official: that alone answers nothing.
    assert codes_of(Facts(tests=[official, replace(sent_in, official=True)])) == ["RAPID_POSITIVE"]
    for is_official in (True, False):
        answer = replace(sent_in, official=is_official, may_answer=True)
        assert codes_of(Facts(tests=[official, answer])) == []
        # Who found it first does not retest it, and what the authority has not released decides nothing yet.
        assert codes_of(Facts(tests=[official, replace(answer, laboratory="centre")])) == ["RAPID_POSITIVE"]
        assert codes_of(Facts(tests=[official, replace(answer, released=False)])) == ["RAPID_POSITIVE"]


@pytest.mark.parametrize("status", ["preliminary", "reviewed"])
def test_what_an_analysis_shows_before_it_is_final_yields_to_a_retest_elsewhere_alone(status: str) -> None:
    found = replace(FORMAL, seq=7, rank=7, sample="S1", conclusion="nonconforming", status=status)
    assert codes_of(Facts(tests=[found, FORMAL])) == ["ON_HOLD"]
    assert codes_of(Facts(tests=[found, replace(FORMAL, may_answer=True)])) == ["ON_HOLD"]
    assert codes_of(Facts(tests=[found, replace(FORMAL, may_answer=True, laboratory="other")])) == []


def test_a_failure_that_is_final_yields_to_no_other_sample() -> None:
    failed = replace(FORMAL, seq=7, rank=7, sample="S1", conclusion="nonconforming")
    retest = replace(FORMAL, may_answer=True, official=True, laboratory="other")
    assert codes_of(Facts(tests=[failed, retest])) == ["TEST_FAILED"]


def test_a_final_nonconforming_result_fails_the_batch() -> None:
    assert codes_of(Facts(tests=[RAPID, replace(FORMAL, conclusion="nonconforming")])) == ["TEST_FAILED"]


def test_an_official_failure_that_is_not_released_shows_as_a_hold() -> None:
    failed = replace(FORMAL, conclusion="nonconforming", released=False)
    assert codes_of(Facts(tests=[failed])) == ["ON_HOLD"]


@pytest.mark.parametrize(
    ("conclusion", "status"), [("conforming", "final"), ("", "retest"), ("", "superseded")]
)
def test_an_official_failure_stands_until_the_authority_releases_something_else(
    conclusion: str, status: str
) -> None:
    failed = replace(FORMAL, conclusion="nonconforming")
    later = replace(FORMAL, seq=12, rank=12, conclusion=conclusion, status=status, released=False)
    assert warnings_of(Facts(tests=[failed, later])) == [Raised("TEST_FAILED", 9, {"sample": "S2"})]
    assert codes_of(Facts(tests=[failed, later, replace(FORMAL, rank=13)])) == []


def test_a_producers_own_failed_check_pauses_and_does_not_fail() -> None:
    own = replace(RAPID, method_class="self_check")
    assert codes_of(Facts(tests=[own])) == ["RAPID_POSITIVE"]
    # Of which method it is nobody knows: it is not called a screening.
    assert codes_of(Facts(tests=[replace(own, conclusion="nonconforming")])) == ["ON_HOLD"]


def test_an_unknown_origin_breaks_the_chain() -> None:
    assert warnings_of(Facts(unknown_origin_seq=2)) == [Raised("CHAIN_BROKEN", 2, {"gap": "origin"})]
