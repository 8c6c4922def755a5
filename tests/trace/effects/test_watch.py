from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from county import CYCLE, PLOT, PRODUCT, County
from heji_trace.errors import InvalidEvent, NotAllowed
from heji_trace.known.state import State
from heji_trace.recording.recorder import Receipt
from heji_trace.warnings.present import present_warnings
from labelled import look_at, register_product
from ledger_check import check_ledger


def series(county: County, *temperatures: str, hours_ago: float = 5, every: int = 10) -> list[dict[str, str]]:
    start = datetime.fromisoformat(county.at(hours_ago))
    return [
        {"at": (start + timedelta(minutes=every * at)).isoformat(), "temperature": each}
        for at, each in enumerate(temperatures)
    ]


def watch(county: County, *temperatures: str, who: str = "producer", **parts: Any) -> Receipt:
    details = {"readings": series(county, *temperatures)} | parts.pop("details", {})
    return county.record("condition", who, details=details, **parts)


def now_warned(county: County, batch: str) -> dict[str, dict[str, Any]]:
    with county.service.store.read() as connection:
        raised = present_warnings(State(connection), batch, county.service.clock.now_ms())
    return {each.code: dict(each.data) for each in raised}


def chilled(county: County, **facts: Any) -> None:
    register_product(county, PRODUCT, gtin=None, name="鲜荔枝", storage_band="0–5 ℃", **facts)


WARM = ("4", "6", "7", "8", "7", "6", "4")


def test_a_breach_is_told_with_its_length_and_peak_and_reaches_what_is_packed(county: County) -> None:
    chilled(county)
    county.harvest("B1", "100", hours_ago=6)
    receipt = watch(county, *WARM, batches=["B1"])
    assert receipt.warnings == ("COLD_CHAIN_BREACH",)
    county.make("packaging", {"B1": "50"}, {"P1": "48"})
    assert county.warned("P1") == ["COLD_CHAIN_BREACH"]
    notice = next(each for each in look_at(county, "P1").live if each.code == "COLD_CHAIN_BREACH")
    assert notice.level == "yellow"
    assert "40 分钟" in notice.sentence["zh"]
    assert "8 ℃" in notice.sentence["zh"]
    check_ledger(county.service)


def test_far_outside_the_band_is_orange(county: County) -> None:
    chilled(county)
    county.harvest("B1", "100", hours_ago=6)
    assert watch(county, "4", "11", "4", batches=["B1"]).warnings == ("COLD_CHAIN_SEVERE",)


def test_a_product_says_itself_what_it_stands(county: County) -> None:
    chilled(county, storage_tolerance_minutes=60, storage_margin="10")
    county.harvest("B1", "100", hours_ago=6)
    assert watch(county, *WARM, "11", "4", batches=["B1"]).warnings == ()


def test_without_a_band_nothing_is_judged(county: County) -> None:
    county.harvest("B1", "100", hours_ago=6)
    assert watch(county, *WARM, batches=["B1"]).warnings == ()


def test_what_was_packed_before_the_rest_got_warm_is_not_concerned(county: County) -> None:
    chilled(county)
    county.harvest("B1", "100", hours_ago=9)
    county.make("packaging", {"B1": "30"}, {"EARLY": "30"}, hours_ago=8)
    county.make("packaging", {"EARLY": "10"}, {"E1": "10"}, hours_ago=1)
    watch(county, *WARM, batches=["B1"])
    county.make("packaging", {"B1": "30"}, {"LATE": "30"}, hours_ago=1)
    county.make("packaging", {"LATE": "10"}, {"L1": "10"})
    county.make("packaging", {"B1": "5"}, {"FORGOTTEN": "5"}, hours_ago=7)
    assert [county.warned(batch) for batch in ("EARLY", "E1", "FORGOTTEN")] == [[]] * 3
    assert [county.warned(batch) for batch in ("LATE", "L1")] == [["COLD_CHAIN_BREACH"]] * 2
    check_ledger(county.service)


def test_a_band_that_is_registered_later_moves_no_old_warning_and_a_corrected_one_does(
    county: County,
) -> None:
    facts = {"code": PRODUCT, "name": "鲜荔枝", "commodity": "荔枝"}
    mild = county.record("product", "operator", details=facts | {"storage_band": "0–20 ℃"})
    county.harvest("B1", "100", hours_ago=6)
    watch(county, *WARM, batches=["B1"])
    chilled(county)
    county.record("hold", "regulator", batches=["B1"], details={"reason": "核查"})
    assert county.warned("B1") == ["ON_HOLD"]
    strict = county.raw("product", "operator", details=facts | {"storage_band": "0–5 ℃"})
    correction = {"corrects": [mild.event_id], "reason": "写错", "replacement": strict}
    county.record("correction", "operator", details=correction)
    assert county.warned("B1") == ["COLD_CHAIN_BREACH", "ON_HOLD"]
    check_ledger(county.service)


def test_readings_are_judged_by_the_thresholds_of_their_day_and_anew_when_these_are_corrected(
    county: County,
) -> None:
    chilled(county)
    county.harvest("B1", "100", hours_ago=6)
    edition = {"table": "thresholds", "edition": "t", "source": "试", "verified": True}
    edition |= {"effective_from": "2026-01-01", "rows": [{"name": "cold_tolerance_minutes", "value": "90"}]}
    patient = county.record("edition", "operator", details=edition)
    watch(county, *WARM, batches=["B1"])
    assert county.warned("B1") == []
    strict = county.raw(
        "edition",
        "operator",
        details=edition | {"rows": [{"name": "cold_tolerance_minutes", "value": "30"}]},
    )
    correction = {"corrects": [patient.event_id], "reason": "写错", "replacement": strict}
    county.record("correction", "operator", details=correction)
    assert county.warned("B1") == ["COLD_CHAIN_BREACH"]
    check_ledger(county.service)


def test_a_corrected_series_warns_no_more(county: County) -> None:
    chilled(county)
    county.harvest("B1", "100", hours_ago=6)
    wrong = watch(county, *WARM, batches=["B1"])
    county.record("correction", details={"corrects": [wrong.event_id], "reason": "记录仪放错"})
    assert county.warned("B1") == []
    check_ledger(county.service)


def test_a_series_of_a_shipment_is_of_all_its_batches_and_the_carrier_may_state_it(county: County) -> None:
    chilled(county)
    for batch in ("B1", "B2"):
        county.harvest(batch, "100", hours_ago=6)
    lines = [
        {"batch": batch, "quantity": "50", "unit": "kg", "to_organisation": county.code("shop")}
        for batch in ("B1", "B2")
    ]
    sent = county.record("shipping", hours_ago=5, moves=lines, details={"carrier": county.code("carrier")})
    watch(county, *WARM, who="carrier", details={"shipping": sent.event_id})
    assert county.warned("B1") == county.warned("B2") == ["COLD_CHAIN_BREACH"]
    with pytest.raises(NotAllowed):
        watch(county, *WARM, who="neighbour", details={"shipping": sent.event_id})
    with pytest.raises(NotAllowed):
        watch(county, *WARM, who="neighbour", batches=["B1"])


def test_readings_belong_to_something_and_are_not_of_tomorrow(county: County) -> None:
    with pytest.raises(InvalidEvent) as refused:
        watch(county, "4")
    assert [problem.code for problem in refused.value.problems] == ["readings-of-nothing"]
    county.harvest("B1", "100", hours_ago=6)
    late = series(county, "4", hours_ago=-24)
    with pytest.raises(InvalidEvent) as refused:
        county.record("condition", batches=["B1"], details={"readings": late})
    assert [problem.pointer for problem in refused.value.problems] == ["/details/readings/0/at"]


def ship(county: County, hours: float) -> str:
    """B1 is under way to the shop for so many hours, until now."""
    sent = county.move("shipping", "B1", "50", to="shop", hours_ago=hours)
    county.move("receiving", "B1", "50", "shop", details={"shipping": sent.event_id})
    return sent.event_id


def test_a_transit_that_no_reading_covers_is_a_gap(county: County) -> None:
    chilled(county)
    county.harvest("B1", "100", hours_ago=6)
    sent = ship(county, 3)
    assert now_warned(county, "B1")["COLD_CHAIN_GAP"] == {"minutes": 180}
    watch(
        county, *["3"] * 19, details={"shipping": sent, "readings": series(county, *["3"] * 19, hours_ago=3)}
    )
    assert "COLD_CHAIN_GAP" not in now_warned(county, "B1")


def test_a_short_way_needs_no_logger(county: County) -> None:
    chilled(county)
    county.harvest("B1", "100", hours_ago=6)
    ship(county, 0.5)
    assert "COLD_CHAIN_GAP" not in now_warned(county, "B1")


def soil(county: County, value: str, *, limit: str | None = "0.30", hours_ago: float = 24 * 30) -> Receipt:
    result = {"analyte": "镉", "value": value, "unit": "mg/kg"} | ({"limit": limit} if limit else {})
    details = {"medium": "soil", "results": [result]}
    return county.record("environment_test", "laboratory", hours_ago=hours_ago, site=PLOT, details=details)


def test_soil_above_a_stated_limit_is_a_risk_of_everything_harvested_there(county: County) -> None:
    soil(county, "0.42")
    county.harvest("B1", "100")
    assert county.warned("B1") == ["ORIGIN_RISK"]
    county.make("packaging", {"B1": "50"}, {"P1": "48"})
    notice = next(each for each in look_at(county, "P1").live if each.code == "ORIGIN_RISK")
    assert notice.level == "orange"
    assert "土壤" in notice.sentence["zh"]
    assert "0.42" in notice.sentence["zh"]
    check_ledger(county.service)


@pytest.mark.parametrize(
    ("value", "limit"), [("0.30", "0.30"), ("0.42", None), ("<0.5", "0.30"), ("未检出", "0.30")]
)
def test_without_a_limit_or_a_number_above_it_nothing_is_said(
    county: County, value: str, limit: str | None
) -> None:
    soil(county, value, limit=limit)
    county.harvest("B1", "100")
    assert county.warned("B1") == []


def test_a_test_that_comes_after_the_harvest_reaches_back_and_its_correction_takes_it_away(
    county: County,
) -> None:
    county.harvest("B1", "100", hours_ago=24)
    late = soil(county, "0.42", hours_ago=2)
    assert county.warned("B1") == ["ORIGIN_RISK"]
    county.record("correction", "laboratory", details={"corrects": [late.event_id], "reason": "样品弄错"})
    assert county.warned("B1") == []
    check_ledger(county.service)


def test_a_newer_clean_test_speaks_for_later_harvests_alone(county: County) -> None:
    soil(county, "0.42", hours_ago=24 * 40)
    county.harvest("B1", "100", hours_ago=24 * 35)
    soil(county, "0.10", hours_ago=24 * 30)
    county.harvest("B2", "100", hours_ago=24)
    assert ({*county.warned("B1")} - {"LATE_RECORD"}, county.warned("B2")) == ({"ORIGIN_RISK"}, [])


def test_only_the_owner_of_a_site_and_laboratories_state_what_was_found_there(county: County) -> None:
    details = {"medium": "water", "results": [{"analyte": "汞", "value": "0.1", "limit": "0.001"}]}
    with pytest.raises(NotAllowed):
        county.record("environment_test", "neighbour", site=PLOT, details=details)
    county.record("environment_test", "producer", site=PLOT, details=details)


def measured_on(county: County, until: str) -> Receipt:
    sample = "S1"
    instrument = {"code": "KJY-01", "model": "DY-3500", "calibrated_until": until}
    county.record("instrument", "laboratory", details=instrument)
    samples = [{"sample": sample, "batch": "B1"}]
    county.record("sampling", "laboratory", details={"purpose": "commissioned", "samples": samples})
    result = {"analyte": "有机磷", "value": "12", "unit": "%", "limit": "50"}
    details = {
        "sample": sample,
        "laboratory": county.code("laboratory"),
        "method": "酶抑制率法",
        "method_class": "rapid",
        "status": "reviewed",
        "conclusion": "negative",
        "results": [result],
        "instrument": "KJY-01",
    }
    return county.record("testing", "laboratory", details=details)


def test_a_result_of_an_instrument_past_its_calibration_is_preliminary(county: County) -> None:
    county.harvest("B1", "100")
    assert measured_on(county, "2026-01-31").warnings == ("INSTRUMENT_DUE",)
    with county.service.store.read() as connection:
        [test] = State(connection).tests.of("sample", "S1")
    assert test["status"] == "preliminary"
    assert look_at(county, "B1", PRODUCT).verdict.level == "grey"
    check_ledger(county.service)


def test_a_calibrated_instrument_is_not_spoken_of(county: County) -> None:
    county.harvest("B1", "100")
    assert measured_on(county, "2027-01-31").warnings == ()


def test_a_laboratory_that_did_not_look_for_what_was_used_leaves_a_gap(county: County) -> None:
    use = {"input_type": "pesticide", "name": "x", "active_substances": ["高效氯氟氰菊酯", "啶虫脒"]}
    county.record("input_application", hours_ago=24 * 20, cycles=[CYCLE], details=use)
    county.harvest("B1", "100")
    samples = [{"sample": "S9", "batch": "B1"}]
    county.record("sampling", "other_laboratory", details={"purpose": "commissioned", "samples": samples})
    details: dict[str, Any] = {
        "sample": "S9",
        "laboratory": county.code("other_laboratory"),
        "method": "GB 23200.121",
        "method_class": "formal",
        "status": "final",
        "conclusion": "conforming",
    }
    found = [{"analyte": "氯氟氰菊酯和高效氯氟氰菊酯", "value": "0.01", "unit": "mg/kg", "limit": "0.1"}]
    county.record("testing", "other_laboratory", details=details | {"results": found})
    assert now_warned(county, "B1")["TEST_SCOPE_GAP"] == {"actives": "啶虫脒"}
    found.append({"analyte": "啶虫脒", "value": "0.01", "unit": "mg/kg", "limit": "2"})
    county.record("testing", "other_laboratory", details=details | {"results": found})
    assert "TEST_SCOPE_GAP" not in now_warned(county, "B1")
