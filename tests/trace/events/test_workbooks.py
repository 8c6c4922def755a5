"""Workbooks as other programs write them: cells that do not say where they stand."""

from __future__ import annotations

import io

import openpyxl

from heji_trace.events.sheets.grids import read_grid
from heji_trace.events.sheets.workbooks import read_workbook
from web.sent_files import repacked


def without_places(rows: list[list[str | None]]) -> bytes:
    """A workbook whose rows and cells name no place, as the format allows."""
    stream = io.BytesIO()
    openpyxl.Workbook().save(stream)
    text = b"".join(b"<row>%s</row>" % b"".join(map(cell_xml, row)) for row in rows)
    main = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    return repacked(stream.getvalue(), xl__worksheets__sheet1_xml=main + text + b"</sheetData></worksheet>")


def cell_xml(value: str | None) -> bytes:
    if value is None:
        return b"<c/>"
    if value.startswith("#"):
        return b'<c t="e"><v>%s</v></c>' % value.encode()
    if value.startswith("="):
        kind, shown = (b' t="e"', b"#DIV/0!") if value == "=1/0" else (b"", b"7")
        return b"<c%s><f>%s</f><v>%s</v></c>" % (kind, value[1:].encode(), shown)
    return b'<c t="inlineStr"><is><t>%s</t></is></c>' % value.encode()


def test_a_cell_stands_behind_the_one_before_where_it_names_no_place() -> None:
    lines = list(read_workbook(without_places([["a", "b"], [None, "c"]])).lines())
    assert [(number, [cell or "" for cell in cells]) for number, cells in lines] == [
        (1, ["a", "b"]),
        (2, ["", "c"]),
    ]


def test_a_formula_is_found_in_a_cell_that_names_no_place() -> None:
    grid = read_grid(without_places([["数量", "备注"], ["5", "x"], ["6", "=1+6"]]))
    assert grid.formulas == {3: (1,)}
    assert [problem.names["cell"] for row in grid.rows() for _, problem in grid.faults(row)] == ["B3"]


def test_an_error_that_was_pasted_as_a_value_is_a_problem_of_its_cell_and_not_a_blank() -> None:
    rows: list[list[str | None]] = [["数量", "备注", "证书"], ["5", "#N/A", None], ["6", None, "#DIV/0!"]]
    for data in (without_places(rows), "数量,备注,证书\n5,#N/A,\n6,,#DIV/0!\n".encode()):
        grid = read_grid(data)
        found = [fault for row in grid.rows() for fault in grid.faults(row)]
        assert [(column, each.code, each.names["cell"]) for column, each in found] == [
            (1, "error-cell", "B2"),
            (2, "error-cell", "C3"),
        ]


def test_a_formula_that_came_to_an_error_is_told_once() -> None:
    grid = read_grid(without_places([["数量", "单位"], ["=1/0", "kg"]]))
    assert [each.code for row in grid.rows() for _, each in grid.faults(row)] == ["formula-cell"]
