"""A person's sheet given back with what is wrong in it: red cells, and the reasons in a column of their own.

Every cell is written as the text that it shows. None can become a formula: not when the workbook is opened, and not
when the cell is edited, because it is of Excel's own type for text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final, cast

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet._write_only import WriteOnlyWorksheet

from heji_trace.events.sheets.cells import Cell, plain_text
from heji_trace.events.sheets.examples import REASON_HEADINGS, is_reason
from heji_trace.events.sheets.grids import Grid, GridRow
from heji_trace.events.spool import Scratch

_RED: Final = PatternFill("solid", fgColor="FFFFC7CE")
_AMBER: Final = PatternFill("solid", fgColor="FFFFEB9C")
_HEAD: Final = PatternFill("solid", fgColor="FFEFF3EC")
_DARK_RED: Final = Font(color="FF9C0006")
_MOST_COMMENTS: Final = 500
# What a cell, and what a sheet's name, can hold.
_LONGEST: Final = 32_000
_TITLE_LENGTH: Final = 31
_NO_TITLE: Final = str.maketrans(dict.fromkeys("[]:*?/\\", "、"))


@dataclass(frozen=True, slots=True)
class Mark:
    """What is wrong in a row; `column`, from 0, is None where it is not of one cell. A question is no mistake yet."""

    column: int | None
    sentence: str
    is_question: bool = False


def mark_workbook(
    grid: Grid, title: str, header_line: int, marks: Mapping[int, Sequence[Mark]], language: str
) -> BinaryIO:
    """The sheet as XLSX, row for row where it stood, with `marks` by line; the column of reasons stands first."""
    book = Workbook(write_only=True)
    sheet: WriteOnlyWorksheet = book.create_sheet(title.translate(_NO_TITLE)[:_TITLE_LENGTH] or "Sheet1")
    sheet.freeze_panes = f"B{header_line + 1}"
    sheet.column_dimensions["A"].width = 48
    dropped = _reason_columns(grid, header_line)
    for at in range(2, len(grid.head[0].cells if grid.head else ()) + 2):
        sheet.column_dimensions[get_column_letter(at)].width = 16
    writer = _Writer(sheet, dropped)
    before = 0
    for row in grid.rows():
        for _ in range(before + 1, row.number):
            sheet.append([])
        before = row.number
        reason = REASON_HEADINGS[language] if row.number == header_line else ""
        writer.write(row, reason, marks.get(row.number, ()))
    stream = Scratch()
    book.save(stream)
    stream.seek(0)
    return cast(BinaryIO, stream)


def _reason_columns(grid: Grid, header_line: int) -> frozenset[int]:
    """The reasons of an earlier round, which would stand beside those of this one."""
    return frozenset(
        at
        for row in grid.head
        if row.number == header_line
        for at, cell in enumerate(row.cells)
        if is_reason(plain_text(cell))
    )


class _Writer:
    def __init__(self, sheet: WriteOnlyWorksheet, dropped: frozenset[int]) -> None:
        self._sheet = sheet
        self._dropped = dropped
        self._comments = 0

    def write(self, row: GridRow, heading: str, marks: Sequence[Mark]) -> None:
        by_column: dict[int, list[Mark]] = {}
        for mark in marks:
            if mark.column is not None:
                by_column.setdefault(mark.column, []).append(mark)
        width = max([len(row.cells), *(column + 1 for column in by_column)])
        reasons = "\n".join([heading] * bool(heading) + list(dict.fromkeys(mark.sentence for mark in marks)))
        cells = [self._reason(reasons, marks, is_heading=bool(heading))]
        for at in range(width):
            if at not in self._dropped:
                cell = row.cells[at] if at < len(row.cells) else None
                cells.append(self._cell(cell, by_column.get(at, ()), is_heading=bool(heading)))
        self._sheet.append(cells)

    def _reason(self, text: str, marks: Sequence[Mark], *, is_heading: bool) -> WriteOnlyCell:
        cell = _text_cell(self._sheet, text)
        if marks:
            is_asked = all(mark.is_question for mark in marks)
            cell.fill, cell.font = (_AMBER, Font()) if is_asked else (_RED, _DARK_RED)
            cell.alignment = Alignment(wrap_text=True, vertical="top")
        if is_heading:
            cell.fill = _HEAD
        return cell

    def _cell(self, value: Cell, marks: Iterable[Mark], *, is_heading: bool) -> WriteOnlyCell:
        told = [mark.sentence for mark in marks]
        cell = _text_cell(self._sheet, plain_text(value))
        if is_heading:
            cell.font, cell.fill = Font(bold=True), _HEAD
        if told:
            cell.fill, cell.font = _RED, _DARK_RED
            # Comments are drawn one by one when the file is opened: of many, the column of reasons has all.
            if self._comments < _MOST_COMMENTS:
                self._comments += 1
                cell.comment = Comment("\n".join(told)[:_LONGEST], "禾迹 Heji", height=80, width=260)
        return cell


def _text_cell(sheet: WriteOnlyWorksheet, text: str) -> WriteOnlyCell:
    cell = WriteOnlyCell(sheet)
    if text:
        # Set apart from the value: by itself the library takes "=1" for a formula and "#N/A" for an error.
        cell.value = ILLEGAL_CHARACTERS_RE.sub("\ufffd", text)[:_LONGEST]
        cell.data_type = "s"
    cell.number_format = "@"
    return cell
