from __future__ import annotations

from typing import Any

import pytest

from county import CYCLE, PACKED, PRODUCT, County
from heji_trace.errors import NeedsAcknowledgement, Question
from labelled import CONFORMING, register_product, sample, state_result
from ledger_check import check_ledger

KG = {"quantity": "10", "unit": "kg"}


def questions(county: County, kind: str, who: str = "producer", **parts: Any) -> list[str]:
    """What is asked about an event; it is recorded once these are confirmed."""
    asked: tuple[Question, ...] = ()
    try:
        county.record(kind, who, **parts)
    except NeedsAcknowledgement as refusal:
        asked = refusal.questions
    codes = [each.code for each in asked]
    if codes:
        assert all(each.sentence(language) for each in asked for language in ("zh", "en"))
        county.record(kind, who, acknowledged=codes, **parts)
    return codes


def out_of(source: str, batch: str, product: str = PACKED, **details: str) -> dict[str, Any]:
    made = {"batch": batch, "product": product, **KG}
    return {"inputs": [{"batch": source, **KG}], "outputs": [made], "details": details}


@pytest.fixture
def meat(county: County) -> str:
    county.record("product", "operator", details={"code": "pork", "name": "猪肉", "commodity": "猪肉"})
    return "pork"


@pytest.mark.both_databases
def test_goods_of_another_commodity_than_their_source_are_asked_about_and_told_to_the_regulator(
    county: County, meat: str
) -> None:
    county.harvest("B1")
    assert questions(county, "packaging", **out_of("B1", "P1")) == []
    assert questions(county, "packaging", **out_of("B1", "P2", meat)) == ["OTHER_COMMODITY"]
    assert (county.warned("P1"), county.warned("P2")) == ([], ["OTHER_COMMODITY"])
    # What is processed may become anything.
    assert questions(county, "processing", **out_of("B1", "D1", meat)) == []
    check_ledger(county.service)


def test_a_harvest_is_of_the_crop_of_its_cycle(county: County, meat: str) -> None:
    made = [{"batch": "B1", "product": meat, **KG}]
    assert questions(county, "harvest", cycles=[CYCLE], outputs=made) == ["OTHER_COMMODITY"]
    kept = {"cycle": "hens", "species": "蛋鸡"}
    county.record("stocking", site="fg-plot-031", details=kept)
    eggs = [{"batch": "E1", "product": PRODUCT, **KG}]
    assert questions(county, "harvest", cycles=["hens"], outputs=eggs) == []


@pytest.mark.parametrize("name", ["best_before", "use_by"])
def test_repacking_makes_nothing_fresher(county: County, name: str) -> None:
    county.harvest("B1")
    assert questions(county, "packaging", **out_of("B1", "P1", **{name: "2026-06-05"})) == []
    assert questions(county, "packaging", **out_of("P1", "P2", **{name: "2026-06-05"})) == []
    assert questions(county, "packaging", **out_of("P2", "P3", **{name: "2026-06-06"})) == [
        "FRESHER_THAN_SOURCE"
    ]
    assert county.warned("P3") == ["FRESHER_THAN_SOURCE"]
    check_ledger(county.service)


def test_goods_are_not_made_after_their_own_day(county: County) -> None:
    county.harvest("B1")
    assert questions(county, "packaging", **out_of("B1", "P1", best_before="2025-06-05")) == [
        "BEST_BEFORE_PASSED"
    ]


@pytest.mark.parametrize(
    ("changes", "asked"),
    [
        ({}, []),
        ({"value": "0,005"}, ["VALUE_UNREADABLE"]),
        ({"value": "0.005 mg/kg"}, ["VALUE_UNREADABLE"]),
        ({"value": "未检出"}, []),
        ({"value": "<0.01"}, []),
        ({"value": "0.03"}, ["RESULT_CONTRADICTED"]),
        ({"value": "0.03", "limit": "0"}, ["RESULT_CONTRADICTED"]),
        ({"value": "0.02"}, []),
    ],
)
def test_a_value_is_a_number_and_agrees_with_what_is_concluded(
    county: County, changes: dict[str, str], asked: list[str]
) -> None:
    county.harvest("B1")
    sample(county, "S1", "B1")
    stated = {
        "sample": "S1",
        "laboratory": county.code("other_laboratory"),
        "method": "GB 23200.121",
        "method_class": "formal",
        "status": "final",
        "conclusion": "conforming",
        "results": [CONFORMING[0] | changes],
    }
    assert questions(county, "testing", "other_laboratory", details=stated) == asked


@pytest.mark.parametrize(("value", "asked"), [("49.9", []), ("50", ["RESULT_CONTRADICTED"])])
def test_an_inhibition_at_its_threshold_is_not_negative(county: County, value: str, asked: list[str]) -> None:
    county.harvest("B1")
    sample(county, "S1", "B1")
    found = {"analyte": "有机磷", "value": value, "unit": "%", "limit": "50"}
    stated: dict[str, Any] = {"sample": "S1", "laboratory": county.code("laboratory"), "results": [found]}
    stated |= {
        "method": "酶抑制率法",
        "method_class": "rapid",
        "status": "reviewed",
        "conclusion": "negative",
    }
    assert questions(county, "testing", "laboratory", details=stated) == asked


def test_a_failure_above_its_limit_contradicts_nothing(county: County) -> None:
    county.harvest("B1")
    sample(county, "S1", "B1")
    state_result(county, "S1", "nonconforming", formal=True, results=[CONFORMING[0] | {"value": "0.9"}])
    assert county.warned("B1") == ["TEST_FAILED"]


def test_soil_is_judged_by_numbers(county: County) -> None:
    found = {"analyte": "镉", "value": "0,45", "unit": "mg/kg", "limit": "0.30"}
    details = {"medium": "soil", "results": [found]}
    assert questions(county, "environment_test", site="fg-plot-031", details=details) == ["VALUE_UNREADABLE"]


def test_nothing_is_tested_before_it_was_drawn(county: County) -> None:
    county.harvest("B1", hours_ago=40)
    sample(county, "S1", "B1")
    stated: dict[str, Any] = {"sample": "S1", "laboratory": county.code("laboratory")}
    stated["method"] = "酶抑制率法"
    stated |= {"method_class": "rapid", "status": "reviewed", "conclusion": "negative"}
    stated |= {"results": [{"analyte": "有机磷", "value": "阴性"}]}
    assert questions(county, "testing", "laboratory", details=stated | {"tested_at": county.at(30)}) == [
        "TESTED_BEFORE_DRAWN"
    ]
    assert questions(county, "testing", "laboratory", details=stated | {"tested_at": county.at()}) == []


def test_a_recall_is_finished_when_nobody_has_goods_of_it_any_more(county: County) -> None:
    county.harvest("B1")
    county.hand_over("B1", "40", "producer", "shop")
    details = {"level": 2, "ordered": True, "reason": "超标"}
    recall = county.record("recall", "regulator", batches=["B1"], details=details)

    def finish() -> list[str]:
        stated = {"recall": recall.event_id, "status": "finished"}
        return questions(county, "recall_update", "regulator", details=stated)

    gone = {"method": "destruction", "reason": "召回"}
    assert finish() == ["RECALL_UNFINISHED"]
    county.move("disposal", "B1", "40", "shop", details=gone)
    assert finish() == ["RECALL_UNFINISHED"]
    county.move("disposal", "B1", "60", details=gone)
    assert finish() == []
    check_ledger(county.service)


def test_what_is_registered_of_a_pack_says_what_may_go_into_it(county: County) -> None:
    register_product(county, PACKED, commodity="水果礼盒", gtin=None)
    county.harvest("B1")
    assert questions(county, "packaging", **out_of("B1", "P1")) == []
