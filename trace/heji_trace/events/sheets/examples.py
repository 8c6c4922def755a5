"""What a sheet holds beside its data: numbers of rows, reasons from an error workbook, a template's example."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final

from heji_trace.events.kinds import fields as types
from heji_trace.events.kinds.examples import example_of
from heji_trace.events.sheets.cells import folded, is_blank, plain_text, safe_cell
from heji_trace.events.sheets.columns import Heading, folded_heading
from heji_trace.events.sheets.grids import GridRow

NUMBER_HEADINGS: Final = {"zh": "序号", "en": "No."}
REASON_HEADINGS: Final = {"zh": "需修改的原因", "en": "What to mend"}
EXAMPLE_MARKS: Final = {"zh": "示例", "en": "Example"}

_NUMBERS: Final = frozenset({"序号", "行号", "no", "nr", "#"})
_REASONS: Final = frozenset(map(folded_heading, REASON_HEADINGS.values()))
_MARKS: Final = frozenset(mark.casefold() for mark in EXAMPLE_MARKS.values())


def is_unread(heading: str) -> bool:
    """Whether a column says nothing of an event: the rows' numbers, and the reasons in an error workbook."""
    return folded_heading(heading) in _NUMBERS or is_reason(heading)


def is_reason(heading: str) -> bool:
    """Whether a column holds the reasons of an error workbook."""
    return folded_heading(heading) in _REASONS


def number_columns(headings: Sequence[str]) -> tuple[int, ...]:
    """The columns, from 0, in which people number their rows, and a template marks its example."""
    return tuple(at for at, heading in enumerate(headings) if folded_heading(heading) in _NUMBERS)


def is_marked_example(numbers: Sequence[int], row: GridRow) -> bool:
    """Whether the row is numbered as a template's example, in one of the columns `numbers`."""
    return any(at < len(row.cells) and folded(row.cells[at]).casefold() in _MARKS for at in numbers)


def is_example(columns: Sequence[Heading | None], row: GridRow) -> bool:
    """Whether the row says what a template's example says; one that somebody wrote over does not."""
    cells = [
        (heading.column, plain_text(cell))
        for heading, cell in zip(columns, row.cells, strict=False)
        if heading is not None and not is_blank(cell)
    ]
    return any(
        all(text == plain_text(safe_cell(example_text(column.field, language))) for column, text in cells)
        for language in EXAMPLE_MARKS
    )


@cache
def example_text(field: types.Field, language: str) -> str:
    """The example of a field as people would write it in a cell, "" where the declaration gives none."""
    value = example_of(field, language)
    match field.type:
        case types.Choice(options=options):
            named = {option.value: option.zh if language == "zh" else option.en for option in options}
            return named[str(value)]
        case types.ListOf(item=types.Choice(options=options)) if isinstance(value, list):
            named = {option.value: option.zh if language == "zh" else option.en for option in options}
            return "、".join(named[each] for each in value)
        case types.Moment() if isinstance(value, str):
            return value[:16].replace("T", " ")
        case _ if isinstance(value, list):
            return "、".join(map(str, value))
        case types.Flag():
            return ("是" if value else "否") if language == "zh" else ("yes" if value else "no")
        case _:
            return "" if value is None else str(value)
