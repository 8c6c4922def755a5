"""Files that are small to send and huge to read: refused, in bounded memory, at every door that takes files."""

from __future__ import annotations

import gzip
import io
import json
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from county import opened_county
from faults import swallowing
from faults.length import lasting
from faults.recorded import child_environment
from web.sent_files import HARVEST_HEADINGS, XLSX, csv_file, harvest_rows, xlsx_file

BULK, LAB = "/api/v1/events/bulk", "/api/v1/lab/imports"
MIB = 2**20
# In a short run less, which no limit takes either.
GIGABYTE = lasting(320, 1024) * MIB
# What one file may cost beside the service itself; the machine has more, and four threads may be at it.
MOST_MIB = 300
_SHEET = "xl/worksheets/sheet1.xml"
_HEAD = b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
_MAIN = b'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def honest() -> bytes:
    return xlsx_file(HARVEST_HEADINGS, harvest_rows("BOMB-1"))


def with_part(name: str, write: Callable[[Callable[[bytes], object]], None]) -> bytes:
    """A workbook in which one part is what `write` writes, in pieces."""
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(honest())) as old,
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new,
    ):
        for each in old.namelist():
            if each != name:
                new.writestr(each, old.read(each))
        with new.open(name, "w", force_zip64=True) as part:
            write(part.write)
    return stream.getvalue()


def much(size: int, piece: bytes = b" " * MIB) -> Callable[[Callable[[bytes], object]], None]:
    def write(to: Callable[[bytes], object]) -> None:
        to(_HEAD + b"<worksheet>")
        for _ in range(size // len(piece)):
            to(piece)

    return write


def shared_strings(count: int, length: int) -> Callable[[Callable[[bytes], object]], None]:
    def write(to: Callable[[bytes], object]) -> None:
        to(_HEAD + b"<sst " + _MAIN + b">")
        for number in range(count):
            to(b"<si><t>" + f"{number:08d}".encode() * (length // 8) + b"</t></si>")
        to(b"</sst>")

    return write


def entities(levels: int) -> Callable[[Callable[[bytes], object]], None]:
    def write(to: Callable[[bytes], object]) -> None:
        declared = b'<!ENTITY a0 "ha">'
        for level in range(1, levels):
            declared += b'<!ENTITY a%d "%s">' % (level, b"&a%d;" % (level - 1) * 10)
        to(
            _HEAD
            + b"<!DOCTYPE x ["
            + declared
            + b"]><worksheet "
            + _MAIN
            + b'><sheetData><row><c t="str"><v>'
        )
        to(b"&a%d;" % (levels - 1) + b"</v></c></row></sheetData></worksheet>")

    return write


def wide_rows(rows: int) -> Callable[[Callable[[bytes], object]], None]:
    def write(to: Callable[[bytes], object]) -> None:
        to(_HEAD + b"<worksheet " + _MAIN + b"><sheetData>")
        for row in range(1, rows + 1):
            to(b'<row r="%d"><c r="A%d" t="inlineStr"><is><t>x</t></is></c>' % (row, row))
            to(b'<c r="XFD%d" t="inlineStr"><is><t>x</t></is></c></row>' % row)
        to(b"</sheetData></worksheet>")

    return write


def only(data: bytes) -> Callable[[Callable[[bytes], object]], None]:
    def write(to: Callable[[bytes], object]) -> None:
        to(data)

    return write


def sheet_xml(rows: bytes) -> bytes:
    return _HEAD + b"<worksheet " + _MAIN + b"><sheetData>" + rows + b"</sheetData></worksheet>"


# Two cells at opposite ends: the rectangle between them would be half a terabyte.
FAR_APART = sheet_xml(
    b'<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
)
_SHEETS = b'<sheets><sheet name="A" sheetId="1" r:id="rId1"/></sheets>'
_RELATIONS = b'<Relationship Id="rId1" Target="worksheets/far.xml"/><Relationship Id="rId2" Target="worksheets/sheet1.xml"/>'


def two_faced(sheets: bytes, relations: bytes, far: str = "far") -> bytes:
    """A workbook whose list of sheets one reader may understand as the honest sheet, another as the far cells."""
    workbook = (
        _HEAD
        + b"<workbook "
        + _MAIN
        + b' xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
    )
    parts = {
        "xl/workbook.xml": workbook + sheets + b"</workbook>",
        "xl/_rels/workbook.xml.rels": _HEAD
        + b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        + relations
        + b"</Relationships>",
        f"xl/worksheets/{far}.xml": FAR_APART,
    }
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(honest())) as old, zipfile.ZipFile(stream, "w") as new:
        for name in old.namelist():
            if name not in parts:
                new.writestr(name, old.read(name))
        for name, part in parts.items():
            new.writestr(name, part)
    return stream.getvalue()


def many_sheets(count: int) -> bytes:
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(honest())) as old,
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new,
    ):
        sheet = old.read(_SHEET)
        for each in old.namelist():
            new.writestr(each, old.read(each))
        for number in range(2, count):
            new.writestr(f"xl/worksheets/sheet{number}.xml", sheet)
    return stream.getvalue()


def lying(data: bytes) -> bytes:
    """The same archive, whose lists say of every part that it unpacks to 100 bytes."""
    found = bytearray(data)
    for signature, at in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        place = found.find(signature)
        while place >= 0:
            found[place + at : place + at + 4] = struct.pack("<I", 100)
            place = found.find(signature, place + 4)
    return bytes(found)


def overlapping(copies: int) -> bytes:
    """An archive whose many names all lead to the same packed bytes: the ratio is of the names, not of the file."""
    packed = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = packed.compress(b" " * 8 * MIB) + packed.flush()
    crc, size = zlib.crc32(b" " * 8 * MIB), 8 * MIB
    local = (
        struct.pack("<4sHHHHHIIIHH", b"PK\x03\x04", 20, 0, 8, 0, 33, crc, len(body), size, 1, 0) + b"a" + body
    )
    listed = b""
    for number in range(copies):
        name = f"xl/worksheets/sheet{number}.xml".encode()
        listed += struct.pack(
            "<4sHHHHHHIIIHHHHHII",
            b"PK\x01\x02",
            20,
            20,
            0,
            8,
            0,
            33,
            crc,
            len(body),
            size,
            len(name),
            0,
            0,
            0,
            0,
            0,
            0,
        )
        listed += name
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, copies, copies, len(listed), len(local), 0)
    return local + listed + end


def gzipped(size: int, piece: bytes) -> bytes:
    stream = io.BytesIO()
    with gzip.GzipFile(fileobj=stream, mode="wb", compresslevel=1, mtime=0) as packed:
        for _ in range(size // len(piece)):
            packed.write(piece)
    return stream.getvalue()


# The sheets beside them are honest, and their strings fewer than a workbook may have.
HARMLESS = ("millions of short shared strings", "many long shared strings")
BOMBS: dict[str, tuple[str, str, Callable[[], bytes]]] = {
    "a sheet of a gigabyte of spaces": (XLSX, "identity", lambda: with_part(_SHEET, much(GIGABYTE))),
    "a part beside the sheets, of a gigabyte": (
        XLSX,
        "identity",
        lambda: with_part("xl/media/a.bin", much(GIGABYTE)),
    ),
    "a gigabyte that the archive says is 100 bytes": (
        XLSX,
        "identity",
        lambda: lying(with_part(_SHEET, much(GIGABYTE))),
    ),
    "shared strings that the archive says are 100 bytes": (
        XLSX,
        "identity",
        lambda: lying(with_part("xl/sharedStrings.xml", shared_strings(20_000, 16_000))),
    ),
    "many long shared strings": (
        XLSX,
        "identity",
        lambda: with_part("xl/sharedStrings.xml", shared_strings(20_000, 8_000)),
    ),
    "millions of short shared strings": (
        XLSX,
        "identity",
        lambda: with_part("xl/sharedStrings.xml", shared_strings(lasting(600_000, 3_000_000), 8)),
    ),
    "entities in a sheet": (XLSX, "identity", lambda: with_part(_SHEET, entities(12))),
    "entities in the shared strings": (
        XLSX,
        "identity",
        lambda: with_part("xl/sharedStrings.xml", entities(12)),
    ),
    "entities in the list of sheets": (XLSX, "identity", lambda: with_part("xl/workbook.xml", entities(12))),
    "rows as wide as a sheet may be": (
        XLSX,
        "identity",
        lambda: with_part(_SHEET, wide_rows(lasting(60_000, 200_000))),
    ),
    "thousands of sheets": (XLSX, "identity", lambda: many_sheets(5_000)),
    "sheets that overlap in the archive": (XLSX, "identity", lambda: overlapping(1_500)),
    "cells that do not say where they are": (
        XLSX,
        "identity",
        lambda: with_part(
            _SHEET,
            only(
                sheet_xml(
                    b"<row>" + b"<c><v>1</v></c>" * 16_000 + b'</row><row r="1000000"><c><v>1</v></c></row>'
                )
            ),
        ),
    ),
    "a far cell of a text that is not there": (
        XLSX,
        "identity",
        lambda: with_part(_SHEET, only(FAR_APART.replace(b"><v>1</v>", b' t="inlineStr"><is></is>'))),
    ),
    "a hidden sheet of the same name": (
        XLSX,
        "identity",
        lambda: two_faced(
            _SHEETS.replace(b' r:id="rId1"/>', b' state="hidden" r:id="rId1"/><sheet name="A" r:id="rId2"/>'),
            _RELATIONS,
        ),
    ),
    "a relation that stands twice": (
        XLSX,
        "identity",
        lambda: two_faced(_SHEETS, b"<Foo>" + _RELATIONS + b"</Foo>" + _RELATIONS.replace(b"far", b"sheet1")),
    ),
    "another element in the place of a relation": (
        XLSX,
        "identity",
        lambda: two_faced(_SHEETS, _RELATIONS + b'<Foo Id="rId1" Target="worksheets/sheet1.xml"/>'),
    ),
    "a part whose name is an entity": (
        XLSX,
        "identity",
        lambda: two_faced(_SHEETS, _RELATIONS.replace(b"far", b"sheet&#49;"), "sheet&#49;"),
    ),
    "gigabytes of spaces in gzip": ("application/json", "gzip", lambda: gzipped(2 * GIGABYTE, b" " * MIB)),
    "gigabytes of rows in gzip": (
        "text/csv",
        "gzip",
        lambda: gzipped(GIGABYTE, csv_file(HARVEST_HEADINGS, harvest_rows("B-1"), "utf-8") * 8192),
    ),
    "gigabytes of brackets in gzip": (
        "application/x-ndjson",
        "gzip",
        lambda: gzipped(GIGABYTE, b"[" * MIB),
    ),
    "a line without end in CSV": ("text/csv", "identity", lambda: b"a," * (12 * MIB)),
    "a quoted cell without end in CSV": ("text/csv", "identity", lambda: b'"' + b"a" * (24 * MIB)),
    "millions of empty lines": ("text/csv", "identity", lambda: b"\n" * (24 * MIB)),
}


@pytest.fixture(scope="module")
def swallow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., dict[str, object]]]:
    """Sends a file to a door of a process that may use so much memory and no more."""
    folder = tmp_path_factory.mktemp("bombs")
    with opened_county(folder / "data") as county:
        tokens = {BULK: county.tokens["producer"], LAB: county.tokens["laboratory"]}
    running = {
        door: subprocess.Popen(
            [sys.executable, swallowing.__file__, folder / "data", token],
            env=child_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for door, token in tokens.items()
    }

    def send(door: str, media: str, encoding: str, data: bytes) -> dict[str, object]:
        file = folder / "sent"
        file.write_bytes(data)
        process = running[door]
        assert process.stdin
        assert process.stdout
        process.stdin.write(f"{door}\t{media}\t{encoding}\t{file}\n")
        process.stdin.flush()
        answer: dict[str, object] = json.loads(process.stdout.readline())
        return answer

    yield send
    for process in running.values():
        process.communicate()
        assert process.returncode == 0


@pytest.fixture(scope="module")
def bomb() -> Callable[[str], bytes]:
    kept: dict[str, bytes] = {}

    def make(name: str) -> bytes:
        if name not in kept:
            kept[name] = BOMBS[name][2]()
        return kept[name]

    return make


@pytest.mark.parametrize("door", [BULK, LAB])
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_in_bounded_memory(
    swallow: Callable[..., dict[str, object]],
    bomb: Callable[[str], bytes],
    name: str,
    door: str,
    record_property: Callable[[str, object], None],
) -> None:
    media, encoding, _ = BOMBS[name]
    data = bomb(name)
    answer = swallow(door, media, encoding, data)
    record_property("sent MiB, answer", f"{len(data) / MIB:.1f} {answer}")
    # What says nothing wrong may be taken, if it costs no more.
    assert answer["status"] in (201, 413, 422), answer
    assert answer["status"] != 201 or name in HARMLESS
    assert int(str(answer["mib"])) < MOST_MIB


def test_an_honest_file_is_taken_by_the_same_process(swallow: Callable[..., dict[str, object]]) -> None:
    honest_file = xlsx_file(HARVEST_HEADINGS, harvest_rows("HONEST-1"))
    assert swallow(BULK, XLSX, "identity", honest_file)["status"] == 201


def test_the_measure_sees_memory_that_is_used(tmp_path: Path) -> None:
    """The control: what is unpacked whole shows in the peak."""
    script = (
        "import gzip, sys; from pathlib import Path; from faults.swallowing import peak_kib\n"
        "Path('/proc/self/clear_refs').write_text('5'); before = peak_kib()\n"
        "whole = gzip.decompress(Path(sys.argv[1]).read_bytes()); print((peak_kib() - before) // 1024)"
    )
    file = tmp_path / "packed"
    file.write_bytes(gzipped(400 * MIB, b" " * MIB))
    done = subprocess.run(
        [sys.executable, "-c", script, file],
        env=child_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) > MOST_MIB
