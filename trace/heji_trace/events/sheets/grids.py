"""Files as rows of cells: CSV in the encodings and with the separators people have, and XLSX.

A file is looked through once and then read row by row, as often as somebody needs it: its rows are never all in memory
as Python values. What would make a cell mean something other than it shows, a formula or a merged cell, is a problem of
that cell.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from heji_trace.errors import InvalidEvent, Problem
from heji_trace.events.sheets import workbooks
from heji_trace.events.sheets.cells import Cell, is_blank

MOST_ROWS: Final = workbooks.MOST_ROWS
MOST_COLUMNS: Final = workbooks.MOST_COLUMNS
# Photographs, scans and printed pages, which people hand in for the sheet itself.
_PICTURES: Final = (
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"GIF8",
    b"RIFF",
    b"II*\0",
    b"MM\0*",
    b"%PDF-",
    b"{\\rtf",
)
# The mark, behind its length, of the pictures and films that telephones take.
_CAMERA: Final = b"ftyp"
# The stream of an old document, in the names of a container that old workbooks share.
_OLD_DOCUMENT: Final = "WordDocument".encode("utf-16-le")
_HEAD: Final = 20
_MOST_FORMULAS: Final = 1000
_CHUNK: Final = 1 << 16
# What spreadsheet programs show where a formula came to nothing, and leave when it is pasted as a value.
_ERRORS: Final = frozenset(
    {"#N/A", "#REF!", "#DIV/0!", "#VALUE!", "#NAME?", "#NULL!", "#NUM!", "#SPILL!", "#CALC!"}
)
_SEPARATORS: Final = ",\t;，；|"

# Spreadsheets keep fifteen digits, and show and save a number of twelve or more as 1.23457E+11.
_EXACT: Final = 10**15
_SHORTENED = re.compile(r"[1-9](\.[0-9]+)?E\+(1[1-9]|[2-9][0-9])", re.IGNORECASE)

_Lines = Callable[[], Iterator[tuple[int, Iterable[Cell]]]]


@dataclass(frozen=True, slots=True)
class GridRow:
    """A row that is not blank, with the number that a spreadsheet program shows beside it."""

    number: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """One sheet; `sha256` is of the file's bytes, in hex, `title` the sheet's name ("" for CSV).

    `count` are its rows that are not blank, `head` the first of them. `formulas` are the columns, from 0, of the cells
    of a row that hold one: all of them, or as many as anybody will mend at once.
    """

    title: str
    sha256: str
    count: int
    head: tuple[GridRow, ...]
    formulas: Mapping[int, tuple[int, ...]]
    merged: tuple[workbooks.Range, ...]
    lines: _Lines = field(repr=False)

    def rows(self) -> Iterator[GridRow]:
        """The rows that are not blank, read anew from the file."""
        return _filled(self.lines())

    def faults(self, row: GridRow) -> list[tuple[int, Problem]]:
        """The cells of a row that mean something other than they show: column, from 0, and what is wrong.

        Of merged cells nobody can tell which rows the value is meant for: each of their rows is told.
        """
        number = row.number
        codes = dict.fromkeys(self.formulas.get(number, ()), "formula-cell")
        for column, cell in enumerate(row.cells):
            if _has_lost_digits(cell):
                codes.setdefault(column, "digits-lost")
            elif isinstance(cell, str) and cell.strip() in _ERRORS:
                codes.setdefault(column, "error-cell")
        found = [
            (column, Problem("", code, {"cell": workbooks.cell_name(column + 1, number)}, number))
            for column, code in codes.items()
        ]
        return found + [
            (merged.first_column - 1, Problem("", "merged-cell", {"cell": merged.cell}, number))
            for merged in self.merged
            if merged.first_row <= number <= merged.last_row
        ]


def _has_lost_digits(cell: Cell) -> bool:
    """Whether a spreadsheet program took a long number, of a batch or a certificate, for a quantity and rounded it."""
    if isinstance(cell, str):
        return _SHORTENED.fullmatch(cell.strip()) is not None
    return isinstance(cell, int | float) and abs(cell) >= _EXACT


def read_grid(data: bytes) -> Grid:
    """The rows of a CSV or XLSX file; raises InvalidEvent where it cannot be read as rows of cells."""
    digest = hashlib.sha256(data).hexdigest()
    if data.startswith(workbooks.ZIP):
        book = workbooks.read_workbook(data)
        return _grid(book.title, digest, book.lines, book.formulas, book.merged)
    if data.startswith(workbooks.OLD):
        code = "not-a-sheet" if _OLD_DOCUMENT in data else "old-workbook"
        raise InvalidEvent([Problem("", code)])
    if data.startswith(_PICTURES) or data[4:8] == _CAMERA:
        raise InvalidEvent([Problem("", "not-a-sheet")])
    sheet = _Csv(data)
    return _grid("", digest, sheet.lines, sheet.formulas, ())


def _grid(
    title: str,
    digest: str,
    lines: _Lines,
    formulas: Mapping[int, tuple[int, ...]],
    merged: tuple[workbooks.Range, ...],
) -> Grid:
    head: list[GridRow] = []
    count = 0
    for row in _filled(lines()):
        count += 1
        if len(head) < _HEAD:
            head.append(row)
    return Grid(title, digest, count, tuple(head), formulas, merged, lines)


def _filled(lines: Iterable[tuple[int, Iterable[Cell]]]) -> Iterator[GridRow]:
    for number, line in lines:
        cells = tuple(line)
        if not all(map(is_blank, cells)):
            yield GridRow(number, cells)


class _Csv:
    """A text file of separated values; raises InvalidEvent, when it is made, for all that reading it could."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._encoding = _encoding(data)
        self._separator = _separator(self._text().read(_CHUNK))
        self.formulas: dict[int, tuple[int, ...]] = {}
        for number, cells in self.lines():
            if number > MOST_ROWS:
                raise InvalidEvent([Problem("", "too-many-rows", {"most": MOST_ROWS}, line=number)])
            if len(cells) > MOST_COLUMNS:
                raise InvalidEvent([Problem("", "too-many-columns", {"most": MOST_COLUMNS}, line=number)])
            found = tuple(at for at, cell in enumerate(cells) if cell.lstrip()[:1] == "=")
            if found and len(self.formulas) < _MOST_FORMULAS:
                self.formulas[number] = found

    def lines(self) -> Iterator[tuple[int, list[str]]]:
        """Each row with its number."""
        reader = csv.reader(_without_nul(self._text()), delimiter=self._separator)
        try:
            yield from enumerate(reader, 1)
        except csv.Error as error:
            raise InvalidEvent([Problem("", "unreadable-file", line=reader.line_num)]) from error

    def _text(self) -> io.TextIOWrapper:
        return io.TextIOWrapper(io.BytesIO(self._data), self._encoding, newline="")


def _without_nul(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        if "\0" in line:
            raise InvalidEvent([Problem("", "unreadable-file")])
        yield line


def _encoding(data: bytes) -> str:
    """UTF-8 with or without mark, UTF-16 with its mark (Excel's "Unicode text"), else GB18030."""
    marked = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ["utf-16"] if marked else ["utf-8-sig", "gb18030"]:
        if _is_encoded(data, encoding):
            return encoding
    raise InvalidEvent([Problem("", "unreadable-encoding")])


def _is_encoded(data: bytes, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for start in range(0, len(data), _CHUNK):
            decoder.decode(data[start : start + _CHUNK])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _separator(text: str) -> str:
    """The separator that most of the first rows have equally often, quoted parts left out; a comma where none does.

    Commas of sentences stand in some rows and not in others, and never in the headings.
    """
    bare = "".join("\n".join(text.split("\n", 20)[:20]).split('"')[::2]).splitlines()

    def rank(sign: str) -> tuple[int, int, int]:
        counts = Counter(filter(None, (line.count(sign) for line in bare)))
        times, rows = max(
            ((times, rows) for times, rows in counts.items()), key=lambda each: each[::-1], default=(0, 0)
        )
        return rows, times, -_SEPARATORS.index(sign)

    return max(_SEPARATORS, key=rank)
