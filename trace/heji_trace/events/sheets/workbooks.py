"""XLSX files, read by calamine after a look at what they would unpack to, and at formulas and merged cells."""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Final, NamedTuple
from xml.etree.ElementTree import Element, ParseError
from xml.parsers.expat import ExpatError, ParserCreate

from defusedxml.ElementTree import fromstring
from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from heji_trace.errors import InvalidEvent, Problem
from heji_trace.events.sheets.cells import Cell

# What stands for every error: the program that wrote the file knows which it was.
ERROR: Final = "#N/A"
ZIP: Final = b"PK\x03\x04"
OLD: Final = b"\xd0\xcf\x11\xe0"
# A document or slides of the same family of formats.
_OTHER_PARTS: Final = ("word/", "ppt/")
MOST_ROWS: Final = 110_000
MOST_COLUMNS: Final = 200
_MOST_UNPACKED: Final = 192 * 1024 * 1024
# Lists of sheets are read as a tree, which takes many times their size.
_MOST_LISTED: Final = 1024 * 1024
# A sheet is held as a rectangle, of 32 bytes a cell.
_MOST_CELLS: Final = 4_000_000
_MOST_PARTS: Final = 2_000
_MOST_RATIO: Final = 200
_MOST_FORMULAS: Final = 1000
_MOST_ERRORS: Final = 1000
_MOST_MERGED: Final = 1000
_CHUNK: Final = 1 << 16
_NOTES: Final = frozenset({"填写说明", "说明", "选项", "notes", "options"})

# What zipfile, expat, defusedxml and calamine were seen to raise for damaged files (ValueError: a seek to before the
# start, bad UTF-8, entities; RuntimeError: a password).
_BROKEN: Final = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    LookupError,
    ValueError,
    OverflowError,
    RuntimeError,
    ParseError,
    ExpatError,
    CalamineError,
)
_PLAIN_PACKING: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})

_REFERENCE = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")
_ROW = re.compile(r"[1-9][0-9]{0,6}")


class Range(NamedTuple):
    """Merged cells: the first one's name, column and row, from 1, and the last row."""

    cell: str
    first_column: int
    first_row: int
    last_row: int


@dataclass(frozen=True, slots=True)
class Workbook:
    """The one sheet that holds data; `formulas` are the columns, from 0, of the cells of a row that hold one.

    `errors` are those of the cells that show one, such as #DIV/0!, as far as somebody will mend at once.
    """

    title: str
    formulas: Mapping[int, tuple[int, ...]]
    errors: Mapping[int, tuple[int, ...]]
    merged: tuple[Range, ...]
    sheet: CalamineSheet = field(repr=False)

    def lines(self) -> Iterator[tuple[int, list[Cell]]]:
        """Each row with its number, from the sheet's first row and column to its last filled ones."""
        # The library begins with the first row, but in each row with the first column that is filled anywhere.
        _, left = self.sheet.start or (0, 0)
        before: list[Cell] = [None] * left
        for number, row in enumerate(self.sheet.iter_rows(), 1):
            cells = [*before, *row]
            for column in self.errors.get(number, ()):
                # The library gives an error as nothing, and what is missing would be recorded as not said.
                cells += [None] * (column + 1 - len(cells))
                cells[column] = ERROR
            yield number, cells


def read_workbook(data: bytes) -> Workbook:
    """The first visible sheet of an XLSX file that is not a sheet of notes.

    Raises InvalidEvent for a file that is broken or unpacks to too much.
    """
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            if any(part.startswith(_OTHER_PARTS) for part in archive.namelist()):
                raise InvalidEvent([Problem("", "not-a-sheet")])
            _check_size(archive)
            title, part = _find_sheet(archive)
            look = _look_through(archive, part)
        look.check()
        sheet = CalamineWorkbook.from_filelike(BytesIO(data)).get_sheet_by_name(title)
        return Workbook(title, look.formulas, look.errors, tuple(look.merged), sheet)
    except _BROKEN as error:
        raise _unreadable() from error


def _unreadable() -> InvalidEvent:
    return InvalidEvent([Problem("", "unreadable-workbook")])


def _check_size(archive: zipfile.ZipFile) -> None:
    """Refuses a file that unpacks to too much; reading all parts once proves that the sizes it states are true."""
    parts = archive.infolist()
    unpacked = sum(part.file_size for part in parts)
    packed = sum(part.compress_size for part in parts)
    if unpacked > _MOST_UNPACKED or len(parts) > _MOST_PARTS or unpacked > 2**20 + packed * _MOST_RATIO:
        raise InvalidEvent([Problem("", "workbook-too-large")])
    if not {part.compress_type for part in parts} <= _PLAIN_PACKING:
        raise _unreadable()
    if len({part.filename.casefold() for part in parts}) != len(parts) or archive.testzip() is not None:
        raise _unreadable()


def _find_sheet(archive: zipfile.ZipFile) -> tuple[str, str]:
    """Name and part of the sheet that holds the data."""
    relations = _elements(archive, "xl/_rels/workbook.xml.rels", "Relationship")
    listed = _elements(archive, "xl/workbook.xml", "sheet")
    # What could be understood in two ways is refused: the library might take another part than is looked through.
    _check_distinct(relation.get("Id", "") for relation in relations)
    _check_distinct(element.get("name", "") for element in listed)
    if any("&" in name for name in archive.namelist()):
        raise _unreadable()
    targets = {relation.get("Id"): relation.get("Target", "") for relation in relations}
    visible = [
        (element.get("name", ""), targets[_relation_of(element)])
        for element in listed
        if element.get("state", "visible") == "visible"
    ]
    sheets = [sheet for sheet in visible if sheet[0].casefold() not in _NOTES]
    if not sheets:
        raise _unreadable()
    filled = [sheet for sheet in sheets if _has_cells(archive, _path(sheet[1]))]
    if len(filled) > 1:
        names = "、".join(name for name, _ in filled)
        raise InvalidEvent([Problem("", "several-sheets", {"names": names[:200]})])
    title, target = (filled or sheets)[0]
    return title, _path(target)


def _elements(archive: zipfile.ZipFile, part: str, tag: str) -> list[Element]:
    return [element for element in fromstring(_listed(archive, part)).iter() if _tag(element.tag) == tag]


def _relation_of(sheet: Element) -> str:
    """The one relation that a sheet names, in whichever edition of the format."""
    named = [value for name, value in sheet.attrib.items() if _tag(name) == "id"]
    if len(named) != 1:
        raise _unreadable()
    return named[0]


def _check_distinct(names: Iterable[str]) -> None:
    if max(Counter(names).values(), default=0) > 1:
        raise _unreadable()


def _listed(archive: zipfile.ZipFile, part: str) -> bytes:
    if archive.getinfo(part).file_size > _MOST_LISTED:
        raise _unreadable()
    return archive.read(part)


def _path(target: str) -> str:
    return target.removeprefix("/") if target.startswith("/") else f"xl/{target}"


def _has_cells(archive: zipfile.ZipFile, part: str) -> bool:
    return _look_through(archive, part, until_filled=True).rows > 0


class _Look:
    """What is seen of a sheet while its XML passes by: how far its filled cells reach, formulas, merged ranges."""

    def __init__(self) -> None:
        self.rows = 0
        self.columns = 0
        self.formulas: dict[int, tuple[int, ...]] = {}
        self.errors: dict[int, tuple[int, ...]] = {}
        self.merged: list[Range] = []
        self._row, self._next_row = 1, 1
        self._next_column = 1
        self._place = (1, 1)

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """The handler of expat for the start of an element."""
        tag = name.rpartition(":")[2]
        if tag == "row":
            self._row = _row_number(attributes.get("r", str(self._next_row)))
            self._next_row, self._next_column = self._row + 1, 1
        elif tag == "c":
            # Rows and cells need not say where they are; then they stand behind the one before, as the library counts.
            named = attributes.get("r")
            self._place = _place(named) if named else (self._next_column, self._row)
            self._next_column = self._place[0] + 1
            if attributes.get("t") == "e" and len(self.errors) < _MOST_ERRORS:
                column, row = self._place
                self.rows, self.columns = max(self.rows, row), max(self.columns, column)
                self.errors[row] = (*self.errors.get(row, ()), column - 1)
        elif tag in ("v", "is", "f"):
            column, row = self._place
            self.rows, self.columns = max(self.rows, row), max(self.columns, column)
            if tag == "f" and len(self.formulas) < _MOST_FORMULAS:
                self.formulas[row] = (*self.formulas.get(row, ()), column - 1)
        elif tag == "mergeCell" and len(self.merged) < _MOST_MERGED:
            self.merged.append(_range(attributes.get("ref", "")))

    def check(self) -> None:
        """Raise InvalidEvent where cells are so far out that rows would fill memory."""
        if self.rows > MOST_ROWS:
            raise InvalidEvent([Problem("", "too-many-rows", {"most": MOST_ROWS}, line=self.rows)])
        if self.columns > MOST_COLUMNS:
            raise InvalidEvent([Problem("", "too-many-columns", {"most": MOST_COLUMNS})])
        if self.rows * self.columns > _MOST_CELLS:
            raise InvalidEvent([Problem("", "workbook-too-large")])


def _look_through(archive: zipfile.ZipFile, part: str, *, until_filled: bool = False) -> _Look:
    """One pass over a sheet's XML without a tree of it; a document type, and with it every entity, is refused."""
    look = _Look()
    parser = ParserCreate()
    parser.StartElementHandler = look.start
    parser.StartDoctypeDeclHandler = _refuse_doctype
    with archive.open(part) as stream:
        while chunk := stream.read(_CHUNK):
            parser.Parse(chunk, False)
            if until_filled and look.rows:
                return look
    parser.Parse(b"", True)
    return look


def _refuse_doctype(*_declared: object) -> None:
    raise _unreadable()


def _tag(tag: str) -> str:
    return tag.rpartition("}")[2]


def _place(reference: str) -> tuple[int, int]:
    """Column and row, from 1, of a cell's name."""
    found = _REFERENCE.fullmatch(reference)
    if found is None:
        raise _unreadable()
    column = 0
    for letter in found[1]:
        column = column * 26 + ord(letter) - 64
    return column, int(found[2])


def _row_number(text: str) -> int:
    """The number that a row says it has."""
    if not _ROW.fullmatch(text):
        raise _unreadable()
    return int(text)


def _range(reference: str) -> Range:
    first, _, last = reference.partition(":")
    column, row = _place(first)
    return Range(first, column, row, _place(last or first)[1])


def cell_name(column: int, row: int) -> str:
    """The name of a cell, its column and row from 1: A1, … Z9, AA10."""
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return f"{letters}{row}"
