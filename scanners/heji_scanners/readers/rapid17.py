"""The 17-column file of rapid testers and their workstations (检测数据导入模板), XLSX or CSV.

Row 1 is help text, row 2 the header, data follow; a header in the first row is read as well. The file names neither
sample nor batch nor unit, so whoever uploads it chooses the sample a row belongs to.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

from heji_trace.errors import InvalidEvent, Problem
from heji_trace.events.sheets import row_id
from heji_trace.events.sheets.cells import Cell, folded, is_blank, plain_text, read_moment, read_text
from heji_trace.events.sheets.columns import folded_heading
from heji_trace.events.sheets.grids import Grid, GridRow, read_grid
from heji_trace.vocabulary.times import parse_moment

# Heading, field of RapidRow, whether each row needs it.
COLUMNS: Final = (
    ("检测点名称", "test_point", True),
    ("被检单位", "sampled_unit", True),
    ("档口编号", "stall", False),
    ("样品名称", "sample_name", True),
    ("检测项目", "analyte", True),
    ("限定值", "limit", False),
    ("检测值", "value", True),
    ("检测结论", "conclusion", True),
    ("检测人员", "tester", True),
    ("检测时间", "tested_at", True),
    ("审核人员姓名", "verifier", False),
    ("上报人员姓名", "reporter", False),
    ("检测设备名称", "instrument", False),
    ("检测模块", "module", False),
    ("检测方法", "method", False),
    ("仪器生产厂家", "maker", False),
    ("备注", "note", False),
)
# Beyond the seventeen: what workstations add, and what saves the uploader a choice.
_MORE_COLUMNS: Final = (("样品编号", "sample", False), ("批次", "batch", False), ("批次号", "batch", False))
_HEADING_OF: Final = MappingProxyType({name: heading for heading, name, _ in (*_MORE_COLUMNS, *COLUMNS)})
_REQUIRED: Final = tuple(name for _, name, required in COLUMNS if required)
_OTHER_HEADINGS: Final = MappingProxyType(
    {"审核人员": "verifier", "上报人员": "reporter", "检测设备": "instrument"}
)
_HEADER_WITHIN: Final = 5
_ENOUGH_HEADINGS: Final = 8

_NUMBER = re.compile(r"(-?[0-9]+(?:\.[0-9]+)?)\s*%?")
_AMOUNT = re.compile(r"(0|[1-9][0-9]{0,11})(\.[0-9]{1,6})?")
_BOUND = re.compile(r"[<>≤≥]\s*[0-9]+(\.[0-9]+)?\s*%?")
_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {"阴性": "阴性", "阳性": "阳性", "未检出": "未检出", "nd": "未检出", "可疑": "可疑", "无效": "无效"}
)
# Whatever the file concludes, which knows two words alone: of such a run nobody may say that nothing was found.
_NO_RESULT: Final[Mapping[str, str]] = MappingProxyType({"可疑": "suspicious", "无效": "invalid"})
_CONCLUSIONS: Final[Mapping[str, bool]] = MappingProxyType({"合格": True, "不合格": False})


@dataclass(frozen=True, slots=True)
class RapidRow:
    """One result as the file states it; `tested_at` is RFC 3339 in Beijing time, blanks are "".

    `unit` is the percent sign of a value that has one.

    `sample` and `batch` are of columns that some workstations add to the seventeen.
    """

    line: int
    test_point: str
    sampled_unit: str
    stall: str
    sample_name: str
    analyte: str
    limit: str
    value: str
    unit: str
    conforms: bool
    tester: str
    tested_at: str
    verifier: str
    reporter: str
    instrument: str
    module: str
    method: str
    maker: str
    note: str
    sample: str
    batch: str
    file_sha256: str


@dataclass(frozen=True, slots=True)
class RapidFile:
    """The rows that can be used and the problems of the others, with line and column."""

    name: str
    sha256: str
    header_line: int
    headings: tuple[str, ...]
    rows: tuple[RapidRow, ...]
    problems: tuple[Problem, ...]


def is_rapid17(data: bytes) -> bool:
    """Whether the file can be read and has most of the headings of this format."""
    try:
        return has_rapid17_header(read_grid(data))
    except InvalidEvent:
        return False


def has_rapid17_header(grid: Grid) -> bool:
    """Whether a row near the top has most of the headings of this format."""
    return _find_header(grid) is not None


def read_rapid17(data: bytes, name: str) -> RapidFile:
    """The results of a rapid tester's file; raises InvalidEvent where it is not such a file at all."""
    return rapid17_of(read_grid(data), name)


def rapid17_of(grid: Grid, name: str) -> RapidFile:
    """The same of a file whose rows are at hand."""
    header = _find_header(grid)
    if header is None:
        raise InvalidEvent([Problem("", "not-rapid17")])
    columns, problems = _columns(header)
    rows: list[RapidRow] = []
    for row in grid.rows():
        if row.number <= header.number:
            continue
        cells = {field: row.cells[at] if at < len(row.cells) else None for field, at in columns.items()}
        found = [*_faults(grid, row, header), *_row_problems(row.number, cells)]
        problems += found
        if not found:
            rows.append(_row(row.number, cells, grid.sha256))
    if not rows and not problems:
        problems.append(Problem("", "no-rows", line=header.number))
    headings = tuple(plain_text(cell) for cell in header.cells)
    return RapidFile(name, grid.sha256, header.number, headings, tuple(rows), tuple(problems))


def _fields(header: GridRow) -> dict[str, list[int]]:
    """The places of each field, by the headings of a row."""
    named = {folded_heading(heading): field for heading, field, _ in (*COLUMNS, *_MORE_COLUMNS)}
    named |= {folded_heading(heading): field for heading, field in _OTHER_HEADINGS.items()}
    found: dict[str, list[int]] = {}
    for at, cell in enumerate(header.cells):
        heading = folded_heading(folded(cell).partition("(")[0])
        if heading in named:
            found.setdefault(named[heading], []).append(at)
    return found


def _find_header(grid: Grid) -> GridRow | None:
    return next((row for row in grid.head[:_HEADER_WITHIN] if len(_fields(row)) >= _ENOUGH_HEADINGS), None)


def _columns(header: GridRow) -> tuple[dict[str, int], list[Problem]]:
    found = _fields(header)
    problems = [
        Problem("", "missing-heading", {"heading": _HEADING_OF[field]}, header.number, _HEADING_OF[field])
        for field in _REQUIRED
        if field not in found
    ]
    problems += [
        Problem("", "repeated-heading", {"heading": text[:60]}, header.number, text[:60])
        for places in found.values()
        for text in [plain_text(header.cells[at]) for at in places[1:]]
    ]
    return {field: places[0] for field, places in found.items()}, problems


def _faults(grid: Grid, row: GridRow, header: GridRow) -> list[Problem]:
    headings = [plain_text(cell) for cell in header.cells]
    return [
        replace(problem, column=headings[column] if column < len(headings) else None)
        for column, problem in grid.faults(row)
    ]


def _row_problems(line: int, cells: Mapping[str, Cell]) -> list[Problem]:
    blank = [field for field in _REQUIRED if field in cells and is_blank(cells[field])]
    found = [Problem("", "missing-field", {}, line, _HEADING_OF[field]) for field in blank]

    def refuse(field: str, code: str) -> None:
        names: dict[str, object] = {"value": plain_text(cells[field])[:60]}
        found.append(Problem("", code, names, line, _HEADING_OF[field]))

    filled = {field for field in cells if field not in blank}
    value, conclusion = _value(cells.get("value")), folded(cells.get("conclusion"))
    if "value" in filled and value is None:
        refuse("value", "bad-test-value")
    if "conclusion" in filled and conclusion not in _CONCLUSIONS:
        refuse("conclusion", "bad-test-conclusion")
    elif "conclusion" in filled and (value, conclusion) in {
        ("阳性", "合格"),
        ("阴性", "不合格"),
        ("未检出", "不合格"),
    }:
        refuse("conclusion", "conclusion-against-value")
    if "tested_at" in filled and not _is_moment(read_moment(cells["tested_at"])):
        refuse("tested_at", "bad-date")
    return found


def _is_moment(text: str) -> bool:
    try:
        parse_moment(text)
    except ValueError:
        return False
    return True


def _value(cell: Cell) -> str | None:
    """A number, a bound such as <5, or one of the words; None for anything else."""
    text = folded(cell)
    word = _WORDS.get(text.partition("(")[0].strip().casefold())
    if word or _BOUND.fullmatch(text):
        return word or text
    number = _NUMBER.fullmatch(text)
    return number[1] if number else None


def _row(line: int, cells: Mapping[str, Cell], sha256: str) -> RapidRow:
    texts = {
        field: read_text(cells.get(field))
        for _, field, _ in (*COLUMNS, *_MORE_COLUMNS)
        if field != "conclusion"
    }
    texts = {field: "" if is_blank(text) else text for field, text in texts.items()}
    texts["value"] = _value(cells.get("value")) or ""
    texts["unit"] = "%" if texts["value"] and folded(cells.get("value")).endswith("%") else ""
    texts["tested_at"] = read_moment(cells.get("tested_at"))
    return RapidRow(
        line=line, conforms=_CONCLUSIONS[folded(cells.get("conclusion"))], file_sha256=sha256, **texts
    )


def sampling_event(
    row: RapidRow, *, sample: str, organisation: str, batches: Sequence[str], purpose: str = "commissioned"
) -> dict[str, Any]:
    """A raw `sampling` event that binds the row's new sample to its batches.

    The file knows no time of sampling, so that of the test stands for it.
    """
    one: dict[str, Any] = {"sample": sample}
    if len(batches) == 1:
        one["batch"] = batches[0]
    elif batches:
        one["composite_of"] = list(batches)
    return {
        "id": row_id(organisation, row.file_sha256, "sampling", row.line),
        "kind": "sampling",
        "occurred_at": row.tested_at,
        "organisation": organisation,
        "batches": list(batches),
        "details": {"purpose": purpose, "samples": [one]},
        "note": _note(row),
    }


def testing_event(
    row: RapidRow,
    *,
    sample: str,
    organisation: str,
    laboratory: str,
    batches: Sequence[str],
) -> dict[str, Any]:
    """A raw `testing` event of the row's result for `sample`; the same row of the same file has the same id.

    A screening is negative or positive, or suspicious or void, never conforming. It is `reviewed` where the file names
    a second person as verifier, else `preliminary`. What has no field of its own stands in the note.
    """
    conclusion = _NO_RESULT.get(row.value) or ("negative" if row.conforms else "positive")
    result = {"analyte": row.analyte, "value": row.value, "outcome": conclusion}
    if _NUMBER.fullmatch(row.value) and (row.unit or "抑制率" in row.method):
        result["unit"] = "%"
    if limit := _limit(row):
        result["limit"] = limit
    reviewed = bool(row.verifier) and row.verifier != row.tester
    details = {
        "sample": sample,
        "laboratory": laboratory,
        "method": row.method or "快速检测",
        "method_class": "rapid",
        "results": [result],
        "conclusion": conclusion,
        "status": "invalid" if conclusion == "invalid" else "reviewed" if reviewed else "preliminary",
        "tester": row.tester,
        "tested_at": row.tested_at,
    }
    details |= {"verifier": row.verifier} if row.verifier else {}
    details |= {"instrument": row.instrument} if row.instrument else {}
    event = {
        "id": row_id(organisation, row.file_sha256, "testing", row.line),
        "kind": "testing",
        "occurred_at": row.tested_at,
        "organisation": organisation,
        "details": details,
        "note": _note(row),
    }
    return event | ({"batches": list(batches)} if batches else {})


def _limit(row: RapidRow) -> str:
    """The limit where it is a number; one in words stands in the note."""
    limit = row.limit.removesuffix("%")
    return limit if _AMOUNT.fullmatch(limit) else ""


def _note(row: RapidRow) -> str:
    """What the event has no field for, and which row of which file it came from."""
    said = {
        "test_point": row.test_point,
        "sampled_unit": row.sampled_unit,
        "stall": row.stall,
        "sample_name": row.sample_name,
        "limit": "" if _limit(row) else row.limit,
        "conclusion": ("合格" if row.conforms else "不合格") if row.value in _NO_RESULT else "",
        "module": row.module,
        "maker": row.maker,
        "reporter": row.reporter,
        "note": row.note,
    }
    parts = [f"{_HEADING_OF[field]}：{text[:80]}" for field, text in said.items() if text]
    return "；".join([*parts, f"文件 {row.file_sha256} 第 {row.line} 行"])
