from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from county import CYCLE, PRODUCT
from heji_scanners import files
from heji_scanners.files import INSTRUMENT, MOST_BYTES, STATED, ReadFile, read_bytes, read_file
from heji_trace.errors import InvalidEvent
from heji_trace.events.kinds import KINDS
from web.sent_files import HARVEST_HEADINGS, csv_file, harvest_rows, xlsx_file

COOP = "fg-litchi-coop"
INPUTS = Path(__file__).parents[1] / "inputs"
ID = "019c8e6a-1111-7000-8000-000000000001"
EVENT = {
    "id": ID,
    "kind": "harvest",
    "occurred_at": "2026-05-28T08:00:00+08:00",
    "organisation": COOP,
    "cycles": ["2026-litchi-031"],
    "outputs": [{"batch": "LZ-1", "product": "litchi-fresh", "quantity": "12.50", "unit": "kg"}],
}


def read(data: bytes, name: str, organisation: str | None = COOP) -> ReadFile:
    return read_file(data, name, None, organisation)


def events(file: ReadFile) -> list[Any]:
    return [json.loads(each.body) for each in file.statements]


def codes(file: ReadFile) -> list[str]:
    return [problem.code for problem in file.problems]


def test_a_sheet_becomes_events_with_their_lines() -> None:
    file = read(csv_file(HARVEST_HEADINGS, harvest_rows("LZ-1", "LZ-2")), "采收.csv")
    assert (file.kind, [each.line for each in file.statements], file.problems) == ("harvest", [2, 3], ())
    assert [event["outputs"][0]["batch"] for event in events(file)] == ["LZ-1", "LZ-2"]
    assert {event["organisation"] for event in events(file)} == {COOP}


def test_the_same_rows_have_the_same_ids_wherever_they_are_read() -> None:
    data = xlsx_file(HARVEST_HEADINGS, harvest_rows("LZ-1"))
    assert read(data, "a.xlsx").statements == read(data, "b.xlsx").statements


def test_a_wrong_cell_is_named_and_no_event_is_given() -> None:
    file = read(csv_file(HARVEST_HEADINGS, harvest_rows("LZ-1", "LZ 2")), "采收.csv")
    assert [(problem.line, problem.column) for problem in file.problems] == [(3, "批次")]
    assert file.statements == ()
    assert file.cells == {3: ("2026-05-28 08:00", CYCLE, "LZ 2", PRODUCT, "12.5", "kg")}


def test_a_sheet_that_names_nobody_needs_an_organisation() -> None:
    file = read(csv_file(HARVEST_HEADINGS, harvest_rows("LZ-1")), "采收.csv", None)
    assert "/organisation" in {problem.pointer for problem in file.problems}


def test_the_kind_may_be_given() -> None:
    data = csv_file(HARVEST_HEADINGS, harvest_rows("LZ-1"))
    assert codes(read(data, "today.csv")) == ["unknown-sheet-kind"]
    assert read_file(data, "today.csv", KINDS["harvest"], COOP).kind == "harvest"


@pytest.mark.parametrize("name", ["rapid17-gb18030.txt", "rapid17.xlsx"])
def test_an_instrument_s_file_is_recognised_and_left_as_it_is(name: str) -> None:
    data = (INPUTS / name).read_bytes()
    file = read(data, name)
    assert (file.kind, file.data, file.statements) == (INSTRUMENT, data, ())
    assert file.results > 0


def test_events_as_json_in_an_array_alone_or_one_a_line() -> None:
    second = {**EVENT, "id": ID[:-1] + "2"}
    array = json.dumps([EVENT, second]).encode()
    lines = json.dumps(EVENT).encode() + b"\n\n" + json.dumps(second).encode() + b"\n"
    for data, name, places in (
        (array, "a.json", (1, 2)),
        (lines, "a.ndjson", (1, 3)),
        (lines, "A.JSONL", (1, 3)),
    ):
        file = read(data, name)
        assert (file.kind, tuple(each.line for each in file.statements)) == (STATED, places)
    assert events(read(json.dumps(EVENT).encode(), "one.json")) == [EVENT]


@pytest.mark.parametrize(
    "data, name, code",
    [
        (b"[]", "a.json", "empty-list"),
        (b" [ ] \n", "a.json", "empty-list"),
        (b"", "a.json", "json-malformed"),
        (b'[{"a": "' + b"x" * 2_000_000, "a.json", "too-large"),
        (b"{", "a.json", "json-malformed"),
        (b"{}\n{", "a.ndjson", "json-malformed"),
        (b"\xff", "a.json", "json-not-utf8"),
        (b"", "a.csv", "empty-file"),
        (b"PK\x03\x04 no zip", "a.xlsx", "unreadable-workbook"),
        (b"\xd0\xcf\x11\xe0", "a.xls", "old-workbook"),
        (b"[" * 100_000, "a.json", "json-too-deep"),
        (json.dumps([EVENT, EVENT]).encode(), "a.json", "id-twice-in-one-import"),
    ],
)
def test_what_cannot_be_read_is_told(data: bytes, name: str, code: str) -> None:
    file = read(data, name)
    assert file.statements == ()
    assert code in codes(file)


@pytest.mark.parametrize(
    "data",
    [b'[\n {"a": 1},\n {"b": 2,\n  "c": tru}\n]', b'{"a": 1,\n"x": 2,\n"b": 2,\n  "c": tru}'],
    ids=["array", "alone"],
)
def test_a_document_that_is_no_json_is_told_where_in_the_file(data: bytes) -> None:
    [problem] = read(data, "a.json").problems
    assert (problem.code, problem.pointer, problem.line) == ("json-malformed", "", None)
    assert problem.names == {"line": 4, "column": 8}


def test_every_line_that_cannot_be_read_is_told_with_its_number() -> None:
    file = read(b"{\n" + json.dumps(EVENT).encode() + b"\n\n[]\n{", "a.ndjson")
    assert file.statements == ()
    assert [(each.line, each.pointer, each.code) for each in file.problems] == [
        (1, "/0", "json-malformed"),
        (4, "/2", "not-an-object"),
        (5, "/3", "json-malformed"),
    ]
    assert [each.names.get("line") for each in file.problems] == [1, None, 5]


def test_one_event_more_than_a_file_may_have_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_EVENTS", 2)
    stated = [{**EVENT, "id": f"00000000-0000-7000-8000-{at:012}"} for at in range(3)]
    for part, codes_told in ((stated, ["too-many-items"]), (stated[:2], [])):
        assert codes(read(json.dumps(part).encode(), "a.json")) == codes_told
        assert codes(read("\n".join(json.dumps(each) for each in part).encode(), "a.ndjson")) == codes_told


def test_an_id_that_stands_twice_in_a_sheet_is_told() -> None:
    rows = [(ID, *row) for row in harvest_rows("LZ-1", "LZ-2", "LZ-3")]
    rows[1] = ("", *rows[1][1:])
    file = read(csv_file(("单号", *HARVEST_HEADINGS), rows), "采收.csv")
    assert codes(file) == ["id-twice-in-one-import"]
    assert file.problems[0].line == 4


def test_a_file_that_is_too_large_or_not_there_is_told(tmp_path: Path) -> None:
    large = tmp_path / "large.csv"
    with large.open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    for path, code in ((large, "too-large"), (tmp_path / "none.csv", "scan-file-unreadable")):
        with pytest.raises(InvalidEvent) as refused:
            read_bytes(path)
        assert refused.value.problems[0].code == code
