"""Results of an instrument whose registration is corrected."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from county import CYCLE, County
from heji_trace.recording.recorder import Receipt
from ledger_check import check_ledger


@pytest.fixture(autouse=True)
def rebuilt_equals_live(county: County) -> Iterator[None]:
    yield
    check_ledger(county.service)


def facts(until: str) -> dict[str, Any]:
    return {"code": "KJY-01", "model": "DY-3500", "calibrated_until": until}


def registered(county: County, until: str) -> Receipt:
    return county.record("instrument", "laboratory", details=facts(until))


def correct(county: County, wrong: Receipt, until: str | None) -> Receipt:
    details: dict[str, Any] = {"corrects": [wrong.event_id], "reason": "日期写错"}
    if until is not None:
        details["replacement"] = county.event("instrument", "laboratory", details=facts(until)).body
    return county.record("correction", "laboratory", details=details)


def examined(county: County, target: dict[str, Any]) -> Receipt:
    samples: dict[str, Any] = {"purpose": "commissioned", "samples": [{"sample": "S1", **target}]}
    county.record("sampling", "laboratory", details=samples)
    return county.record("testing", "laboratory", details=result(county))


def result(county: County) -> dict[str, Any]:
    return {
        "sample": "S1",
        "laboratory": county.code("laboratory"),
        "method": "GC-MS",
        "method_class": "formal",
        "results": [{"analyte": "克百威", "value": "0.5", "unit": "mg/kg"}],
        "conclusion": "nonconforming",
        "status": "final",
        "instrument": "KJY-01",
    }


DUE = ["INSTRUMENT_DUE", "ON_HOLD"]


@pytest.mark.parametrize("target", [{"batch": "B1"}, {"cycles": [CYCLE]}])
def test_a_result_is_judged_by_the_date_until_which_its_instrument_was_calibrated(
    county: County, target: dict[str, Any]
) -> None:
    if "batch" in target:
        county.harvest("B1")
    instrument = registered(county, "2020-06-01")
    examined(county, target)
    if "cycles" in target:
        county.harvest("B1")
    before = county.warned("B1")
    assert "ON_HOLD" in before
    first = correct(county, instrument, "2099-06-01")
    assert county.warned("B1") == ["TEST_FAILED"]
    second = correct(county, first, "2020-06-01")
    assert county.warned("B1") == before
    correct(county, second, None)
    assert county.warned("B1") == ["TEST_FAILED"]


def test_an_instrument_calibrated_afterwards_was_due_all_the_same(county: County) -> None:
    county.harvest("B1")
    registered(county, "2020-06-01")
    examined(county, {"batch": "B1"})
    later = registered(county, "2098-06-01")
    correct(county, later, "2099-06-01")
    assert county.warned("B1") == DUE


def test_a_corrected_result_is_judged_by_what_was_registered_when_it_was_stated(county: County) -> None:
    county.harvest("B1")
    registered(county, "2020-06-01")
    wrong = examined(county, {"batch": "B1"})
    registered(county, "2099-06-01")
    body = county.event("testing", "laboratory", details=result(county)).body
    county.record(
        "correction",
        "laboratory",
        details={"corrects": [wrong.event_id], "reason": "补充", "replacement": body},
    )
    assert county.warned("B1") == DUE
