"""XLSX files, read by calamine after a look at what they would unpack to, and at formulas and merged cells."""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Final, NamedTuple
from xml.etree.ElementTree import ParseError

from defusedxml.ElementTree import fromstring, iterparse
from python_calamine import CalamineError, CalamineWorkbook

from heji_trace.errors import InvalidEvent, Problem
from heji_trace.sheets.cells import Cell

ZIP: Final = b"PK\x03\x04"
OLD: Final = b"\xd0\xcf\x11\xe0"
MOST_ROWS: Final = 20_000
MOST_COLUMNS: Final = 200
_MOST_UNPACKED: Final = 128 * 1024 * 1024
_MOST_PARTS: Final = 2_000
_MOST_RATIO: Final = 200
_MOST_PROBLEMS: Final = 50
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
    CalamineError,
)
_PLAIN_PACKING: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})

_REFERENCE = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")
_RELATION: Final = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_STRICT_RELATION: Final = "{http://purl.oclc.org/ooxml/officeDocument/relationships}id"


class Range(NamedTuple):
    """Merged cells: the first one's name, and the rows from and to."""

    cell: str
    first_row: int
    last_row: int


@dataclass(frozen=True, slots=True)
class Workbook:
    """The rows of the one sheet that holds data, from its first row and column."""

    title: str
    rows: list[list[Cell]]
    merged: tuple[Range, ...]


def read_workbook(data: bytes) -> Workbook:
    """The first visible sheet of an XLSX file that is not a sheet of notes.

    Raises InvalidEvent for a file that is broken, unpacks to too much, or holds formulas.
    """
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            _check_size(archive)
            title, part = _find_sheet(archive)
            merged = _inspect(archive, part)
        rows = (
            CalamineWorkbook.from_filelike(BytesIO(data))
            .get_sheet_by_name(title)
            .to_python(skip_empty_area=False)
        )
    except _BROKEN as error:
        raise _unreadable() from error
    return Workbook(title, [list(row) for row in rows], merged)


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
    targets = {
        relation.get("Id"): relation.get("Target", "")
        for relation in fromstring(archive.read("xl/_rels/workbook.xml.rels"))
    }
    visible = [
        (element.get("name", ""), targets[element.get(_RELATION) or element.get(_STRICT_RELATION)])
        for element in fromstring(archive.read("xl/workbook.xml")).iter()
        if _tag(element.tag) == "sheet" and element.get("state", "visible") == "visible"
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


def _path(target: str) -> str:
    return target.removeprefix("/") if target.startswith("/") else f"xl/{target}"


def _has_cells(archive: zipfile.ZipFile, part: str) -> bool:
    return any(True for _, element in _elements(archive, part) if _tag(element) in ("v", "t", "f"))


def _elements(archive: zipfile.ZipFile, part: str) -> Iterator[tuple[str, str]]:
    with archive.open(part) as stream:
        for event, element in iterparse(stream, events=("start",), forbid_dtd=True):
            yield event, element.tag


def _inspect(archive: zipfile.ZipFile, part: str) -> tuple[Range, ...]:
    """The merged ranges; raises InvalidEvent for formulas, and for cells so far out that rows would fill memory."""
    formulas: list[str] = []
    merged: list[Range] = []
    cell, rows, columns = "A1", 0, 0
    with archive.open(part) as stream:
        for event, element in iterparse(stream, events=("start", "end"), forbid_dtd=True):
            tag = _tag(element.tag)
            if event == "end":
                if tag == "row":
                    element.clear()
                continue
            if tag == "c":
                cell = element.get("r", cell)
                column, row = _place(cell)
                rows, columns = max(rows, row), max(columns, column)
            elif tag == "f":
                formulas.append(cell)
            elif tag == "mergeCell":
                merged.append(_range(element.get("ref", "")))
            elif tag == "row":
                rows = max(rows, _whole(element.get("r")))
    if rows > MOST_ROWS:
        raise InvalidEvent([Problem("", "too-many-rows", {"most": MOST_ROWS}, line=rows)])
    if columns > MOST_COLUMNS:
        raise InvalidEvent([Problem("", "too-many-columns", {"most": MOST_COLUMNS})])
    if formulas:
        raise InvalidEvent(
            [
                Problem("", "formula-cell", {"cell": cell}, line=_place(cell)[1])
                for cell in formulas[:_MOST_PROBLEMS]
            ]
        )
    return tuple(merged)


def _tag(tag: str) -> str:
    return tag.rpartition("}")[2]


def _whole(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 9 else 0


def _place(reference: str) -> tuple[int, int]:
    """Column and row, from 1, of a cell's name."""
    found = _REFERENCE.fullmatch(reference)
    if found is None:
        raise _unreadable()
    column = 0
    for letter in found[1]:
        column = column * 26 + ord(letter) - 64
    return column, int(found[2])


def _range(reference: str) -> Range:
    first, _, last = reference.partition(":")
    return Range(first, _place(first)[1], _place(last or first)[1])


def column_letters(column: int) -> str:
    """The letters that name a column, from 1: A, B, … Z, AA."""
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
