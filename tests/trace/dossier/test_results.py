from __future__ import annotations

from county import County
from heji_trace.passport.passport import Passport
from labelled import (
    CONFORMING,
    label,
    look,
    look_at,
    register_product,
    release_result,
    sample,
    state_result,
)


def packed(county: County) -> str:
    """A packed batch of one harvest."""
    county.harvest("H1", "100")
    county.make("packaging", {"H1": "100"}, {"P1": "100"})
    return "P1"


def live_codes(passport: Passport) -> list[str]:
    return [notice.code for notice in passport.live]


def test_nobody_clears_goods_of_an_official_finding_with_a_sample_of_his_own(county: County) -> None:
    batch = packed(county)
    code = label(county, batch).trace_code
    sample(county, "OFFICIAL", batch, "supervised", "regulator")
    state_result(county, "OFFICIAL", "positive")
    for name, purpose, who in (("OWN", "commissioned", "producer"), ("AGAIN", "retest", "producer")):
        sample(county, name, batch, purpose, who)
        state_result(county, name, "conforming", formal=True)
        assert look(county, code).verdict.code == "ON_HOLD"
    sample(county, "RETEST", batch, "retest", "regulator")
    state_result(county, "RETEST", "conforming", formal=True)
    assert look(county, code).verdict.level == "green"


def test_only_the_countys_own_laboratory_is_bound_by_its_hours(county: County) -> None:
    batch = packed(county)
    for who in ("laboratory", "other_laboratory"):
        sample(county, f"S-{who}", batch, who=who)
        details = {"sample": f"S-{who}", "laboratory": county.code(who), "status": "registered"}
        county.record("testing", who, details=details)
    county.now.seconds += 30 * 3600
    assert live_codes(look_at(county, batch)) == ["TEST_OVERDUE", "TEST_PENDING"]


def test_a_spoilt_run_is_no_result_of_a_product_that_asks_for_one(county: County) -> None:
    register_product(county, test_policy="rapid")
    batch = packed(county)
    sample(county, "S1", batch)
    state_result(county, "S1", "invalid")
    assert live_codes(look_at(county, batch)) == ["NO_TEST"]


def test_a_released_failure_is_cleared_by_the_authority_and_a_retest_elsewhere(county: County) -> None:
    batch = packed(county)
    code = label(county, batch).trace_code
    sample(county, "S1", batch, "supervised", "regulator")
    state_result(county, "S1", "nonconforming", formal=True)
    released = release_result(county, "S1", "nonconforming")
    open_again = {"sample": "S1", "laboratory": county.code("other_laboratory"), "status": "disputed"}
    county.record("testing", "other_laboratory", details=open_again)
    sample(county, "S2", batch, "retest", "regulator")
    retest = {
        "sample": "S2",
        "laboratory": county.code("laboratory"),
        "method": "GB 23200.121",
        "method_class": "formal",
        "status": "final",
        "conclusion": "conforming",
        "results": [dict(row) for row in CONFORMING],
    }
    county.record("testing", "laboratory", details=retest)
    assert look(county, code).verdict.code == "TEST_FAILED"
    county.record("correction", "regulator", details={"corrects": [released], "reason": "复检合格"})
    assert look(county, code).verdict.level == "green"
