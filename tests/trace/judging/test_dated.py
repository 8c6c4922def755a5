from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heji_trace.judging.dated import AwaitedFact, CertificateFact, DatedFacts, dated_warnings, is_policy_met
from heji_trace.judging.facts import HOUR_MS, Raised, Thresholds

MADE = date(2026, 6, 12)
NOON = 1_781_236_800_000  # 12 June 2026, 12:00 in Beijing
FACTS = DatedFacts(7, MADE)
CHECKED = CertificateFact(3, "green_food", "LB-1", date(2025, 1, 1), date(2027, 1, 1), date(2026, 1, 1))


def warned(facts: DatedFacts, today: date = MADE, now_ms: int = NOON) -> list[Raised]:
    return dated_warnings(facts, today, now_ms, Thresholds())


def codes(facts: DatedFacts, today: date = MADE, now_ms: int = NOON) -> list[str]:
    return [raised.code for raised in warned(facts, today, now_ms)]


def test_a_batch_without_dates_policy_or_claims_is_warned_about_nothing() -> None:
    assert codes(FACTS, MADE + timedelta(days=4000)) == []


@pytest.mark.parametrize(
    "days, expected",
    [(6, []), (8, ["NEAR_EXPIRY"]), (10, ["NEAR_EXPIRY"]), (11, ["USE_BY_PASSED"])],
)
def test_a_use_by_day_is_the_last_good_one(days: int, expected: list[str]) -> None:
    facts = replace(FACTS, use_by=MADE + timedelta(days=10))
    assert codes(facts, MADE + timedelta(days=days)) == expected


def test_a_best_before_day_that_passed_is_another_warning_than_a_use_by_day() -> None:
    facts = replace(FACTS, best_before=MADE + timedelta(days=5))
    assert codes(facts, MADE + timedelta(days=6)) == ["BEST_BEFORE_PASSED"]


def test_the_shelf_life_counts_from_the_day_of_making_where_no_day_is_stated() -> None:
    facts = replace(FACTS, shelf_life_days=7)
    assert codes(facts, MADE + timedelta(days=7)) == ["NEAR_EXPIRY"]
    assert codes(facts, MADE + timedelta(days=8)) == ["BEST_BEFORE_PASSED"]


def test_a_stated_day_goes_before_the_shelf_life() -> None:
    stated = replace(FACTS, shelf_life_days=7, best_before=MADE + timedelta(days=30))
    assert codes(stated, MADE + timedelta(days=20)) == []
    assert (
        codes(replace(FACTS, shelf_life_days=7, use_by=MADE + timedelta(days=30)), MADE + timedelta(days=20))
        == []
    )


def test_past_both_days_only_the_one_about_safety_is_told() -> None:
    facts = replace(FACTS, best_before=MADE, use_by=MADE + timedelta(days=1))
    assert codes(facts, MADE + timedelta(days=2)) == ["USE_BY_PASSED"]


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60))
def test_an_expiry_never_unpasses(use_by: int, best_before: int, later: int) -> None:
    facts = replace(
        FACTS, use_by=MADE + timedelta(days=use_by), best_before=MADE + timedelta(days=best_before)
    )
    passed = {"USE_BY_PASSED", "BEST_BEFORE_PASSED"}
    if passed & set(codes(facts, MADE + timedelta(days=30))):
        assert passed & set(codes(facts, MADE + timedelta(days=30 + later)))


@pytest.mark.parametrize(
    "policy, results, met",
    [
        ("none", (), True),
        ("rapid", (), False),
        ("rapid", ("rapid",), True),
        ("rapid", ("formal",), True),
        ("laboratory", ("rapid", "self_check"), False),
        ("laboratory", ("formal",), True),
    ],
)
def test_a_product_s_policy_decides_whether_a_missing_test_is_told(
    policy: str, results: tuple[str, ...], met: bool
) -> None:
    assert is_policy_met(policy, results) is met
    assert codes(replace(FACTS, test_policy=policy, results=results)) == ([] if met else ["NO_TEST"])


@pytest.mark.parametrize("hours, code", [(0, "TEST_PENDING"), (24, "TEST_PENDING"), (25, "TEST_OVERDUE")])
def test_a_result_is_overdue_a_day_after_the_sample_was_received(hours: int, code: str) -> None:
    facts = replace(FACTS, awaited=[AwaitedFact(9, "S1", NOON - hours * HOUR_MS)])
    [raised] = warned(facts)
    assert (raised.code, raised.cause_seq, raised.data["waited"]) == (code, 9, hours)


def test_a_laboratory_that_promised_no_hour_is_never_late_by_it() -> None:
    awaited = [AwaitedFact(9, "S1", NOON - 200 * HOUR_MS, is_promised=False)]
    assert codes(replace(FACTS, awaited=awaited)) == ["TEST_PENDING"]


@pytest.mark.parametrize(
    "changes, expected",
    [
        ({}, []),
        ({"checked_on": None}, ["CERT_UNVERIFIED"]),
        ({"valid_to": MADE}, []),
        ({"valid_to": MADE - timedelta(days=1)}, ["CERT_EXPIRED"]),
        ({"valid_from": MADE + timedelta(days=1)}, ["CERT_EXPIRED"]),
        ({"valid_to": None}, []),
        ({"scheme": "organic"}, ["CERT_FALSE"]),
    ],
)
def test_a_claim_stands_on_a_checked_certificate_valid_on_the_day_of_production(
    changes: dict[str, Any], expected: list[str]
) -> None:
    facts = replace(FACTS, claims=("green_food",), certificates=[replace(CHECKED, **changes)])
    # Today plays no part: what was produced under a valid certificate stays so.
    assert codes(facts, MADE + timedelta(days=900)) == expected


@pytest.mark.parametrize(
    "changes, about, day",
    [
        ({"valid_to": date(2026, 3, 1)}, "certificate-end", "2026-03-01"),
        ({"valid_from": date(2026, 7, 1)}, "certificate-start", "2026-07-01"),
    ],
)
def test_a_certificate_that_did_not_hold_is_dated_by_its_own_period(
    changes: dict[str, Any], about: str, day: str
) -> None:
    facts = replace(FACTS, claims=("green_food",), certificates=[replace(CHECKED, **changes)])
    [raised] = warned(facts, MADE + timedelta(days=30))
    assert (raised.data["about"], raised.data["date"]) == (about, day)


def test_no_warning_that_the_date_or_an_absence_causes_is_dated_by_the_day_of_reading() -> None:
    today = MADE + timedelta(days=1)
    facts = replace(
        FACTS,
        best_before=MADE + timedelta(days=2),
        test_policy="rapid",
        awaited=[AwaitedFact(9, "S1", NOON)],
        claims=("organic",),
    )
    days = {raised.code: raised.data["date"] for raised in warned(facts, today, NOON + 86_400_000)}
    assert days == {
        "NEAR_EXPIRY": "2026-06-14",
        "NO_TEST": "2026-06-12",
        "TEST_PENDING": "2026-06-12",
        "CERT_FALSE": "2026-06-12",
    }


def test_one_good_certificate_among_several_is_enough() -> None:
    old = replace(CHECKED, seq=2, valid_to=date(2025, 6, 1))
    facts = replace(FACTS, claims=("green_food",), certificates=[old, CHECKED])
    assert codes(facts) == []


def test_a_claim_made_twice_is_told_once() -> None:
    assert codes(replace(FACTS, claims=("organic", "organic"))) == ["CERT_FALSE"]
