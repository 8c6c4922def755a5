"""Spreadsheet templates, made from the declarations: headings, choices to pick from, and a sheet that explains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from io import BytesIO
from types import MappingProxyType
from typing import Final

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from heji_trace.events.kinds import Kind, is_needed
from heji_trace.events.kinds import fields as types
from heji_trace.events.sheets.cells import picked_text, safe_cell
from heji_trace.events.sheets.columns import Column, columns_of
from heji_trace.events.sheets.examples import EXAMPLE_MARKS, NUMBER_HEADINGS, example_text
from heji_trace.vocabulary.units import UNITS

_ROWS_WITH_CHOICES: Final = 5000
# Files of the same declaration are the same bytes apart from the zip's own times, so no clock is asked.
_MADE: Final = datetime(2026, 1, 1)  # noqa: DTZ001
_REQUIRED = PatternFill("solid", fgColor="FFE8D9")
_OPTIONAL = PatternFill("solid", fgColor="EFF3EC")
_EXAMPLE = Font(italic=True, color="FF7A7F74")
_NOTES = {"zh": "填写说明", "en": "Notes"}
_LISTS = {"zh": "选项", "en": "Options"}
_NOTE_HEADINGS = {
    "zh": ("列", "必填", "说明", "可选内容", "示例"),
    "en": ("Column", "Required", "Help", "Choices", "Example"),
}
_HINTS = {
    "zh": (
        "从第 3 行填起；第 2 行是示例，不会被导入，可以删去。带 * 的列必填，其余可留空或整列删去。",
        "下拉列表中，本单位的地块、周期和常用的产品、往来单位排在前面；一格有几项时用顿号分开。",
        "填好后在“上传文件”页上传，无需选择记录类型；有错误的单元格会标红并写明原因。",
    ),
    "en": (
        "Fill from row 3 on; row 2 is an example, is not imported and may be deleted. Columns with * are required.",
        "In the lists your own sites and cycles, and what and whom you deal with, come first; separate several by commas.",
        "Upload it as it is: nothing needs to be chosen. Cells that are wrong come back in red with the reason.",
    ),
}

Lists = Mapping[str, Sequence[tuple[str, str]]]


def template(kind: Kind, language: str = "zh", lists: Lists = MappingProxyType({})) -> bytes:
    """An XLSX file to be filled with events of `kind`, its headings in `language` ("zh" or "en").

    `lists` are what may be picked in a column, by its dotted place (`site`, `inputs.batch`): value and label.
    Required columns come first and are marked with a star. The example's row is marked as one, and not read.
    """
    book = Workbook()
    book.properties.created = book.properties.modified = _MADE
    sheet = book.active
    if not isinstance(sheet, Worksheet):
        raise TypeError(sheet)
    sheet.title = kind.zh.replace("/", "、") if language == "zh" else kind.en
    columns = sorted(_asked(kind), key=lambda column: not _is_required(kind, column))
    picks = book.create_sheet(_LISTS[language])
    picks.sheet_state = "hidden"
    _write_number(sheet, language)
    for index, column in enumerate(columns, 2):
        _write_heading(sheet, index, column, language, required=_is_required(kind, column))
        _write_example(sheet, index, column, language)
        _offer(sheet, picks, index, column, _offered(column, language, lists))
    sheet.freeze_panes = "B2"
    _write_notes(book.create_sheet(_NOTES[language], 1), kind, columns, language)
    stream = BytesIO()
    book.save(stream)
    return stream.getvalue()


def _asked(kind: Kind) -> list[Column]:
    """All columns but the kind, which the sheet's name says."""
    return [column for column in columns_of(kind) if column.path != ("kind",)]


def _is_required(kind: Kind, column: Column) -> bool:
    """Whether each event needs the cell; the id is made from the file where it is left empty."""
    root, is_detail = column.path[0], column.path[0] == "details"
    if root == "id":
        return False
    holder = column.table or column.field
    table_needed = holder.required if is_detail else is_needed(kind, root)
    return table_needed and (column.table is None or column.field.required)


def _label(column: Column, language: str) -> str:
    return column.zh if language == "zh" else column.en


def _write_number(sheet: Worksheet, language: str) -> None:
    """The column that marks the example, and in which people may number their rows."""
    cell = sheet.cell(row=1, column=1, value=NUMBER_HEADINGS[language])
    cell.font, cell.fill = Font(bold=True), _OPTIONAL
    sheet.cell(row=2, column=1, value=EXAMPLE_MARKS[language]).font = _EXAMPLE
    sheet.column_dimensions["A"].width = 9


def _write_heading(sheet: Worksheet, index: int, column: Column, language: str, *, required: bool) -> None:
    label = _label(column, language)
    cell = sheet.cell(row=1, column=index, value=label + ("*" if required else ""))
    cell.font = Font(bold=True)
    cell.fill = _REQUIRED if required else _OPTIONAL
    cell.alignment = Alignment(wrap_text=True, vertical="center")
    letter = get_column_letter(index)
    sheet.column_dimensions[letter].width = max(10, min(30, 4 + 2 * len(label)))
    if not isinstance(column.field.type, types.Whole | types.Flag):
        # A code such as 0012 or a batch such as 20260612 stays as it was typed.
        sheet.column_dimensions[letter].number_format = "@"


def _write_example(sheet: Worksheet, index: int, column: Column, language: str) -> None:
    cell = sheet.cell(row=2, column=index, value=safe_cell(example_text(column.field, language)) or None)
    cell.font = _EXAMPLE
    cell.number_format = "@"


def _offered(column: Column, language: str, lists: Lists) -> list[str]:
    """What may be picked in a column: the fixed choices, or what the organisation has of its own."""
    named = [picked_text(value, label) for value, label in lists.get(".".join(column.path), ())]
    return _choices(column.field.type, language) or [safe_cell(text) for text in named]


def _offer(sheet: Worksheet, picks: Worksheet, index: int, column: Column, offered: Sequence[str]) -> None:
    """A list to pick from; other text may be typed where several values fit, or not all are listed."""
    if not offered:
        return
    letter = get_column_letter(index)
    for at, text in enumerate([_label(column, "zh"), *offered], 1):
        picks.cell(row=at, column=index, value=text).number_format = "@"
    picker = DataValidation(
        type="list",
        formula1=f"'{picks.title}'!${letter}$2:${letter}${len(offered) + 1}",
        allow_blank=True,
        showErrorMessage=isinstance(column.field.type, types.Choice | types.Flag | types.Unit),
    )
    picker.add(f"{letter}3:{letter}{_ROWS_WITH_CHOICES}")
    sheet.add_data_validation(picker)


def _choices(kind: types.FieldType, language: str) -> list[str]:
    match kind.item if isinstance(kind, types.ListOf) else kind:
        case types.Choice(options=options):
            return [option.zh if language == "zh" else option.en for option in options]
        case types.Unit():
            return [unit.zh if language == "zh" else unit.en for unit in UNITS.values()]
        case types.Flag():
            return ["是", "否"] if language == "zh" else ["yes", "no"]
        case _:
            return []


def _write_notes(sheet: Worksheet, kind: Kind, columns: list[Column], language: str) -> None:
    zh = language == "zh"
    sheet.append([kind.about_zh if zh else kind.about_en])
    for hint in _HINTS[language]:
        sheet.append([hint])
    sheet.append(list(_NOTE_HEADINGS[language]))
    for column in columns:
        field = column.field
        needed = ("是" if zh else "yes") if _is_required(kind, column) else ""
        said = (
            _label(column, language),
            needed,
            field.help_zh if zh else field.help_en,
            ("、" if zh else ", ").join(_choices(field.type, language)),
            example_text(field, language),
        )
        sheet.append([safe_cell(text) for text in said])
    for letter, width in zip("ABCDE", (18, 8, 40, 60, 36), strict=True):
        sheet.column_dimensions[letter].width = width
