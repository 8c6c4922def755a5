"""Templates with lists: what may be picked, the example, and the way back through the upload."""

from __future__ import annotations

import io
from typing import Any

import openpyxl
import pytest

from heji_trace.events.kinds import KINDS, Kind
from heji_trace.events.sheets import Sheet, parse_rows, read_sheet
from heji_trace.events.sheets.templates import template

LISTS = {
    "site": [("fg-plot-031", "三号园、东"), ("fg-plot-032", "fg-plot-032")],
    "cycles": [("2026-litchi-031", "荔枝 · 妃子笑")],
    "outputs.product": [("litchi-fresh", "鲜荔枝, 一级")],
}
SHEETS = pytest.mark.parametrize(
    "kind", [kind for kind in KINDS.values() if kind.form], ids=lambda kind: kind.name
)


def opened(kind: Kind = KINDS["harvest"], language: str = "zh") -> Any:
    return openpyxl.load_workbook(io.BytesIO(template(kind, language, LISTS)))


def columns(sheet: Any) -> dict[str, int]:
    return {cell.value.rstrip("*"): cell.column for cell in sheet[1]}


def picks(book: Any, heading: str) -> list[str]:
    """What the drop-down list of a column offers."""
    sheet = book.worksheets[0]
    letter = sheet.cell(row=1, column=columns(sheet)[heading]).column_letter
    [rule] = [
        rule
        for rule in sheet.data_validations.dataValidation
        if any(each.coord.startswith(f"{letter}3:") for each in rule.sqref)
    ]
    title, place = rule.formula1.split("!")
    return [cell.value for (cell,) in book[title.strip("'")][place.replace("$", "")]]


def read(book: Any) -> Sheet:
    stream = io.BytesIO()
    book.save(stream)
    return read_sheet(stream.getvalue(), "x.xlsx", organisation="fg-litchi-coop")


def fill(book: Any, row: int, **cells: object) -> None:
    sheet = book.worksheets[0]
    for heading, value in cells.items():
        sheet.cell(row=row, column=columns(sheet)[heading], value=value)


HARVEST: dict[str, object] = {
    "时间": "2026-06-12 07:40",
    "生产周期": "2026-litchi-031 · 荔枝 妃子笑",
    "批次": "LZ-1",
    "产品": "litchi-fresh · 鲜荔枝 一级",
    "数量": "120.5",
    "单位": "千克",
}


def test_the_lists_offer_codes_with_what_people_call_them() -> None:
    book = opened()
    assert picks(book, "地点") == ["fg-plot-031 · 三号园 东", "fg-plot-032"]
    assert picks(book, "生产周期") == ["2026-litchi-031 · 荔枝 妃子笑"]
    assert "千克" in picks(book, "单位")
    assert [sheet.sheet_state for sheet in book.worksheets] == ["visible", "visible", "hidden"]


def test_what_is_picked_is_read_as_its_code_and_nothing_has_to_be_chosen() -> None:
    book = opened()
    fill(book, 3, **HARVEST, 地点="fg-plot-031 · 三号园 东")
    sheet = read(book)
    events, problems = parse_rows(sheet)
    assert problems == ()
    [event] = events
    assert (sheet.kind.name, event.kind) == ("harvest", "harvest")
    assert (event.site, event.cycles) == ("fg-plot-031", ("2026-litchi-031",))
    assert event.body["outputs"][0]["product"] == "litchi-fresh"


@SHEETS
@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_example_row_shows_something_and_is_never_uploaded(kind: Kind, language: str) -> None:
    book = opened(kind, language)
    shown = [cell.value for cell in book.worksheets[0][2]]
    assert shown[0] in ("示例", "Example")
    assert sum(bool(value) for value in shown) > 2
    assert [problem.code for problem in parse_rows(read(book))[1]] == ["no-rows"]


def test_rows_below_the_example_may_be_numbered() -> None:
    book = opened()
    for number in (1, 2):
        fill(book, number + 2, 序号=number, **{**HARVEST, "批次": f"LZ-{number}"})
    events, problems = parse_rows(read(book))
    assert problems == ()
    assert [event.outputs[0].batch for event in events] == ["LZ-1", "LZ-2"]


def test_an_example_that_somebody_wrote_over_is_asked_about_and_not_lost_in_silence() -> None:
    book = opened()
    fill(book, 2, **HARVEST)
    _, problems = parse_rows(read(book))
    assert ("example-changed", 2) in [(problem.code, problem.line) for problem in problems]
    fill(book, 2, 序号=1)
    sheet = book.worksheets[0]
    for cell in sheet[2]:
        if sheet.cell(row=1, column=cell.column).value.rstrip("*") not in HARVEST:
            cell.value = None
    events, problems = parse_rows(read(book))
    assert (len(events), problems) == (1, ())


@SHEETS
def test_nothing_in_a_template_is_a_formula(kind: Kind) -> None:
    hostile = [("=1+1", '=HYPERLINK("x")'), ("+1", "@x"), ("-1", "a")]
    lists = {"site": hostile, "cycles": hostile, "performed_by": hostile}
    book = openpyxl.load_workbook(io.BytesIO(template(kind, "zh", lists)))
    assert [cell.coordinate for sheet in book for row in sheet for cell in row if cell.data_type == "f"] == []
