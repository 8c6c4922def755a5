from __future__ import annotations

import io
import json
from typing import Any
from urllib.parse import quote

import openpyxl
import pytest
from werkzeug.test import TestResponse

from county import CYCLE, PRODUCT, County
from web.sent_files import HARVEST_HEADINGS, XLSX, csv_file, harvest_rows, xlsx_file

BULK = "/api/v1/events/bulk"


def harvest(county: County, batch: str, quantity: str = "10") -> dict[str, Any]:
    outputs = [{"batch": batch, "product": PRODUCT, "quantity": quantity, "unit": "kg"}]
    return county.raw("harvest", cycles=[CYCLE], outputs=outputs)


def send(county: County, data: bytes, media: str, query: str = "", who: str = "producer") -> TestResponse:
    return county.client.post(f"{BULK}{query}", data=data, content_type=media, headers=county.headers(who))


def drop(county: County, data: bytes, name: str, query: str = "") -> TestResponse:
    return county.client.post(
        f"{BULK}{query}", data={"file": (io.BytesIO(data), name)}, headers=county.headers()
    )


def test_an_array_of_events_is_recorded_with_a_receipt_for_each(county: County) -> None:
    events = [harvest(county, f"B{number}") for number in range(3)]
    answer = county.post(BULK, events)
    assert answer.status_code == 201
    document = answer.get_json()
    assert (document["events"], document["repeated"], document["dry_run"]) == (3, 0, False)
    assert [receipt["event_id"] for receipt in document["receipts"]] == [event["id"] for event in events]
    assert [receipt["line"] for receipt in document["receipts"]] == [1, 2, 3]


def test_lines_of_json_are_an_import_too(county: County) -> None:
    events = [harvest(county, f"B{number}") for number in range(2)]
    data = b"\n\n".join(json.dumps(event).encode() for event in events)
    answer = send(county, data, "application/x-ndjson")
    assert answer.status_code == 201
    assert [receipt["line"] for receipt in answer.get_json()["receipts"]] == [1, 3]
    broken = send(county, data + b"\n{", "application/x-ndjson")
    assert broken.status_code == 422
    assert broken.get_json()["problems"][0]["line"] == 4


@pytest.mark.parametrize("name", ["采收.csv", "采收.xlsx"])
def test_the_same_file_again_answers_with_the_same_receipts(county: County, name: str) -> None:
    rows = harvest_rows("LZ-01", "LZ-02", "LZ-03")
    made = csv_file if name.endswith(".csv") else xlsx_file
    data = made(HARVEST_HEADINGS, rows)
    first = drop(county, data, name)
    size = county.size
    again = drop(county, data, name)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.get_json()["receipts"] == again.get_json()["receipts"]
    assert again.get_json()["repeated"] == 3
    assert county.size == size


def test_a_sheet_is_taken_as_the_body_itself_with_its_kind_in_the_query(county: County) -> None:
    data = csv_file(HARVEST_HEADINGS, harvest_rows("LZ-01"), "utf-8-sig")
    assert send(county, data, "text/csv", "?kind=harvest").status_code == 201
    book = xlsx_file(HARVEST_HEADINGS, harvest_rows("LZ-02"), title="Sheet1")
    assert send(county, book, XLSX, "?kind=harvest").status_code == 201
    unnamed = send(county, data, "text/csv")
    assert unnamed.status_code == 422
    assert unnamed.get_json()["problems"][0]["code"] == "unknown-sheet-kind"


def test_a_dry_run_tells_what_would_happen_and_writes_nothing(county: County) -> None:
    events = [harvest(county, "B1"), harvest(county, "B2")]
    county.post("/api/v1/events", events[0])
    size = county.size
    answer = county.post(f"{BULK}?dry_run=1", events)
    assert answer.status_code == 200
    document = answer.get_json()
    assert document["dry_run"] is True
    assert "receipts" not in document
    assert [row["repeated"] for row in document["rows"]] == [True, False]
    assert county.size == size
    assert county.post(BULK, events).status_code == 201


def test_one_bad_row_keeps_all_rows_out_and_is_named_with_line_and_heading(county: County) -> None:
    rows = harvest_rows("LZ-01", "LZ-02")
    rows[1] = (*rows[1][:4], "一百斤左右", "kg")
    size = county.size
    answer = drop(county, csv_file(HARVEST_HEADINGS, rows), "采收.csv")
    assert answer.status_code == 422
    [problem] = answer.get_json()["problems"]
    assert (problem["line"], problem["column"]) == (3, "数量")
    assert problem["zh"]
    assert problem["en"]
    assert county.size == size


def test_what_the_ledger_refuses_is_named_by_row_in_both_forms(county: County) -> None:
    county.harvest("TAKEN")
    rows = harvest_rows("LZ-01", "TAKEN", "LZ-01")
    size = county.size
    sheet = drop(county, csv_file(HARVEST_HEADINGS, rows), "采收.csv")
    assert sheet.status_code == 422
    document = sheet.get_json()
    assert document["code"] == "bulk-refused"
    assert [(each["line"], each["code"]) for each in document["problems"]] == [
        (3, "batch-already-made"),
        (4, "batch-already-made"),
    ]
    unknown = harvest(county, "LZ-09")
    unknown["cycles"] = ["no-such-cycle"]
    array = county.post(BULK, [harvest(county, "LZ-08"), unknown])
    [problem] = array.get_json()["problems"]
    assert (problem["pointer"], problem["line"]) == ("/1/cycles/0", 2)
    assert county.size == size


def test_mistakes_of_shape_and_of_the_ledger_are_told_at_once(county: County) -> None:
    drop(county, csv_file(HARVEST_HEADINGS, harvest_rows("LZ-01")), "采收.csv")
    size = county.size
    rows = [*harvest_rows("LZ 2"), *harvest_rows("LZ-01"), *harvest_rows("LZ-03")]
    answer = drop(county, csv_file(HARVEST_HEADINGS, rows), "采收.csv")
    wrong = [(2, "bad-batch"), (3, "batch-already-made")]
    assert [(each["line"], each["code"]) for each in answer.get_json()["problems"]] == wrong
    marked = drop(county, csv_file(HARVEST_HEADINGS, rows), "采收.csv", "?errors=xlsx")
    sheet = openpyxl.load_workbook(io.BytesIO(marked.get_data())).worksheets[0]
    assert [bool(sheet.cell(row=row, column=1).value) for row in (2, 3, 4)] == [True, True, False]
    events = [harvest(county, "LZ-01"), {**harvest(county, "LZ-04"), "outputs": []}]
    told = county.post(BULK, events).get_json()["problems"]
    assert [(each["line"], each["code"]) for each in told] == [
        (1, "batch-already-made"),
        (2, "empty-list"),
    ]
    lines = [[], events[1], events[0], {}, harvest(county, "LZ-01")]
    data = b"\n\n".join(json.dumps(event).encode() for event in lines)
    told = send(county, data, "application/x-ndjson").get_json()["problems"]
    assert [(each["line"], each["pointer"]) for each in told if each["code"] == "batch-already-made"] == [
        (5, "/2"),
        (9, "/4"),
    ]
    assert county.size == size


@pytest.mark.parametrize("name", ["a\r\nX-Evil: 1.csv", "../台账/\x00采收.csv", "\u202e采收.csv"])
def test_the_name_of_a_file_steers_neither_a_header_nor_the_ledger(county: County, name: str) -> None:
    plain = name.rpartition("/")[2].translate(dict.fromkeys(map(ord, "\r\n\x00\u202e")))
    query = f"?kind=harvest&errors=xlsx&name={quote(name)}"
    refused = send(county, csv_file(HARVEST_HEADINGS, harvest_rows("LZ 2")), "text/csv", query)
    assert refused.status_code == 422
    assert quote(plain.removesuffix(".csv")) in refused.headers["Content-Disposition"]
    assert (
        send(county, csv_file(HARVEST_HEADINGS, harvest_rows("LZ-2")), "text/csv", query).status_code == 201
    )
    listed = county.client.get("/api/v1/imports", headers=county.headers()).get_json()["imports"]
    assert [each["file_name"] for each in listed] == [plain]


@pytest.mark.parametrize("title", ["Sheet1", "六月采收"])
def test_the_sheet_to_mend_says_its_kind_when_it_comes_back(county: County, title: str) -> None:
    file = xlsx_file(HARVEST_HEADINGS, harvest_rows("LZ 2"), title=title)
    book = openpyxl.load_workbook(io.BytesIO(drop(county, file, "a.xlsx", "?kind=harvest&errors=xlsx").data))
    assert book.sheetnames == ["采收" if title == "Sheet1" else title]
    book.worksheets[0]["D2"] = "LZ-2"
    stream = io.BytesIO()
    book.save(stream)
    assert drop(county, stream.getvalue(), "b.xlsx").status_code == 201


def test_what_a_wrong_event_may_make_is_not_called_unknown(county: County) -> None:
    made = {**harvest(county, "LZ-01"), "occurred_at": "gestern"}
    sold = county.raw("sale", moves=[{"batch": "LZ-01", "quantity": "1", "unit": "kg"}])
    told = county.post(BULK, [made, sold]).get_json()["problems"]
    assert [each["code"] for each in told] == ["bad-moment"]


def test_questions_come_with_their_lines_and_are_answered_for_the_whole_file(county: County) -> None:
    county.harvest("B1", "10")
    headings: tuple[str, ...] = (
        "时间",
        "inputs.batch",
        "inputs.quantity",
        "inputs.unit",
        "outputs.batch",
        "outputs.product",
    )
    headings += ("outputs.quantity", "outputs.unit")
    rows = [
        ("2026-05-28 09:00", "B1", "8", "kg", "P1", "litchi-5kg", "8", "kg"),
        ("2026-05-28 10:00", "B1", "8", "kg", "P2", "litchi-5kg", "8", "kg"),
    ]
    data = csv_file(headings, rows)
    size = county.size
    asked = drop(county, data, "包装.csv")
    assert asked.status_code == 409
    document = asked.get_json()
    assert document["code"] == "needs-acknowledgement"
    assert [(each["line"], each["code"]) for each in document["questions"]] == [(3, "OVER_CONSUMPTION")]
    assert county.size == size
    partly = drop(county, data, "包装.csv", "?acknowledged=LATE_RECORD")
    assert partly.status_code == 409
    told = drop(county, data, "包装.csv", "?acknowledged=OVER_CONSUMPTION")
    assert told.status_code == 201
    first, second = told.get_json()["receipts"]
    assert first["warnings"] == []
    assert "OVER_CONSUMPTION" in second["warnings"]
    event = county.get(f"/api/v1/events/{first['event_id']}").get_json()["event"]
    assert "acknowledged" not in event


def test_labels_do_not_come_by_bulk_either(county: County) -> None:
    details = {"product": PRODUCT, "trace_code": "0" * 16, "phone_code": "1234567890", "copies": 1}
    size = county.size
    assert county.post(BULK, [county.raw("label_issue", details=details)]).status_code == 422
    assert county.size == size


def test_an_id_that_stands_twice_in_one_import_is_refused(county: County) -> None:
    event = harvest(county, "B1")
    size = county.size
    answer = county.post(BULK, [event, event])
    assert answer.status_code == 422
    assert answer.get_json()["problems"][0]["pointer"] == "/1/id"
    assert county.size == size


def test_a_sheet_that_was_saved_again_with_a_row_more_is_asked_about_row_by_row(county: County) -> None:
    drop(county, csv_file(HARVEST_HEADINGS, harvest_rows("LZ-01")), "采收.csv")
    headings = ("销售时间", "批次号", "数量", "单位")
    sold = [["2026-05-28 07:40", "LZ-01", "1", "公斤"], ["2026-05-28 08:40", "LZ-01", "1.5", "公斤"]]
    first = drop(county, csv_file(headings, sold), "销售.csv", "?kind=sale")
    assert first.status_code == 201
    longer = csv_file(headings, [*sold, ["2026-05-28 09:40", "LZ-01", "2", "公斤"]])
    answer = drop(county, longer, "销售(1).csv", "?kind=sale")
    assert answer.status_code == 409
    questions = answer.get_json()["questions"]
    entries = [receipt["seq"] + 1 for receipt in first.get_json()["receipts"]]
    assert [(each["line"], each["code"]) for each in questions] == [(2, "SAID_BEFORE"), (3, "SAID_BEFORE")]
    assert all(str(entry) in each["zh"] for entry, each in zip(entries, questions, strict=True))
    answer = drop(county, longer, "销售(1).csv", "?kind=sale&acknowledged=SAID_BEFORE")
    assert (answer.status_code, answer.get_json()["repeated"]) == (201, 0)
