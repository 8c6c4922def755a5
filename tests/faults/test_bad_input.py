from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.test import TestResponse

from county import CYCLE, PACKED, PRODUCT, County, opened_county
from web.sent_files import HARVEST_HEADINGS, XLSX, csv_file, form, harvest_rows, repacked, xlsx_file

EVENTS, BULK = "/api/v1/events", "/api/v1/events/bulk"


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> Iterator[County]:
    with opened_county(tmp_path_factory.mktemp("county"), module_database_url) as county:
        yield county


def harvest(county: County, **parts: Any) -> dict[str, Any]:
    batch = f"LZ-{county.made}"
    outputs = [{"batch": batch, "product": PRODUCT, "quantity": "100", "unit": "kg"}]
    return county.raw("harvest", **{"cycles": [CYCLE], "outputs": outputs, **parts})


def send(county: County, data: bytes, path: str = EVENTS, media: str = "application/json") -> TestResponse:
    return county.client.post(path, data=data, content_type=media, headers=county.headers())


def check_refused(answer: TestResponse, status: int, pointer: str | None = None, code: str = "") -> Any:
    """Problem details in both languages, and where a field is to blame, its pointer."""
    assert answer.status_code == status, answer.get_data(as_text=True)
    assert answer.mimetype == "application/problem+json"
    document = answer.get_json()
    assert document["status"] == status
    assert document["detail_zh"]
    assert document["detail_en"]
    assert document["detail_zh"] != document["detail_en"]
    problems = document.get("problems", [])
    assert all(problem["zh"] and problem["en"] for problem in problems)
    if pointer is not None:
        assert pointer in {problem["pointer"] for problem in problems}, problems
    if code:
        assert code in {document["code"], *(problem["code"] for problem in problems)}, document
    return document


def kilograms(**changed: object) -> list[dict[str, object]]:
    return [{"batch": "LZ-01", "product": PRODUCT, "quantity": "1", "unit": "kg", **changed}]


WRONG_FIELDS = [
    ({"outputs": "LZ-01"}, "/outputs"),
    ({"outputs": []}, "/outputs"),
    ({"outputs": [5]}, "/outputs/0"),
    ({"cycles": {"a": "b"}}, "/cycles"),
    ({"colour": "red"}, "/colour"),
    ({"details": {"colour": "red"}}, "/details/colour"),
    ({"outputs": kilograms(colour="red")}, "/outputs/0/colour"),
    ({"kind": "harvesting"}, "/kind"),
    ({"id": "17"}, "/id"),
    ({"occurred_at": "2026-05-28T08:00:00"}, "/occurred_at"),
    ({"occurred_at": "2026-05-28"}, "/occurred_at"),
    ({"occurred_at": "昨天上午"}, "/occurred_at"),
    ({"outputs": kilograms(quantity="１２")}, "/outputs/0/quantity"),
    ({"outputs": kilograms(quantity="1_0")}, "/outputs/0/quantity"),
    ({"outputs": kilograms(quantity="1E+400")}, "/outputs/0/quantity"),
    ({"outputs": kilograms(quantity="-1")}, "/outputs/0/quantity"),
    ({"outputs": kilograms(quantity="0")}, "/outputs/0/quantity"),
    ({"outputs": kilograms(quantity=1)}, "/outputs/0/quantity"),
    ({"outputs": kilograms(quantity="9" * 40)}, "/outputs/0/quantity"),
    ({"outputs": kilograms(unit="担子")}, "/outputs/0/unit"),
    ({"outputs": kilograms(batch="批次一")}, "/outputs/0/batch"),
    ({"outputs": kilograms(batch="LZ-01\n")}, "/outputs/0/batch"),
    ({"outputs": kilograms(batch="x" * 21)}, "/outputs/0/batch"),
    ({"outputs": kilograms(product="no-such-product")}, "/outputs/0/product"),
    ({"cycles": ["no-such-cycle"]}, "/cycles/0"),
    ({"site": "no-such-site"}, "/site"),
    ({"performed_by": "nobody"}, "/performed_by"),
    ({"note": "x" * 2000}, "/note"),
    ({"moves": kilograms()}, "/moves"),
]


@pytest.mark.parametrize(
    "parts, pointer", WRONG_FIELDS, ids=[f"{where}-{at}" for at, (_, where) in enumerate(WRONG_FIELDS)]
)
def test_a_wrong_field_is_named_and_nothing_is_written(
    county: County, parts: dict[str, Any], pointer: str
) -> None:
    size = county.size
    check_refused(county.post(EVENTS, harvest(county, **parts)), 422, pointer)
    check_refused(county.post(BULK, [harvest(county, **parts)]), 422, f"/0{pointer}")
    assert county.size == size


@pytest.mark.parametrize("value", ["text", 5, None, [], [[]], True])
def test_what_is_no_object_is_refused(county: County, value: object) -> None:
    size = county.size
    check_refused(county.post(EVENTS, value), 422)
    check_refused(county.post(BULK, value), 422)
    assert county.size == size


def test_a_time_more_than_five_minutes_ahead_is_refused(county: County) -> None:
    size = county.size
    ahead = harvest(county, occurred_at=county.at(-6 / 60))
    check_refused(county.post(EVENTS, ahead), 422, "/occurred_at", "in-the-future")
    assert county.size == size
    soon = harvest(county, occurred_at=county.at(-4 / 60))
    assert county.post(EVENTS, soon).status_code == 201


def test_an_unknown_batch_is_refused_but_asked_back_where_goods_arrive(county: County) -> None:
    size = county.size
    line = {"batch": "NONE", "quantity": "1", "unit": "kg"}
    made = [{"batch": "P1", "product": PACKED, "quantity": "1", "unit": "kg"}]
    packed = county.raw("packaging", inputs=[line], outputs=made)
    check_refused(county.post(EVENTS, packed), 422, "/inputs/0/batch", "unknown-batch")
    sold = county.raw("sale", moves=[line])
    check_refused(county.post(EVENTS, sold), 422, "/moves/0/batch", "unknown-batch")
    received = county.raw("receiving", moves=[line])
    document = check_refused(county.post(EVENTS, received), 409, code="needs-acknowledgement")
    assert [question["code"] for question in document["questions"]] == ["UNKNOWN_ORIGIN"]
    assert county.size == size


def test_a_foreign_organisation_is_forbidden_as_author(county: County) -> None:
    size = county.size
    foreign = harvest(county, organisation=county.code("neighbour"))
    check_refused(county.post(EVENTS, foreign), 403, code="no-mandate")
    check_refused(county.post(EVENTS, harvest(county, organisation="nobody")), 403)
    document = check_refused(county.post(BULK, [foreign]), 422, "/0")
    assert document["problems"][0]["code"] == "no-mandate"
    role = county.raw("testing", details={"sample": "S", "laboratory": "x", "status": "registered"})
    check_refused(county.post(EVENTS, {**role, "kind": "edition"}), 422)
    assert county.size == size


def test_the_same_id_with_other_content_is_a_conflict(county: County) -> None:
    event = harvest(county)
    assert county.post(EVENTS, event).status_code == 201
    size = county.size
    check_refused(county.post(EVENTS, {**event, "note": "另一条"}), 409, code="id-with-other-content")
    check_refused(county.post(BULK, [{**event, "note": "另一条"}]), 422, "/0")
    assert county.size == size


MALFORMED = {
    "nothing": b"",
    "no JSON": b"{",
    "two values": b"{}{}",
    "duplicate keys": b'{"id": "1", "id": "2"}',
    "duplicate keys below": b'{"details": {"a": 1, "a": 1}}',
    "NaN": b'{"quantity": NaN}',
    "infinity": b'{"quantity": -Infinity}',
    "a fraction": b'{"quantity": 0.02}',
    "an exponent": b'{"quantity": 1e400}',
    "a huge whole number": b'{"quantity": 99999999999999999999}',
    "100,000 brackets": b"[" * 100_000,
    "100,000 closed brackets": b"[" * 100_000 + b"]" * 100_000,
    "100,000 objects": b'{"a":' * 40_000,
    "a lone surrogate": b'{"note": "\\ud800"}',
    "a surrogate in a key": b'{"\\udc00": 1}',
    "NUL": b'{"note": "a\\u0000b"}',
    "a NUL byte": b'{"note": "a\x00b"}',
    "no UTF-8": b'{"note": "\xff\xfe"}',
    "GB18030": '{"note": "荔枝"}'.encode("gb18030"),
    "UTF-16": '{"note": "x"}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "a comment": b"{} // done",
    "single quotes": b"{'id': 1}",
}


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED.keys())
def test_what_is_no_plain_json_is_refused_at_every_door_that_reads_json(county: County, data: bytes) -> None:
    size = county.size
    for path in (EVENTS, BULK, "/api/v1/recalls", "/api/v1/labels"):
        check_refused(send(county, data, path), 422)
    check_refused(send(county, data, BULK, "application/x-ndjson"), 422)
    assert county.size == size


@pytest.mark.parametrize("text", ["\ud800", "a\0b"])
def test_surrogates_and_nul_inside_a_good_event_are_named(county: County, text: str) -> None:
    size = county.size
    check_refused(county.post(EVENTS, harvest(county, note=text)), 422, "/note")
    assert county.size == size


def test_a_single_event_over_its_cap_is_refused_before_it_is_read(county: County) -> None:
    size = county.size
    event = json.dumps(harvest(county)).encode()
    padded = event[:-1] + b" " * (262_144 - len(event)) + b"}"
    assert len(padded) == 262_144
    assert send(county, padded).status_code == 201
    document = check_refused(send(county, padded + b" "), 413, code="too-large")
    assert "256 KB" in document["detail_en"]
    endless = io.BytesIO(padded + b" " * 10)
    chunked = county.client.post(
        EVENTS,
        input_stream=endless,
        content_type="application/json",
        headers={**county.headers(), "Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )
    check_refused(chunked, 413)
    assert county.size == size + 1


def test_a_bulk_over_its_cap_is_refused(county: County) -> None:
    size = county.size
    too_much = b"[" + b" " * (32 * 2**20) + b"]"
    check_refused(send(county, too_much, BULK), 413, code="too-large")
    check_refused(send(county, too_much, BULK, "text/csv"), 413)
    body, media = form(too_much, "big.csv")
    check_refused(send(county, body, BULK, media), 413)
    assert county.size == size


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer heji_0000000000000000000000000000000000000000000"},
        {"Authorization": "Bearer "},
        {"Authorization": "Basic dXNlcjpwYXNz"},
        {"Authorization": "Bearer \u00ff\u00fe"},
    ],
)
def test_a_wrong_token_opens_no_door(county: County, headers: dict[str, str]) -> None:
    size = county.size
    client = county.client
    event = json.dumps(harvest(county)).encode()
    for path in (EVENTS, BULK, "/api/v1/recalls", "/api/v1/labels", "/api/v1/lab/imports"):
        answer = client.post(path, data=event, content_type="application/json", headers=headers)
        check_refused(answer, 401)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    for path in (EVENTS, f"{EVENTS}/{county.new_id()}", "/api/v1/batches/LZ-01", "/api/v1/recalls/x"):
        check_refused(client.get(path, headers=headers), 401)
    assert county.size == size


def drop(county: County, data: bytes, name: str) -> TestResponse:
    return county.client.post(BULK, data={"file": (io.BytesIO(data), name)}, headers=county.headers())


def test_a_formula_in_a_sheet_is_refused_with_its_cell(county: County) -> None:
    size = county.size
    rows: list[tuple[object, ...]] = [*harvest_rows("LZ-01"), *harvest_rows("LZ-02")]
    rows[1] = (*rows[1][:4], "=1+1", "kg")
    document = check_refused(
        drop(county, xlsx_file(HARVEST_HEADINGS, rows), "采收.xlsx"), 422, code="formula-cell"
    )
    assert document["problems"][0]["line"] == 3
    assert "E3" in document["problems"][0]["zh"]
    text = csv_file(HARVEST_HEADINGS, [tuple(str(cell) for cell in row) for row in rows])
    check_refused(drop(county, text, "采收.csv"), 422, code="formula-cell")
    assert county.size == size


def test_merged_cells_below_the_header_are_refused_with_their_cell(county: County) -> None:
    size = county.size
    data = xlsx_file(HARVEST_HEADINGS, harvest_rows("LZ-01", "LZ-02"), merged="F2:F3")
    document = check_refused(drop(county, data, "采收.xlsx"), 422, code="merged-cell")
    assert document["problems"][0]["line"] == 2
    assert "F2" in document["problems"][0]["en"]
    assert county.size == size


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00\x01\x02",
        b"PK\x03\x04 no workbook",
        b"\xd0\xcf\x11\xe0 an old one",
        b"a,b,c\n1,2,3",
        b"%PDF-1.7",
    ],
    ids=["empty", "binary", "broken", "xls", "no-header", "pdf"],
)
@pytest.mark.parametrize("media", ["text/csv", XLSX, "application/octet-stream"])
def test_a_file_that_is_no_sheet_is_refused(county: County, data: bytes, media: str) -> None:
    size = county.size
    check_refused(send(county, data, BULK, media), 422)
    check_refused(send(county, data, "/api/v1/lab/imports", media), 422)
    assert county.size == size


def test_a_form_without_its_file_is_refused(county: County) -> None:
    answer = county.client.post(BULK, data={"kind": "harvest"}, headers=county.headers())
    assert answer.status_code in (413, 422)
    empty = county.client.post(
        BULK, data=b"--x--", content_type="multipart/form-data; boundary=x", headers=county.headers()
    )
    check_refused(empty, 422, "/file")


BOOKS = {
    "a bomb of zeros": lambda book: repacked(book, bomb_xml=bytes(300_000_000)),
    "a bomb of strings": lambda book: repacked(
        book, xl__sharedStrings_xml=b"<sst>" + b"<si><t>x</t></si>" * 15_000_000 + b"</sst>"
    ),
    "a list of sheets that goes on": lambda book: repacked(
        book, xl__workbook_xml=b"<workbook>" + bytes(range(65, 91)) * 200_000 + b"</workbook>"
    ),
    "a million laughs": lambda book: repacked(
        book,
        xl__worksheets__sheet1_xml=b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><worksheet>&b;</worksheet>',
    ),
    "an entity in its strings": lambda book: repacked(
        book,
        xl__sharedStrings_xml=b'<!DOCTYPE s [<!ENTITY f SYSTEM "file:///etc/passwd">]><sst><si><t>&f;</t></si></sst>',
    ),
    "no sheet at all": lambda book: repacked(book, xl__workbook_xml=b"<workbook/>"),
    "a cell beyond the last row": lambda book: repacked(
        book, xl__worksheets__sheet1_xml=sheet(b'<row r="1048576"><c r="A1048576" t="str"><v>x</v></c></row>')
    ),
    "a cell that has no place": lambda book: repacked(
        book, xl__worksheets__sheet1_xml=sheet(b'<row><c r="ZZZZ99999999"><v>1</v></c></row>')
    ),
    "a rectangle of millions": lambda book: repacked(
        book,
        xl__worksheets__sheet1_xml=sheet(b'<row><c r="A1"><v>1</v></c><c r="GR109999"><v>1</v></c></row>'),
    ),
}


def sheet(rows: bytes) -> bytes:
    space = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    return b'<worksheet xmlns="' + space + b'"><sheetData>' + rows + b"</sheetData></worksheet>"


@pytest.mark.parametrize("made", BOOKS.values(), ids=BOOKS.keys())
@pytest.mark.parametrize("path", [f"{BULK}?kind=harvest&errors=xlsx", "/api/v1/lab/imports"])
def test_a_workbook_made_to_harm_is_refused(county: County, made: Any, path: str) -> None:
    size = county.size
    data = made(xlsx_file(HARVEST_HEADINGS, harvest_rows("LZ-01")))
    check_refused(send(county, data, path, XLSX), 422)
    assert county.size == size


def test_rows_and_sheets_that_nobody_sees_neither_count_nor_harm(county: County) -> None:
    book = xlsx_file(HARVEST_HEADINGS, harvest_rows("EMPTY-01"))
    rows = (
        b"".join(b'<row r="%d"/>' % at for at in range(3, 60_000))
        + b'<row r="1048576"><c r="XFD1048576" s="1"/></row>'
    )
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        part = archive.read("xl/worksheets/sheet1.xml").replace(b"</sheetData>", rows + b"</sheetData>")
    answer = send(county, repacked(book, xl__worksheets__sheet1_xml=part), f"{BULK}?kind=harvest", XLSX)
    assert answer.status_code == 201, answer.get_data(as_text=True)
    assert answer.get_json()["events"] == 1


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-32", "big5", "shift_jis", "utf-7", "cp037"])
def test_a_sheet_in_an_encoding_nobody_expects_is_refused_in_both_languages(
    county: County, encoding: str
) -> None:
    size = county.size
    text = "时间,生产周期,批次,产品,数量,单位\n2026-05-28 08:00,c,B,p,1,kg\n"
    data = text.encode(encoding, "replace")
    check_refused(send(county, data, f"{BULK}?kind=harvest", "text/csv"), 422)
    assert county.size == size


def test_full_width_digits_are_read_in_a_sheet_where_people_type_them(county: County) -> None:
    data = csv_file(HARVEST_HEADINGS, harvest_rows("FW-01", quantity="１２．５"))
    assert drop(county, data, "采收.csv").status_code == 201
    event = county.get(f"{EVENTS}?batch=FW-01").get_json()["events"][0]["event"]
    assert event["outputs"][0]["quantity"] == "12.5"


@pytest.mark.parametrize(
    "method, path", [("put", EVENTS), ("delete", f"{EVENTS}/x"), ("get", "/api/v1/nothing")]
)
def test_what_the_api_does_not_offer_is_told_as_a_problem(county: County, method: str, path: str) -> None:
    answer = county.client.open(path, method=method.upper(), headers=county.headers())
    check_refused(answer, 404 if method == "get" else 405)


@pytest.mark.parametrize(
    "name", ["%00", "%ff", "..%2f..", "x" * 500, "批次", "LZ-01%0a", "'; DROP TABLE batches"]
)
def test_odd_names_in_paths_are_answered_as_unknown(county: County, name: str) -> None:
    for path in (
        f"{EVENTS}/{name}",
        f"{EVENTS}/{name}/proof",
        f"/api/v1/batches/{name}",
        f"/api/v1/batches/{name}/trace",
    ):
        assert county.get(path).status_code == 404
    assert county.get(f"/api/v1/recalls/{name}").status_code == 404
    assert county.get(f"/api/v1/labels/{name}.pdf").status_code == 404
