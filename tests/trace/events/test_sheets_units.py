"""A quantity may bring its unit along, in its cell or in its heading; a column of units may not say another."""

from __future__ import annotations

from typing import Any

import pytest

from heji_trace.events.event import Event
from heji_trace.events.kinds import KINDS
from heji_trace.events.sheets import Sheet, parse_rows, read_sheet
from heji_trace.events.sheets.posted import read_posted

HARVEST = "时间,责任主体,生产周期,批次,产品,{heading},单位\n2026-06-12,fg,c,LZ-1,litchi,{quantity},{unit}\n"
PACKAGING = (
    "时间,责任主体,投入批次,投入数量,投入单位,产出批次,产品,产出数量,产出单位,损耗数量{brackets},损耗单位\n"
    "2026-06-12,fg,B1,{taken},P1,litchi,{made},{lost}\n"
)


def harvest(heading: str, quantity: str, unit: str) -> Sheet:
    text = HARVEST.format(heading=heading, quantity=quantity, unit=unit)
    return read_sheet(text.encode(), "采收.csv")


def packaging(taken: str = "10,kg", made: str = "10,kg", lost: str = ",", brackets: str = "") -> Sheet:
    text = PACKAGING.format(taken=taken, made=made, lost=lost, brackets=brackets)
    return read_sheet(text.encode(), "包装.csv", KINDS["packaging"])


def only_event(sheet: Sheet) -> Event:
    [event], problems = parse_rows(sheet)
    assert problems == ()
    return event


def told(sheet: Sheet) -> list[tuple[str, int | None, str | None, str]]:
    """Code, line, heading and Chinese sentence of each problem of a sheet."""
    _, problems = parse_rows(sheet)
    assert all(problem.sentence("en") for problem in problems)
    return [(each.code, each.line, each.column, each.sentence("zh")) for each in problems]


@pytest.mark.parametrize(
    "heading, quantity, unit, own",
    [
        ("数量", "10斤", "公斤", "10斤"),
        ("数量", "10 kg", "斤", "10 kg"),
        ("数量（斤）", "10", "公斤", "数量（斤）"),
        ("数量（公斤）", "10斤", "千克", "10斤"),
        ("数量", "10箱", "kg", "10箱"),
    ],
)
def test_a_unit_that_the_column_of_units_contradicts_is_a_problem_of_the_quantity_s_cell(
    heading: str, quantity: str, unit: str, own: str
) -> None:
    [(code, line, column, sentence)] = told(harvest(heading, quantity, unit))
    assert (code, line, column) == ("units-differ", 2, heading)
    assert own in sentence
    assert unit in sentence


@pytest.mark.parametrize(
    "heading, quantity, unit, read",
    [
        ("数量", "10斤", "斤", "jin"),
        ("数量", "10公斤", "KG", "kg"),
        ("数量（千克）", "10", "公斤", "kg"),
        ("数量（公斤）", "10斤", "市斤", "jin"),
        ("数量（斤）", "10", "", "jin"),
        ("数量", "10斤", "", "jin"),
        ("数量", "10", "斤", "jin"),
    ],
)
def test_units_that_mean_the_same_are_read_as_before(
    heading: str, quantity: str, unit: str, read: str
) -> None:
    [line] = only_event(harvest(heading, quantity, unit)).outputs
    assert (str(line.quantity), line.unit) == ("10", read)


def test_a_unit_that_nobody_knows_is_told_of_its_own_cell_alone() -> None:
    [(code, line, column, _)] = told(harvest("数量", "10斤", "堆"))
    assert (code, line, column) == ("bad-unit", 2, "单位")


def test_the_order_of_the_columns_does_not_matter() -> None:
    text = "时间,责任主体,生产周期,批次,产品,单位,数量\n2026-06-12,fg,c,LZ-1,litchi,公斤,10斤\n"
    [(code, _, column, _)] = told(read_sheet(text.encode(), "采收.csv"))
    assert (code, column) == ("units-differ", "数量")


def test_each_table_of_a_row_is_judged_by_its_own_column_of_units() -> None:
    assert only_event(packaging("20斤,斤", "10公斤,kg")).outputs[0].unit == "kg"
    assert [each[:3] for each in told(packaging("20斤,斤", "20斤,kg"))] == [("units-differ", 2, "产出数量")]


def test_every_line_of_an_event_of_several_rows_is_judged() -> None:
    text = (
        "单号,时间,责任主体,批次,数量,单位\nY1,2026-06-12,fg,LZ-1,10斤,斤\nY1,2026-06-12,fg,LZ-2,10斤,公斤\n"
    )
    sheet = read_sheet(text.encode(), "发货.csv", KINDS["shipping"])
    assert [each[:3] for each in told(sheet)] == [("units-differ", 3, "数量")]


@pytest.mark.parametrize(
    "given", [{"lost": "2斤,公斤"}, {"lost": "2,公斤", "brackets": "（斤）"}], ids=["cell", "heading"]
)
def test_a_loss_is_judged_like_any_quantity(given: dict[str, Any]) -> None:
    [(code, line, column, _)] = told(packaging(**given))
    assert (code, line, column) == ("units-differ", 2, "损耗数量" + given.get("brackets", ""))


@pytest.mark.parametrize("text", ["3.5亩", "３．５ 亩", "3.5 mu", "3.5"])
def test_an_amount_may_repeat_the_unit_that_its_heading_names(text: str) -> None:
    planting = read_posted(KINDS["planting"], [("details.area", text)])
    assert planting["details"] == {"area": "3.5"}
    sheet = read_sheet(
        f"时间,责任主体,地点,周期编号,作物,面积\n2026-06-12,fg,p,c,荔枝,{text}\n".encode(), "种植.csv"
    )
    assert only_event(sheet).details["area"] == "3.5"


def test_a_unit_alone_is_no_amount() -> None:
    assert read_posted(KINDS["planting"], [("details.area", "亩")])["details"] == {"area": "亩"}


def test_the_figures_of_a_recall_may_bring_their_unit_along() -> None:
    posted = [
        ("details.consignees.0.organisation", "shop"),
        ("details.consignees.0.returned", "10斤"),
        ("details.consignees.0.sold", "5 斤"),
    ]
    [row] = read_posted(KINDS["recall_update"], posted)["details"]["consignees"]
    assert row == {"organisation": "shop", "returned": "10", "sold": "5", "unit": "jin"}


def test_a_loss_may_bring_its_unit_along() -> None:
    for sheet in (
        packaging(lost="2斤,"),
        packaging(lost="2,", brackets="（斤）"),
        packaging(lost="2斤,市斤"),
    ):
        details = only_event(sheet).details
        assert (details["loss_quantity"], details["loss_unit"]) == ("2", "jin")
