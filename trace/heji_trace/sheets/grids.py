"""Files as rows of cells: CSV in the encodings and with the separators people have, and XLSX.

Refused, with the cell named, is what would make a cell mean something other than it shows: formulas, merged cells.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from heji_trace.errors import InvalidEvent, Problem
from heji_trace.sheets import workbooks
from heji_trace.sheets.cells import Cell, is_blank

MOST_ROWS: Final = workbooks.MOST_ROWS
MOST_COLUMNS: Final = workbooks.MOST_COLUMNS
_MOST_PROBLEMS: Final = 50
_SEPARATORS: Final = ",\t;，；|"


@dataclass(frozen=True, slots=True)
class GridRow:
    """A row that is not blank, with the number that a spreadsheet program shows beside it."""

    number: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """The rows of one sheet; `sha256` is of the file's bytes, in hex, `title` the sheet's name ("" for CSV)."""

    title: str
    rows: tuple[GridRow, ...]
    sha256: str
    merged: tuple[workbooks.Range, ...] = ()


def read_grid(data: bytes) -> Grid:
    """The rows of a CSV or XLSX file; raises InvalidEvent where it cannot be read as rows of plain cells."""
    digest = hashlib.sha256(data).hexdigest()
    if data.startswith(workbooks.ZIP):
        book = workbooks.read_workbook(data)
        return Grid(book.title, _filled(enumerate(book.rows, 1)), digest, book.merged)
    if data.startswith(workbooks.OLD):
        raise InvalidEvent([Problem("", "old-workbook")])
    return Grid("", _filled(_csv_rows(data)), digest)


def _filled(rows: Iterable[tuple[int, Iterable[Cell]]]) -> tuple[GridRow, ...]:
    listed = ((number, tuple(cells)) for number, cells in rows)
    return tuple(GridRow(number, cells) for number, cells in listed if not all(map(is_blank, cells)))


def _csv_rows(data: bytes) -> list[tuple[int, list[str]]]:
    text = _decoded(data)
    if "\0" in text:
        raise InvalidEvent([Problem("", "unreadable-file")])
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text))
    rows: list[tuple[int, list[str]]] = []
    try:
        for number, cells in enumerate(reader, 1):
            if number > MOST_ROWS:
                raise InvalidEvent([Problem("", "too-many-rows", {"most": MOST_ROWS}, line=number)])
            if len(cells) > MOST_COLUMNS:
                raise InvalidEvent([Problem("", "too-many-columns", {"most": MOST_COLUMNS}, line=number)])
            rows.append((number, cells))
    except csv.Error as error:
        raise InvalidEvent([Problem("", "unreadable-file", line=reader.line_num)]) from error
    _refuse_formulas(rows)
    return rows


def _refuse_formulas(rows: list[tuple[int, list[str]]]) -> None:
    found = [
        Problem("", "formula-cell", {"cell": f"{workbooks.column_letters(column)}{number}"}, line=number)
        for number, cells in rows
        for column, cell in enumerate(cells, 1)
        if cell.lstrip()[:1] == "="
    ]
    if found:
        raise InvalidEvent(found[:_MOST_PROBLEMS])


def _decoded(data: bytes) -> str:
    """UTF-8 with or without mark, UTF-16 with its mark (Excel's "Unicode text"), else GB18030."""
    marked = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ["utf-16"] if marked else ["utf-8-sig", "gb18030"]:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise InvalidEvent([Problem("", "unreadable-encoding")])


def _separator(text: str) -> str:
    """The separator that stands most often in the first rows, quoted parts left out; a comma where none does."""
    head = "\n".join(text.split("\n", 20)[:20]).split('"')
    bare = "".join(head[::2])
    return max(_SEPARATORS, key=lambda sign: (bare.count(sign), -_SEPARATORS.index(sign)))
