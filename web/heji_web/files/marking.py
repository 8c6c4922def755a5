"""The error workbook: a person's own sheet with the cells in question in red, and why, in their language."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

from heji_trace.errors import Problem
from heji_trace.events.kinds import KINDS
from heji_trace.events.sheets.columns import find_kind
from heji_trace.events.sheets.grids import Grid
from heji_trace.events.sheets.marked import Mark, mark_workbook
from heji_web.events.described import kind_name
from heji_web.files.checking import Checked
from heji_web.files.imports import Asked, Import
from heji_web.requests.languages import gettext, translate


def mark_sheet(
    grid: Grid, checked: Checked | Import, problems: Sequence[Problem], asked: Sequence[Asked], spoken: str
) -> BinaryIO:
    """An XLSX file of the sheet in `grid` with its problems and questions, in the language that is `spoken`."""
    marks: dict[int, list[Mark]] = {}
    for problem in problems:
        line = checked.header_line if problem.line is None else problem.line
        column = checked.headings.index(problem.column) if problem.column in checked.headings else None
        marks.setdefault(line, []).append(Mark(column, problem.sentence(spoken)))
    for each in asked:
        question = Mark(None, each.question.sentence(spoken), is_question=True)
        marks.setdefault(each.lines[0], []).append(question)
    return mark_workbook(grid, _title(grid, checked.kind, spoken), checked.header_line, marks, spoken)


def _title(grid: Grid, kind: str, spoken: str) -> str:
    """The sheet's own name where it says the kind, else the kind's: the mended workbook is read without a choice."""
    if grid.title and (kind not in KINDS or find_kind(grid.title) is KINDS[kind]):
        return grid.title
    return kind_name(KINDS[kind], spoken) if kind in KINDS else translate("Test results", spoken)


def marked_name(name: str) -> str:
    """What the error workbook of a file is called."""
    stem = name.rpartition(".")[0] or name or gettext("sheet")
    return f"{stem}-{gettext('to mend')}.xlsx"
