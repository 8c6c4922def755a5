"""Bulk in its further forms: lines of JSON, packed bodies, sheets given back with red cells."""

from __future__ import annotations

import gzip
import io
import json
import zlib
from typing import Any

import openpyxl
import pytest
from werkzeug.test import TestResponse

from county import CYCLE, PRODUCT, County
from heji_trace.events.streams import split_array
from web.sent_files import HARVEST_HEADINGS, XLSX, csv_file, harvest_rows, xlsx_file

BULK = "/api/v1/events/bulk"
LINES = "application/x-ndjson"
FORMULAS = ('=HYPERLINK("http://x")', "+1+1", "-2+3", "@SUM(A1)", "\t=1", "＝1+1", "#N/A")


def harvest(county: County, batch: str, **parts: Any) -> dict[str, Any]:
    outputs = [{"batch": batch, "product": PRODUCT, "quantity": "10", "unit": "kg"}]
    return county.raw("harvest", cycles=[CYCLE], outputs=outputs, **parts)


def lines(*events: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(event, ensure_ascii=False).encode() + b"\n" for event in events)


def send(county: County, data: bytes, query: str = "", media: str = LINES, **headers: str) -> TestResponse:
    return county.client.post(
        f"{BULK}{query}", data=data, content_type=media, headers={**county.headers(), **headers}
    )


def drop(county: County, data: bytes, name: str, query: str = "") -> TestResponse:
    return county.client.post(
        f"{BULK}{query}", data={"file": (io.BytesIO(data), name)}, headers=county.headers()
    )


def problems(answer: TestResponse, status: int = 422) -> list[tuple[int | None, str, str]]:
    assert answer.status_code == status, answer.get_data(as_text=True)
    found = answer.get_json()["problems"]
    assert all(each["zh"] and each["en"] for each in found)
    return [(each.get("line"), each["pointer"], each["code"]) for each in found]


def marked(answer: TestResponse, status: int) -> Any:
    """The sheet of an error workbook."""
    assert (answer.status_code, answer.mimetype) == (status, XLSX), answer.get_data(as_text=True)
    return openpyxl.load_workbook(io.BytesIO(answer.get_data())).worksheets[0]


# --- lines of JSON ---------------------------------------------------------------------------------------------------


def test_what_is_wrong_in_lines_of_json_is_told_with_line_and_field(county: County) -> None:
    size = county.size
    good, bad = harvest(county, "B1"), harvest(county, "B2", colour="red")
    data = lines(good) + b"\n" + lines(bad) + b'{"id": 1, "id": 2}\n{"note": NaN}\n' + b"[" * 40 + b"\n5\n"
    assert problems(send(county, data)) == [
        (3, "/1/colour", "unknown-field"),
        (4, "/2/id", "json-key-twice"),
        (5, "/3/note", "number-not-finite"),
        (6, "/4", "json-too-deep"),
        (7, "/5", "not-an-object"),
    ]
    assert county.size == size


def test_a_byte_order_mark_before_lines_of_json_is_refused_with_its_line(county: County) -> None:
    assert problems(send(county, b"\xef\xbb\xbf" + lines(harvest(county, "B1")))) == [(1, "/0", "json-bom")]


def test_lines_of_nothing_are_no_import(county: County) -> None:
    assert problems(send(county, b"\n \n\r\n")) == [(None, "", "empty-list")]


def test_a_line_longer_than_an_event_may_be_is_told_and_the_others_are_read(county: County) -> None:
    limit = county.service.settings.body_limit
    data = b'"' + b"x" * limit + b'"\n' + lines(harvest(county, "B1", colour="red"))
    assert problems(send(county, data)) == [(1, "/0", "too-large"), (2, "/1/colour", "unknown-field")]


def test_a_file_of_lines_is_known_by_its_ending_in_a_form(county: County) -> None:
    answer = drop(county, lines(harvest(county, "B1"), harvest(county, "B2")), "记录.ndjson")
    assert answer.status_code == 201
    assert [each["line"] for each in answer.get_json()["receipts"]] == [1, 2]


def test_thousands_of_receipts_are_whole_json(county: County) -> None:
    events = [harvest(county, f"B{number}") for number in range(1203)]
    document = send(county, lines(*events)).get_json()
    assert [each["event_id"] for each in document["receipts"]] == [event["id"] for event in events]
    assert document["receipts"][-1]["line"] == 1203


# --- packed bodies ---------------------------------------------------------------------------------------------------


def test_a_packed_bulk_is_unpacked_whatever_it_holds(county: County) -> None:
    packed = gzip.compress(lines(harvest(county, "B1")))
    assert send(county, packed, **{"Content-Encoding": "gzip"}).status_code == 201
    array = gzip.compress(json.dumps([harvest(county, "B2")]).encode())
    assert send(county, array, "", "application/json", **{"Content-Encoding": "GZIP"}).status_code == 201
    sheet = gzip.compress(csv_file(HARVEST_HEADINGS, harvest_rows("B3")))
    assert send(county, sheet, "?kind=harvest", "text/csv", **{"Content-Encoding": "gzip"}).status_code == 201


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip", "zstd"])
def test_other_packings_are_refused(county: County, encoding: str) -> None:
    answer = send(county, lines(harvest(county, "B1")), **{"Content-Encoding": encoding})
    assert problems(answer) == [(None, "", "bad-encoding")]


@pytest.mark.parametrize(
    "damage",
    [
        lambda packed: packed[:-9],
        lambda packed: packed + b"more",
        lambda packed: packed[:20] + bytes([packed[20] ^ 255]) + packed[21:],
        lambda packed: b"no gzip at all",
        lambda packed: b"",
    ],
    ids=["cut", "followed", "damaged", "other", "empty"],
)
def test_a_damaged_packing_is_refused_and_nothing_is_written(county: County, damage: Any) -> None:
    size = county.size
    packed = gzip.compress(lines(*(harvest(county, f"B{number}") for number in range(20))))
    answer = send(county, damage(packed), **{"Content-Encoding": "gzip"})
    assert answer.status_code == 422
    assert county.size == size


def test_a_bomb_is_refused_before_it_is_unpacked(county: County) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(300)) + packer.flush()
    assert len(bomb) < 1 << 19
    answer = send(county, bomb, **{"Content-Encoding": "gzip"})
    assert answer.status_code == 413
    assert answer.get_json()["code"] == "unpacks-to-too-much"


def test_an_array_is_cut_no_further_than_its_values_are_needed() -> None:
    pieces = split_array(io.BytesIO(b"[1, 2, oops"), 1 << 18)
    assert [next(pieces).line, next(pieces).line] == [1, 2]


# --- sheets given back -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("made", [csv_file, xlsx_file])
def test_a_sheet_comes_back_as_it_stood_with_red_cells_and_reasons(county: County, made: Any) -> None:
    rows = harvest_rows("LZ-01", "LZ 02", "LZ-03")
    rows[2] = (*rows[2][:4], "一百斤左右", "kg")
    size = county.size
    name = "采收.csv" if made is csv_file else "采收.xlsx"
    sheet = marked(drop(county, made(HARVEST_HEADINGS, rows), name, "?errors=xlsx"), 422)
    assert sheet.title == "采收"
    assert [cell.value for cell in sheet[1]] == ["需修改的原因", *HARVEST_HEADINGS]
    assert [[cell.value for cell in row[1:]] for row in sheet.iter_rows(min_row=2)] == [
        list(row) for row in rows
    ]
    red = {cell.coordinate for row in sheet for cell in row[1:] if cell.fill.fgColor.rgb == "FFFFC7CE"}
    assert red == {"D3", "F4"}
    assert "LZ 02" in sheet["A3"].value
    assert sheet["D3"].comment.text == sheet["A3"].value
    assert sheet["A2"].value is None
    assert county.size == size


def test_a_quantity_whose_unit_the_column_of_units_contradicts_comes_back_red(county: County) -> None:
    rows = harvest_rows("LZ-01", "LZ-02")
    rows[1] = (*rows[1][:4], "10斤", "公斤")
    sheet = marked(drop(county, csv_file(HARVEST_HEADINGS, rows), "采收.csv", "?errors=xlsx"), 422)
    red = {cell.coordinate for row in sheet for cell in row[1:] if cell.fill.fgColor.rgb == "FFFFC7CE"}
    assert red == {"F3"}
    assert sheet["F3"].comment.text == sheet["A3"].value == "“10斤”里的单位与单位列的“公斤”不同，请改成一致。"


def test_the_reasons_are_in_the_reader_s_language(county: County) -> None:
    data = csv_file(HARVEST_HEADINGS, harvest_rows("LZ 02"))
    sheet = marked(drop(county, data, "采收.csv", "?errors=xlsx&lang=en"), 422)
    assert sheet.title == "Harvest"
    assert sheet["A1"].value == "What to mend"
    assert sheet["A2"].value.isascii() or "LZ 02" in sheet["A2"].value


def test_the_mended_sheet_goes_in_as_it_is_its_reasons_left_aside(county: County) -> None:
    data = xlsx_file(HARVEST_HEADINGS, harvest_rows("LZ 01", "LZ-02"), title="Sheet1")
    answer = drop(county, data, "台账.xlsx", "?errors=xlsx&kind=harvest")
    book = openpyxl.load_workbook(io.BytesIO(answer.get_data()))
    book.worksheets[0]["D2"] = "LZ-01"
    stream = io.BytesIO()
    book.save(stream)
    again = drop(county, stream.getvalue(), "台账.xlsx", "?kind=harvest&errors=xlsx")
    assert again.status_code == 201, again.get_data(as_text=True)
    assert again.get_json()["events"] == 2


def test_what_the_ledger_refuses_is_red_in_the_sheet_and_what_it_asks_is_not(county: County) -> None:
    county.harvest("TAKEN")
    rows = harvest_rows("LZ-01", "TAKEN")
    rows[0] = (*rows[0][:3], "no-such-product", *rows[0][4:])
    sheet = marked(drop(county, csv_file(HARVEST_HEADINGS, rows), "采收.csv", "?errors=xlsx"), 422)
    assert sheet["E2"].fill.fgColor.rgb == "FFFFC7CE"
    assert sheet["A2"].value
    assert sheet["A3"].value
    headings = ("时间", "批次", "数量", "单位")
    sold = csv_file(headings, [("2026-05-28 09:00", "TAKEN", "500", "kg")])
    sheet = marked(drop(county, sold, "销售.csv", "?errors=xlsx"), 409)
    assert sheet["A2"].fill.fgColor.rgb == "FFFFEB9C"
    assert all(cell.fill.fgColor.rgb != "FFFFC7CE" for cell in sheet[2])


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_of_a_sheet_given_back_is_a_formula(county: County, text: str) -> None:
    quoted = '"' + text.replace('"', '""') + '"'
    rows = [("2026-05-28 08:00", CYCLE, "LZ 01", PRODUCT, quoted, "kg")]
    answer = drop(county, csv_file(HARVEST_HEADINGS, rows, "utf-8"), "采收.csv", "?errors=xlsx")
    sheet = marked(answer, 422)
    cell = sheet["F2"]
    assert (cell.value, cell.data_type, cell.number_format) == (text.strip(), "s", "@")
    assert {each.data_type for row in sheet for each in row} <= {"s", "n"}
    assert all(each.value is None for row in sheet for each in row if each.data_type == "n")


def test_a_workbook_with_formulas_and_merged_cells_comes_back_with_each_of_them_red(county: County) -> None:
    rows: list[tuple[object, ...]] = [*harvest_rows("LZ-01", "LZ-02", "LZ-03")]
    rows[1] = (*rows[1][:4], "=1+1", "kg")
    data = xlsx_file(HARVEST_HEADINGS, rows, merged="F3:F4")
    sheet = marked(drop(county, data, "采收.xlsx", "?errors=xlsx"), 422)
    red = {cell.coordinate for row in sheet for cell in row[1:] if cell.fill.fgColor.rgb == "FFFFC7CE"}
    assert {"F3", "G3", "G4"} <= red


def test_the_choice_of_the_form_of_errors_is_checked_and_json_has_no_sheet(county: County) -> None:
    assert drop(county, b"x", "a.csv", "?errors=pdf").status_code == 422
    answer = send(county, lines(harvest(county, "B 1")), "?errors=xlsx")
    assert answer.mimetype == "application/problem+json"
    assert problems(answer) == [(1, "/0/outputs/0/batch", "bad-batch")]
