from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heji_trace.errors import InvalidEvent, Problem
from heji_trace.events.event import Event
from heji_trace.events.kinds import KINDS, Kind
from heji_trace.events.kinds import fields as types
from heji_trace.events.kinds.examples import example_event
from heji_trace.events.schemas import parse_event
from heji_trace.events.sheets import Sheet, parse_rows, read_sheet, row_id
from heji_trace.events.sheets.columns import columns_of, find_heading
from heji_trace.events.sheets.posted import read_posted
from heji_trace.events.sheets.templates import template
from web.sent_files import repacked

INPUTS = Path(__file__).parents[2] / "inputs"
HEADER = "时间,责任主体,生产周期,批次,产品,数量,单位\n"
ROW = "2026-06-12 07:40,fg-litchi-coop,2026-litchi-031,LZ-1,litchi,120.50,kg\n"
SHEETS = pytest.mark.parametrize(
    "kind", [kind for kind in KINDS.values() if kind.form], ids=lambda kind: kind.name
)


def read(name: str) -> Sheet:
    return read_sheet((INPUTS / name).read_bytes(), name)


def harvest(text: str, **options: Any) -> Sheet:
    return read_sheet(text.encode(), "采收.csv", **options)


def events_of(sheet: Sheet) -> list[Event]:
    events, problems = parse_rows(sheet)
    assert problems == ()
    return list(events)


def problems_of(sheet: Sheet) -> list[tuple[str, int | None, str | None]]:
    _, problems = parse_rows(sheet)
    for problem in problems:
        assert problem.sentence("zh")
        assert problem.sentence("en")
    return [(problem.code, problem.line, problem.column) for problem in problems]


def refusal(data: bytes, name: str = "采收.xlsx") -> list[Problem]:
    with pytest.raises(InvalidEvent) as refused:
        read_sheet(data, name)
    for problem in refused.value.problems:
        assert problem.sentence("zh")
        assert problem.sentence("en")
    return list(refused.value.problems)


def workbook(rows: Iterable[Iterable[Any]], title: str = "采收") -> openpyxl.Workbook:
    book = openpyxl.Workbook()
    book.active.title = title
    for row in rows:
        book.active.append(list(row))
    return book


def saved(book: openpyxl.Workbook) -> bytes:
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def harvest_book() -> openpyxl.Workbook:
    return workbook([HEADER.strip().split(","), ROW.strip().split(",")])


def test_a_co_operative_s_gb18030_sheet_is_read_as_it_is() -> None:
    first, second, third = events_of(read("harvest-gb18030.csv"))
    assert first.kind == "harvest"
    assert first.occurred_at == "2026-06-12T07:40:00+08:00"
    assert first.body["outputs"] == [
        {"batch": "LZ20260612-01", "product": "litchi-fzx-fresh", "quantity": "2501", "unit": "jin"}
    ]
    assert second.body["outputs"][0]["quantity"] == "1820.5"
    assert third.cycles == ("2026-litchi-031", "2026-litchi-032")
    assert third.outputs[0].unit == "kg", "the unit in the cell goes before the one in the heading"


def test_rows_of_one_number_make_one_event_of_several_lines() -> None:
    first, second = events_of(read("shipping-utf8-bom.csv"))
    assert [(line.batch, line.packages) for line in first.moves] == [
        ("LZ5KG-20260612", 246),
        ("LZ5KG-20260613", 60),
    ]
    assert first.details == {"vehicle": "粤R12345", "seal": "QF-0612-07"}
    assert first.note == "单号 YD-003"
    assert second.moves[0].batch == "LZ5KG-20260613"


def test_a_workbook_with_a_merged_title_real_dates_and_numbers_is_read() -> None:
    first, second = events_of(read("packaging.xlsx"))
    assert first.occurred_at == "2026-06-12T14:30:00+08:00"
    assert [line.batch for line in first.inputs] == ["LZ20260612-01", "LZ20260612-02"]
    assert first.details["use_by"] == "2026-06-19"
    assert second.body["inputs"] == [{"batch": "LZ20260613-01", "quantity": "0.3", "unit": "t"}]
    assert second.outputs[0].batch == "20260613"


def test_the_same_file_again_gives_the_same_ids() -> None:
    once, again = events_of(read("packaging.xlsx")), events_of(read("packaging.xlsx"))
    assert [event.id for event in once] == [event.id for event in again]
    assert len({event.id for event in once}) == 2


def test_an_id_depends_on_organisation_file_sheet_and_row() -> None:
    ids = {row_id(*each) for each in [("a", "f", "s", 1), ("b", "f", "s", 1), ("a", "g", "s", 1), ("a", "f", "t", 1),
                                      ("a", "f", "s", 2)]}  # fmt: skip
    assert len(ids) == 5
    assert row_id("a", "f", "s", 1) == "0e168c2b-944f-5c59-bed5-4e36ddd217d9", "old files must stay repeats"


def test_an_id_of_its_own_is_kept() -> None:
    known = "0197636e-95c0-7c3a-9d51-3f6a1c0e2b11"
    (event,) = events_of(harvest("单号," + HEADER + known + "," + ROW))
    assert event.id == known
    assert event.note is None


def test_rows_without_organisation_get_the_door_s() -> None:
    (event,) = events_of(
        harvest("时间,生产周期,批次,产品,数量（斤）\n2026-6-12,c,B,p,1\n", organisation="fg")
    )
    assert event.organisation == "fg"
    assert event.id


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("separator", [",", "\t", ";", "；"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_encodings_separators_and_line_ends_are_found_out(encoding: str, separator: str, end: str) -> None:
    text = (HEADER + ROW).replace(",", separator).replace("\n", end)
    (event,) = events_of(read_sheet(text.encode(encoding), "采收.csv"))
    assert event.outputs[0].batch == "LZ-1"


@pytest.mark.parametrize("sign", ["，", "|", "；", ";"])
def test_a_sentence_full_of_commas_does_not_hide_the_separator(sign: str) -> None:
    note = sign.join("雨后采收露水大已入冷库")
    rows = "".join(ROW.replace("LZ-1", batch).replace("\n", f",{note}\n") for batch in ("LZ-1", "LZ-2"))
    events = events_of(harvest(HEADER.replace("\n", ",备注\n") + rows))
    assert [event.body["note"] for event in events] == [note, note]


@pytest.mark.parametrize(
    "header",
    [
        "时间,责任主体,生产周期,批次,产品,数量,单位",
        "发生时间,单位编号,茬口,批号,产品编号,重量,计量单位",
        "采收日期,主体,周期,产出批次,产出产品,产出数量,产出单位",
        "Time*,Organisation*,Cycles*,Batch*,Product*,Quantity*,Unit*",
        "occurred_at,organisation,cycles,outputs.batch,outputs.product,outputs.quantity,outputs.unit",
    ],
)
def test_headings_are_understood_in_all_the_words_people_use(header: str) -> None:
    (event,) = events_of(harvest(header + "\n" + ROW))
    assert event.body["outputs"] == [
        {"batch": "LZ-1", "product": "litchi", "quantity": "120.50", "unit": "kg"}
    ]


@pytest.mark.parametrize(
    "name, text",
    [
        ("2026年采收记录.csv", HEADER + ROW),
        ("a.csv", "某某合作社采摘台账\n" + HEADER + ROW),
        ("a.csv", "类型," + HEADER + "采收," + ROW),
        ("a.csv", "kind," + HEADER + "harvest," + ROW),
    ],
)
def test_the_kind_is_found_in_column_title_or_name(name: str, text: str) -> None:
    assert read_sheet(text.encode(), name).kind is KINDS["harvest"]


def test_the_kind_may_be_given() -> None:
    assert read_sheet((HEADER + ROW).encode(), "a.csv", KINDS["harvest"]).kind is KINDS["harvest"]


def test_problems_name_line_and_heading() -> None:
    sheet = harvest(
        HEADER + ROW + ROW.replace("120.50", "-3").replace("LZ-1", "荔枝") + ROW.replace("kg", "")
    )
    assert problems_of(sheet) == [
        ("bad-batch", 3, "批次"),
        ("bad-number", 3, "数量"),
        ("missing-field", 4, "单位"),
    ]


def test_a_column_that_nobody_knows_is_named() -> None:
    assert problems_of(harvest("天气," + HEADER + "晴," + ROW)) == [("unknown-heading", 1, "天气")]


def test_a_column_that_stands_twice_is_named() -> None:
    assert problems_of(harvest("产品编号," + HEADER + "x," + ROW))[0] == ("repeated-heading", 1, "产品")


def test_cells_under_no_heading_are_not_lost_in_silence() -> None:
    assert problems_of(harvest(HEADER + ROW.replace("kg", "kg,甲方自提"))) == [("unnamed-column", 2, None)]


def test_a_row_of_another_kind_is_named() -> None:
    text = "类型," + HEADER + "采收," + ROW + "包装," + ROW
    assert problems_of(read_sheet(text.encode(), "a.csv")) == [("mixed-kinds", 3, "类型")]


def test_rows_of_one_number_must_agree_outside_their_lines() -> None:
    rows = "A," + ROW + "A," + ROW.replace("06-12", "06-13").replace("LZ-1", "LZ-2")
    assert problems_of(harvest("单号," + HEADER + rows)) == [("differs-in-group", 3, "时间")]


def test_a_table_without_rows_says_so() -> None:
    assert problems_of(harvest(HEADER)) == [("no-rows", 1, None)]


def zipped(part: str) -> bytes:
    """A file of the family of formats that workbooks are of."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(part, "<x/>")
    return stream.getvalue()


@pytest.mark.parametrize(
    "data, code",
    [
        (b"", "empty-file"),
        (b"\n\n", "empty-file"),
        ("天气,心情\n晴,好\n".encode(), "no-header"),
        (b"\xff\xff\xff", "unreadable-encoding"),
        (b"a\x00b", "unreadable-file"),
        (("," * 300).encode(), "too-many-columns"),
        (b"x\n" * 110_001, "too-many-rows"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), "old-workbook"),
        (b"PK\x03\x04", "unreadable-workbook"),
        (b"\x89PNG\r\n\x1a\n" + bytes(64), "not-a-sheet"),
        (b"\xff\xd8\xff\xe0" + bytes(64), "not-a-sheet"),
        (b"\0\0\0\x20ftypheic" + bytes(64), "not-a-sheet"),
        (b"%PDF-1.7\n", "not-a-sheet"),
        (b"\xd0\xcf\x11\xe0" + bytes(64) + "WordDocument".encode("utf-16-le"), "not-a-sheet"),
        (zipped("word/document.xml"), "not-a-sheet"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(data: bytes, code: str) -> None:
    assert refusal(data)[0].code == code


def test_a_sheet_of_no_known_kind_is_asked_back() -> None:
    assert refusal((HEADER + ROW).encode(), "a.csv")[0].code == "unknown-sheet-kind"


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS.values() if not kind.form], ids=lambda kind: kind.name
)
def test_what_has_a_door_of_its_own_does_not_come_in_as_a_sheet(kind: Kind) -> None:
    assert refusal(saved(filled_in(kind, "zh")))[0].code == "no-sheet-for-kind"


def test_a_field_that_never_ends_is_refused() -> None:
    assert refusal((HEADER + '"' + "x" * 200_000).encode(), "采收.csv")[0].code == "unreadable-file"


@pytest.mark.parametrize("made", ["csv", "xlsx"])
def test_every_formula_is_a_problem_of_its_cell(made: str) -> None:
    book = harvest_book()
    book.active["F2"] = "=60*2"
    book.active.append([*ROW.strip().split(",")[:5], "=F2", "kg"])
    if made == "csv":
        rows = [[str(cell.value) for cell in row] for row in book.active]
        sheet = read_sheet("\n".join(",".join(row) for row in rows).encode(), "采收.csv")
    else:
        sheet = read_sheet(saved(book), "x.xlsx")
    _, problems = parse_rows(sheet)
    formulas = [each for each in problems if each.code == "formula-cell"]
    assert [(each.names["cell"], each.line, each.column) for each in formulas] == [
        ("F2", 2, "数量"),
        ("F3", 3, "数量"),
    ]


def test_a_long_number_that_the_spreadsheet_rounded_is_told_and_never_recorded() -> None:
    book = harvest_book()
    book.active["D2"] = 123456789012345678
    assert ("digits-lost", 2, "批次") in problems_of(read_sheet(saved(book), "x.xlsx"))
    book.active["D2"] = 123456789012345
    assert problems_of(read_sheet(saved(book), "x.xlsx")) == []
    told = problems_of(harvest(HEADER.replace("\n", ",备注\n") + ROW.replace("\n", ",1.23457E+17\n")))
    assert told == [("digits-lost", 2, "备注")]


def test_merged_cells_below_the_header_are_named_in_each_of_their_rows() -> None:
    book = harvest_book()
    book.active.append(ROW.strip().split(","))
    book.active.merge_cells("A2:A3")
    problems = problems_of(read_sheet(saved(book), "x.xlsx"))
    assert [each for each in problems if each[0] == "merged-cell"] == [
        ("merged-cell", 2, "时间"),
        ("merged-cell", 3, "时间"),
    ]


def test_a_second_sheet_with_content_is_not_passed_over_in_silence() -> None:
    book = harvest_book()
    book.create_sheet("包装")["A1"] = "x"
    assert refusal(saved(book))[0].code == "several-sheets"


def test_hidden_and_empty_sheets_do_not_matter() -> None:
    book = harvest_book()
    book.create_sheet("Sheet2")
    hidden = book.create_sheet("旧")
    hidden["A1"] = "=1"
    hidden.sheet_state = "hidden"
    assert len(events_of(read_sheet(saved(book), "a.xlsx"))) == 1


def test_a_workbook_says_its_sheet_s_name_and_rows_as_excel_counts_them() -> None:
    book = workbook([[], [], HEADER.strip().split(","), [], ROW.replace("kg", "?").strip().split(",")])
    sheet = read_sheet(saved(book), "a.xlsx")
    assert sheet.title == "采收"
    assert sheet.header_line == 3
    assert problems_of(sheet) == [("bad-unit", 5, "单位")]


def test_a_table_that_begins_in_the_middle_of_its_sheet_is_read_where_it_stands() -> None:
    book = workbook(
        [[], *([None, None, *line.strip().split(",")] for line in (HEADER, ROW.replace("kg", "=1")))]
    )
    (problem,) = parse_rows(read_sheet(saved(book), "a.xlsx"))[1][:1]
    assert (problem.names["cell"], problem.line, problem.column) == ("I3", 3, "单位")


def test_a_million_rows_that_are_only_coloured_are_none() -> None:
    book = harvest_book()
    data = saved(book)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        part = archive.read("xl/worksheets/sheet1.xml")
    rows = b"".join(b'<row r="%d"><c r="A%d"/></row>' % (at, at) for at in (*range(3, 3000), 1_048_576))
    sheet = read_sheet(
        repacked(data, xl__worksheets__sheet1_xml=part.replace(b"</sheetData>", rows + b"</sheetData>")),
        "a.xlsx",
    )
    assert (sheet.count, len(events_of(sheet))) == (1, 1)


def test_a_cell_at_the_end_of_the_world_does_not_fill_memory() -> None:
    book = harvest_book()
    book.active.cell(row=1_048_576, column=1, value="x")
    assert refusal(saved(book))[0].code == "too-many-rows"
    book = harvest_book()
    book.active.cell(row=1, column=16_384, value="x")
    assert refusal(saved(book))[0].code == "too-many-columns"


def test_a_zip_bomb_is_not_unpacked() -> None:
    assert (
        refusal(repacked(saved(harvest_book()), bomb_xml=bytes(50_000_000)))[0].code == "workbook-too-large"
    )


def test_entities_in_a_workbook_are_refused() -> None:
    evil = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><worksheet>&b;</worksheet>'
    data = repacked(saved(harvest_book()), xl__worksheets__sheet1_xml=evil)
    assert refusal(data)[0].code == "unreadable-workbook"


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_damaged_workbook_raises_only_the_project_s_errors(data: st.DataObject) -> None:
    whole = bytearray((INPUTS / "packaging.xlsx").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(4, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    outcome(bytes(whole))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_damaged_xml_raises_only_the_project_s_errors(data: st.DataObject) -> None:
    book = (INPUTS / "packaging.xlsx").read_bytes()
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        name = data.draw(
            st.sampled_from([each for each in archive.namelist() if each.endswith((".xml", ".rels"))])
        )
        part = bytearray(archive.read(name))
    start = data.draw(st.integers(0, len(part)))
    part[start : start + data.draw(st.integers(0, 20))] = data.draw(st.binary(max_size=12))
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book)) as old, zipfile.ZipFile(stream, "w") as new:
        for each in old.namelist():
            new.writestr(each, bytes(part) if each == name else old.read(each))
    outcome(stream.getvalue())


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: (HEADER + text).encode()))
def test_any_bytes_at_all_raise_only_the_project_s_errors(data: bytes) -> None:
    outcome(data)


def outcome(data: bytes) -> None:
    """Reads the file whatever it is; any error that is not the project's own fails the test."""
    with suppress(InvalidEvent):
        problems_of(read_sheet(data, "包装.xlsx"))


def filled_in(kind: Kind, language: str) -> openpyxl.Workbook:
    """The kind's template with its example event written below the example, as a person would."""
    book = openpyxl.load_workbook(io.BytesIO(template(kind, language)))
    event = example_event(kind, language)
    by_label = {column.zh if language == "zh" else column.en: column for column in columns_of(kind)}
    for cell in book.worksheets[0][1][1:]:
        column = by_label[cell.value.rstrip("*")]
        value: Any = event
        for step in column.path:
            value = value[0] if isinstance(value, list) else value
            value = value.get(step) if isinstance(value, dict) else None
        book.worksheets[0].cell(row=3, column=cell.column, value=as_typed(column.field.type, value, language))
    return book


def as_typed(kind: types.FieldType, value: Any, language: str) -> Any:
    if isinstance(value, list):
        item = kind.item if isinstance(kind, types.ListOf) else kind
        return "、".join(as_typed(item, each, language) for each in value)
    if isinstance(kind, types.Choice) and value is not None:
        option = next(option for option in kind.options if option.value == value)
        return option.zh if language == "zh" else option.en
    return value


@SHEETS
@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_filled_template_gives_the_event_that_was_filled_in(kind: Kind, language: str) -> None:
    (event,) = events_of(read_sheet(saved(filled_in(kind, language)), "x.xlsx"))
    expected = example_event(kind, language)
    expected["details"].pop("replacement", None)
    assert event.kind == kind.name
    assert event.body == parse_event(expected).body


@SHEETS
def test_an_empty_template_says_only_that_it_has_no_rows(kind: Kind) -> None:
    assert problems_of(read_sheet(template(kind), "x.xlsx")) == [("no-rows", 1, None)]


def test_a_template_runs_nothing_when_it_is_opened() -> None:
    book = openpyxl.load_workbook(io.BytesIO(template(KINDS["shipping"])))
    texts = [cell.value for sheet in book for row in sheet for cell in row if isinstance(cell.value, str)]
    assert not [text for text in texts if text[:1] in "=+-@"]


def test_a_posted_form_is_read_like_a_row() -> None:
    posted = [
        ("csrf", "x"), ("id", "0197636e-95c0-7c3a-9d51-3f6a1c0e2b11"), ("kind", "recall"),
        ("occurred_at", "2026-06-12T07:40"), ("organisation", "fg"), ("cycles", "a"), ("cycles", "b"), ("site", ""),
        ("outputs.0.batch", "LZ-1"), ("outputs.0.product", "litchi"), ("outputs.0.quantity", "１２．５"),
        ("outputs.0.unit", "kg"), ("outputs.1.batch", ""), ("outputs.7.batch", "LZ-2"),
        ("outputs.7.product", "litchi"), ("outputs.7.quantity", "3"), ("outputs.7.unit", "斤"),
        ("details.grade", "一级"), ("details.__class__", "x"), ("details.level", "1"),
    ]  # fmt: skip
    event = parse_event(read_posted(KINDS["harvest"], posted))
    assert event.kind == "harvest"
    assert event.occurred_at == "2026-06-12T07:40:00+08:00"
    assert event.cycles == ("a", "b")
    assert [(line.batch, line.unit) for line in event.outputs] == [("LZ-1", "kg"), ("LZ-2", "jin")]
    assert event.details == {"grade": "一级"}


@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=20)), max_size=8))
def test_any_posted_form_gives_some_raw_event(values: list[tuple[str, str]]) -> None:
    assert read_posted(KINDS["packaging"], values)["kind"] == "packaging"


def test_the_lines_of_a_logger_are_one_series() -> None:
    text = (
        "温湿度记录,,,,,\n时间,涉及批次,记录仪,读数时间,读数温度（℃）,湿度（%）\n"
        "2026-06-12 08:00,B1,TH-1,2026-06-12 08:00,3.5,90\n"
        ",,,2026-06-12 08:10,−0.50 ℃,91\n,,,2026-06-12 08:20,4度,\n"
    )
    [event] = events_of(read_sheet(text.encode(), "logger.csv", organisation="fg-pack"))
    assert event.kind == "condition"
    assert [reading["temperature"] for reading in event.details["readings"]] == ["3.5", "-0.5", "4"]


@pytest.mark.parametrize(
    ("kind", "heading", "name"),
    [
        ("release", "暂停单号", "hold"),
        ("recall_update", "召回单号", "recall"),
        ("return", "召回单号", "recall"),
        ("objection", "异议对象单号", "to"),
        ("correction", "被更正单号", "corrects"),
        ("label_bind", "标签发放单号", "run"),
        ("label_void", "标签发放单号", "run"),
    ],
)
def test_a_heading_of_an_older_template_is_still_understood(kind: str, heading: str, name: str) -> None:
    found = find_heading(KINDS[kind], heading)
    assert found is not None
    assert found.column.path == ("details", name)
