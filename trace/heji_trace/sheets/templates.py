"""Spreadsheet templates, made from the declarations: headings, choices to pick from, and a sheet that explains."""

from __future__ import annotations

from datetime import datetime
from io import BytesIO
from typing import Final

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from heji_trace.kinds import Kind, is_needed
from heji_trace.kinds import fields as types
from heji_trace.sheets.cells import safe_cell
from heji_trace.sheets.columns import Column, columns_of
from heji_trace.sheets.examples import example_text
from heji_trace.units import UNITS

_ROWS_WITH_CHOICES: Final = 2000
_LONGEST_INLINE: Final = 255
# Files of the same declaration are the same bytes apart from the zip's own times, so no clock is asked.
_MADE: Final = datetime(2026, 1, 1)  # noqa: DTZ001
_REQUIRED = PatternFill("solid", fgColor="FFE8D9")
_OPTIONAL = PatternFill("solid", fgColor="EFF3EC")
_NOTES = {"zh": "填写说明", "en": "Notes"}
_NOTE_HEADINGS = {
    "zh": ("列", "必填", "说明", "可选内容", "示例"),
    "en": ("Column", "Required", "Help", "Choices", "Example"),
}


def template(kind: Kind, language: str = "zh") -> bytes:
    """An XLSX file to be filled with events of `kind`, its headings in `language` ("zh" or "en").

    Required columns come first and are marked with a star. There is no example row, so that none is uploaded.
    """
    book = Workbook()
    book.properties.created = book.properties.modified = _MADE
    sheet = book.active
    if not isinstance(sheet, Worksheet):
        raise TypeError(sheet)
    sheet.title = kind.zh.replace("/", "、") if language == "zh" else kind.en
    columns = sorted(_asked(kind), key=lambda column: not _is_required(kind, column))
    for index, column in enumerate(columns, 1):
        _write_heading(sheet, index, column, language, required=_is_required(kind, column))
    sheet.freeze_panes = "A2"
    notes = book.create_sheet(_NOTES[language])
    _write_notes(notes, kind, columns, language)
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


def _write_heading(sheet: Worksheet, index: int, column: Column, language: str, *, required: bool) -> None:
    label = _label(column, language)
    cell = sheet.cell(row=1, column=index, value=label + ("*" if required else ""))
    cell.font = Font(bold=True)
    cell.fill = _REQUIRED if required else _OPTIONAL
    cell.alignment = Alignment(wrap_text=True, vertical="center")
    letter = get_column_letter(index)
    sheet.column_dimensions[letter].width = max(10, min(30, 4 + 2 * len(label)))
    kind = column.field.type
    if not isinstance(kind, types.Whole | types.Flag):
        # A code such as 0012 or a batch such as 20260612 stays as it was typed.
        sheet.column_dimensions[letter].number_format = "@"
    choices = ",".join(_choices(kind, language))
    if choices and len(choices) <= _LONGEST_INLINE and not isinstance(kind, types.ListOf):
        picker = DataValidation(type="list", formula1=f'"{choices}"', allow_blank=True)
        picker.add(f"{letter}2:{letter}{_ROWS_WITH_CHOICES}")
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
