from __future__ import annotations

import pytest

from heji_trace.judging.readings import is_beyond_method, is_garbled, reading_of

ROW = {"analyte": "克百威", "value": "0.02", "unit": "mg/kg", "limit": "0.5"}


def sentence(**changes: str | None) -> str:
    row = {name: value for name, value in {**ROW, **changes}.items() if value is not None}
    return reading_of(row, is_example=False, is_screening=row.get("unit") == "%").sentence["zh"]


def test_a_reading_stands_against_its_limit() -> None:
    reading = reading_of(ROW, is_example=False)
    assert reading.sentence["zh"] == "克百威 0.02 mg/kg，国家限量 0.5 mg/kg（用了 4 %）"
    assert (reading.share, reading.bar) == (4, 4)


def test_a_reading_above_its_limit_says_so_and_its_bar_is_full() -> None:
    reading = reading_of({**ROW, "value": "0.75"}, is_example=False)
    assert "超过国家限量" in reading.sentence["zh"]
    assert (reading.share, reading.bar) == (150, 100)


@pytest.mark.parametrize("value, over", [("0.5", False), ("0.5001", True), ("0.4999", False)])
def test_at_the_limit_is_within_it(value: str, over: bool) -> None:
    assert ("超过" in sentence(value=value)) is over


@pytest.mark.parametrize(
    "value, words", [("49.9", "阳性界线 50 %（到界线的"), ("50", "达到阳性界线"), ("50.1", "超过阳性界线")]
)
def test_an_inhibition_is_positive_at_its_threshold(value: str, words: str) -> None:
    said = sentence(value=value, unit="%", limit="50")
    assert words in said
    assert "国家限量" not in said


@pytest.mark.parametrize(
    "changes, conforming",
    [
        ({}, True),
        ({"outcome": "conforming"}, True),
        ({"edition": None}, False),
        ({"value": "0.5001"}, False),
        ({"value": "0.5001", "outcome": "conforming"}, False),
        ({"value": "0.1", "outcome": "nonconforming"}, False),
        ({"value": "未检出"}, False),
        ({"value": "未检出", "outcome": "conforming"}, True),
        ({"outcome": "not_judged"}, False),
        ({"value": "０．０２"}, True),
        ({"value": "0,02", "outcome": "conforming"}, False),
        ({"value": "0.02 mg/kg", "outcome": "conforming"}, False),
        ({"value": "阴性", "outcome": "conforming"}, True),
        ({"value": "<0.005", "outcome": "conforming"}, True),
        ({"value": "<0.6", "outcome": "conforming"}, False),
        ({"value": "未检出", "loq": "0.6", "outcome": "conforming"}, False),
        ({"value": "未检出", "loq": "0.5", "outcome": "conforming"}, True),
        ({"value": "未检出", "loq": "0.01", "limit": "0", "outcome": "conforming"}, True),
        ({"value": "0.02", "limit": "0", "outcome": "conforming"}, False),
        ({"value": "阴性", "limit": None, "outcome": "conforming"}, True),
    ],
)
def test_a_reading_conforms_by_a_named_edition_alone(
    changes: dict[str, str | None], conforming: bool
) -> None:
    row = {**ROW, "edition": "GB 2763-2021", **changes}
    reading = reading_of({name: value for name, value in row.items() if value is not None}, is_example=False)
    assert reading.is_conforming is conforming


@pytest.mark.parametrize("value", ["未检出", "ND", "<0.005", "＜0.005"])
def test_what_was_not_detected_names_the_detection_limit(value: str) -> None:
    assert sentence(value=value, lod="0.005") == "克百威 未检出（检出限 0.005 mg/kg）"
    stated = "（检出限 0.005 mg/kg）" if "0.005" in value else ""
    assert sentence(value=value) == f"克百威 未检出{stated}"


def test_a_method_that_cannot_see_so_little_as_the_limit_judges_nothing() -> None:
    assert sentence(value="未检出", loq="0.6") == (
        "克百威 未检出，但方法的定量限 0.6 mg/kg 高于限量 0.5 mg/kg，不作判定"
    )


def test_what_may_not_be_found_at_all_and_was_is_above_its_limit() -> None:
    assert sentence(value="0.02", limit="0") == "克百威 0.02 mg/kg，超过限定值 0 mg/kg"


def test_per_cent_of_a_laboratory_are_no_inhibition() -> None:
    water = {"analyte": "水分", "value": "10", "unit": "%", "limit": "12"}
    said = reading_of(water, is_example=False).sentence["zh"]
    assert said == "水分 10 %，国家限量 12 %（用了 83 %）"


@pytest.mark.parametrize(
    "value, garbled",
    [
        ("0.5", False),
        ("０．５", False),
        ("<0.5", False),
        ("≥ 3", False),
        ("未检出", False),
        ("0,5", True),
        ("0.5mg/kg", True),
        ("1 000", True),
        ("1e-3", True),
        ("-3.2", False),
        ("13.12 %", False),
        ("＜5％", False),
    ],
)
def test_a_value_with_digits_that_is_no_number_is_garbled(value: str, garbled: bool) -> None:
    assert is_garbled(value) is garbled


@pytest.mark.parametrize("changes", [{"limit": None}, {"value": "阴性"}, {"limit": "0"}, {"value": "1E400"}])
def test_what_cannot_be_compared_has_no_bar(changes: dict[str, str | None]) -> None:
    row = {name: value for name, value in {**ROW, **changes}.items() if value is not None}
    reading = reading_of(row, is_example=False)
    assert (reading.share, reading.bar) == (None, None)


def test_a_trace_is_less_than_one_per_cent_and_not_none() -> None:
    assert "用了 <1 %" in sentence(value="0.001")


def test_a_limit_that_nobody_verified_is_marked() -> None:
    assert reading_of(ROW, is_example=True).sentence["zh"].endswith("（示例数据）")
    assert not reading_of({"analyte": "x", "value": "1"}, is_example=True).is_example


@pytest.mark.parametrize(
    "method, commodity, beyond",
    [
        ("酶抑制率法", "荔枝", True),
        ("酶抑制率法", "菜心", False),
        ("GB/T 5009.199-2003", "柿子", True),
        ("Enzyme inhibition", "leafy vegetables", False),
        ("胶体金", "荔枝", False),
    ],
)
def test_the_enzyme_method_was_made_for_vegetables(method: str, commodity: str, beyond: bool) -> None:
    assert is_beyond_method(method, commodity) is beyond
