from __future__ import annotations

import json
import os
from pathlib import Path

from county import County
from heji_trace.recording.imported import imports_of
from scanners.scan import Scan
from web.sent_files import HARVEST_HEADINGS, csv_file, harvest_rows

INPUTS = Path(__file__).parents[1] / "inputs"


def harvests(*batches: str, quantity: str = "12.5") -> bytes:
    return csv_file(HARVEST_HEADINGS, harvest_rows(*batches, quantity=quantity))


# --- offline ---------------------------------------------------------------------------------------------------------


def test_wrong_usage_gives_exit_code_2(alone: Scan) -> None:
    alone.run("check", code=2)
    alone.run("check", "no-such-file.csv", code=2)
    alone.run("send", "--patience", "-1", code=2)
    alone.run("watch", "no-such-folder", code=2)


def test_check_says_what_is_fine_and_what_is_not(alone: Scan) -> None:
    good, bad = (
        alone.file("好.csv", harvests("LZ-1")),
        alone.file("坏采收.csv", harvests("LZ 1", quantity="many")),
    )
    assert "无误，共 1 条" in alone.run("check", alone.file("采收.csv", good.read_bytes())).output
    shown = alone.run("check", bad, code=1).output
    assert "LZ 1" in shown
    assert "many" in shown
    assert "不是有效的批次" in shown
    told = alone.json("check", bad, code=1)
    assert [problem["column"] for problem in told["files"][0]["problems"]] == ["批次", "数量"]
    assert not (alone.folder / "outbox").exists(), "nothing was put anywhere"


def test_check_takes_english_where_the_locale_says_so(alone: Scan) -> None:
    file = alone.file("harvest.csv", harvests("LZ-1"))
    assert "nothing is wrong" in alone.run("check", file, LC_ALL="en_GB.UTF-8").output


def test_check_hints_at_a_missing_organisation(alone: Scan) -> None:
    file = alone.file("采收.csv", harvests("LZ-1"))
    assert "--organisation" in alone.run("check", file, code=1, HEJI_SCAN_ORGANISATION="").output
    alone.run("check", file, "--organisation", "fg-other", HEJI_SCAN_ORGANISATION="")


def test_check_knows_an_instrument_s_file(alone: Scan) -> None:
    told = alone.json("check", INPUTS / "rapid17.xlsx")
    assert (told["files"][0]["kind"], told["files"][0]["results"] > 0) == ("rapid17", True)
    assert "快检仪" in alone.run("check", INPUTS / "rapid17.xlsx").output


# --- sending ---------------------------------------------------------------------------------------------------------


def test_a_file_whose_name_came_from_a_chinese_windows_machine_is_sent(scan: Scan, county: County) -> None:
    file = scan.file(os.fsdecode("采收.csv".encode("gb18030")), harvests("LZ-1", "LZ-2"))
    told = scan.json("send", file)
    assert told["files"][0]["file"] == "采收.csv"
    assert told["delivered"] == 2
    with county.service.store.read() as connection:
        [found] = imports_of(connection, county.authors["producer"])
    assert found.file_name == "采收.csv"


def test_a_file_is_sent_once_and_its_receipts_are_listed(scan: Scan, county: County) -> None:
    before = county.size
    file = scan.file("采收.csv", harvests("LZ-1", "LZ-2"))
    told = scan.json("send", file)
    assert (told["ok"], told["delivered"], told["files"][0]["new"]) == (True, 2, 2)
    assert scan.json("send", file)["files"][0]["known"] == 2
    assert county.size == before + 2
    listed = scan.json("outbox", "list", "--state", "delivered")["entries"]
    assert [entry["receipt"]["seq"] for entry in listed] == [before, before + 1]


def test_what_the_field_sent_repeats_when_it_is_uploaded_elsewhere(scan: Scan, county: County) -> None:
    data = harvests("LZ-1", "LZ-2")
    scan.run("send", scan.file("采收.csv", data))
    before = county.size
    answer = county.client.post(
        "/api/v1/events/bulk?name=%E9%87%87%E6%94%B6.csv",
        data=data,
        content_type="text/csv",
        headers=county.headers(),
    )
    assert (answer.status_code, answer.get_json()["repeated"]) == (200, 2)
    assert county.size == before


def test_a_file_with_a_problem_is_not_put_and_the_others_are_sent(scan: Scan) -> None:
    good, bad = scan.file("采收.csv", harvests("LZ-1")), scan.file("坏采收.csv", harvests("LZ 2"))
    told = scan.json("send", bad, good, code=1)
    assert [file["ok"] for file in told["files"]] == [False, True]
    assert told["outbox"] == {"waiting": 0, "parked": 0, "delivered": 1, "discarded": 0}


def test_without_a_line_it_waits_and_goes_out_later(alone: Scan, scan: Scan) -> None:
    file = alone.file("采收.csv", harvests("LZ-1"))
    told = alone.json("send", file, "--patience", "0", code=1)
    assert (told["outbox"]["waiting"], told["trouble"]["code"]) == (1, "scan-server-unreachable")
    assert "连不上服务器" in alone.run("send", "--patience", "0", code=1).output
    assert scan.json("send")["delivered"] == 1


def test_it_can_be_put_without_being_sent(alone: Scan) -> None:
    told = alone.json("send", alone.file("采收.csv", harvests("LZ-1")), "--no-wait")
    assert (told["ok"], told["trouble"], told["outbox"]["waiting"]) == (True, None, 1)


def test_what_needs_a_person_gives_exit_code_1(scan: Scan) -> None:
    scan.run("send", scan.file("采收.csv", harvests("LZ-1")))
    second = scan.file("采收二.csv", harvests("LZ-1", quantity="13"))
    assert "outbox list" in scan.run("send", second, code=1).output


def test_an_id_that_is_taken_is_told(scan: Scan) -> None:
    data = harvests("LZ-1")
    scan.run("send", scan.file("采收.csv", data))
    (entry,) = scan.json("outbox", "list", "--state", "delivered")["entries"]
    event = scan.json("outbox", "show", entry["id"])["entries"][0]["event"]
    other = scan.file("other.json", json.dumps([{**event, "note": "other"}]).encode())
    assert scan.json("send", other, code=1)["files"][0]["problems"][0]["code"] == "scan-id-in-use"
    assert "可能已入账" in scan.run("send", other, code=1).output


def test_sending_needs_a_server_and_a_token_that_is_private(alone: Scan) -> None:
    file = alone.file("采收.csv", harvests("LZ-1"))
    assert "HEJI_SCAN_SERVER" in alone.run("send", file, code=1, HEJI_SCAN_SERVER="").output
    (alone.folder / "token").chmod(0o644)
    assert alone.json("send", code=1)["code"] == "scan-token-readable"
    # What was put is there all the same.
    assert alone.json("outbox", "list")["outbox"]["waiting"] == 1
