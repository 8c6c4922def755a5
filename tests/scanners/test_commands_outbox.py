from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from county import CYCLE, PACKED, County
from heji_trace.vocabulary.times import SYSTEM_CLOCK
from scanners.scan import Scan, scan_settings
from web.sent_files import csv_file

PACKING = ("时间", "投入批次", "投入数量", "投入单位", "产出批次", "产出产品", "产出数量", "产出单位")


@pytest.fixture
def scan(county: County, address: str, tmp_path: Path) -> Scan:
    """A machine with one entry that is delivered (1), one that asks (2) and one that cannot be read (3)."""
    scan = Scan(tmp_path, scan_settings(tmp_path, address, county.tokens["producer"]))
    rows = [packing(county, "LZ-1", "500", "PK-1"), packing(county, "LZ-404", "10", "PK-2")]
    events = [dict(county.harvesting("LZ-1").body), *rows]
    scan.run("send", scan.file("events.json", json.dumps(events).encode()), code=1)
    return scan


def packing(county: County, source: str, quantity: str, batch: str) -> dict[str, object]:
    inputs = [{"batch": source, "quantity": quantity, "unit": "kg"}]
    outputs = [{"batch": batch, "quantity": "10", "unit": "kg", "product": PACKED}]
    return dict(county.event("packaging", inputs=inputs, outputs=outputs).body)


def states(scan: Scan) -> list[str]:
    every = [part for state in ("waiting", "parked", "delivered", "discarded") for part in ("--state", state)]
    return [entry["state"] for entry in scan.json("outbox", "list", *every)["entries"]]


def test_what_needs_a_person_is_listed_with_the_server_s_reason(scan: Scan) -> None:
    assert states(scan) == ["delivered", "parked", "parked"]
    told = scan.json("outbox", "list")
    assert [entry["number"] for entry in told["entries"]] == [2, 3]
    assert told["entries"][0]["answer"]["questions"][0]["code"] == "OVER_CONSUMPTION"
    shown = scan.run("outbox", "list").output
    assert "待处理" in shown
    assert "LZ-404" in shown
    english = scan.run("outbox", "list", LC_ALL="en_US.UTF-8").output
    assert "for you" in english


def test_an_entry_is_shown_with_all_that_happened_to_it(scan: Scan) -> None:
    (entry,) = scan.json("outbox", "show", "2")["entries"]
    assert [step["step"] for step in entry["steps"]] == ["put", "parked"]
    assert entry["event"]["kind"] == "packaging"
    shown = scan.run("outbox", "show", "2", "1").output
    assert "OVER_CONSUMPTION" in shown
    assert '"kind":"packaging"' in shown
    assert "账本第" in shown


def test_a_question_is_shown_and_confirmed_by_a_person(scan: Scan, county: County) -> None:
    shown = scan.run("outbox", "confirm", "2", stdin="n\n", code=1).output
    assert "OVER_CONSUMPTION" in shown
    assert states(scan)[1] == "parked"
    scan.run("outbox", "confirm", "2", stdin="y\n")
    assert scan.json("outbox", "show", "2")["entries"][0]["acknowledged"] == ["OVER_CONSUMPTION"]
    scan.run("send", code=1)
    (entry,) = scan.json("outbox", "show", "2")["entries"]
    assert entry["state"] == "delivered"
    assert county.get(f"/api/v1/events/{entry['id']}").get_json()["event"]["acknowledged"] == [
        "OVER_CONSUMPTION"
    ]


def test_all_questions_are_confirmed_at_once_and_the_rest_is_left(scan: Scan) -> None:
    assert scan.json("outbox", "confirm", "--all", "--yes")["numbers"] == [2]


def test_only_what_was_named_is_confirmed(scan: Scan) -> None:
    told = scan.json("outbox", "confirm", "2", "--code", "ON_HOLD", code=1)
    assert told["problems"][0]["code"] == "scan-more-is-asked"
    assert states(scan)[1] == "parked"


def test_what_asks_nothing_cannot_be_confirmed(scan: Scan) -> None:
    told = scan.json("outbox", "confirm", "3", "2", code=1)
    assert (told["numbers"], told["problems"][0]["code"]) == ([2], "scan-nothing-asked")
    assert "retry" in scan.run("outbox", "confirm", "3", "--yes", code=1).output


def test_retry_lets_it_wait_again(scan: Scan, county: County) -> None:
    county.harvest("LZ-404")
    scan.run("outbox", "retry", "3")
    assert states(scan)[2] == "waiting"
    scan.run("send", code=1)
    assert states(scan)[2] == "delivered"


def test_giving_up_needs_a_reason_and_keeps_the_draft(scan: Scan) -> None:
    scan.run("outbox", "discard", "2", code=2)
    scan.run("outbox", "discard", "2", "--reason", "  ", code=2)
    scan.run("outbox", "discard", "2", "3", "--reason", "记错了")
    assert states(scan) == ["delivered", "discarded", "discarded"]
    (entry,) = scan.json("outbox", "show", "2")["entries"]
    assert entry["event"]["outputs"][0]["batch"] == "PK-1"
    assert entry["steps"][-1]["said"] == "记错了"
    scan.run("send")
    told = scan.json("outbox", "discard", "1", "--reason", "no", code=1)
    assert told["problems"][0]["code"] == "scan-not-in-that-state"


def test_pruning_keeps_what_is_not_delivered(scan: Scan) -> None:
    assert scan.json("outbox", "prune")["pruned"] == 0, "it is too young"
    assert "1 条" in scan.run("outbox", "prune", "--days", "0").output
    assert states(scan) == ["parked", "parked"]


def test_what_is_not_delivered_can_be_carried_away_and_mended(scan: Scan) -> None:
    path = scan.folder / "open.ndjson"
    scan.run("outbox", "export", "-o", path)
    events = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert [event["outputs"][0]["batch"] for event in events] == ["PK-1", "PK-2"]
    assert scan.run("outbox", "export").stdout_bytes == path.read_bytes()
    events[1]["inputs"][0] = {"batch": "LZ-1", "quantity": "10", "unit": "kg"}
    told = scan.json("send", scan.file("mended.json", json.dumps(events).encode()), code=1)
    assert (told["files"][0]["new"], told["files"][0]["known"]) == (1, 1)
    assert states(scan) == ["delivered", "parked", "delivered"]
    # It may have been mended by hand: only who says so has it written over.
    refused = scan.json("outbox", "export", "-o", path, code=1)
    assert (refused["code"], len(path.read_bytes().splitlines())) == ("scan-file-exists", 2)
    assert scan.json("outbox", "export", "-o", path, "--overwrite")["events"] == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600, "sealed values lie in it in clear"


def test_what_was_delivered_can_be_sent_again_without_doubling_it(scan: Scan, county: County) -> None:
    before = county.size
    told = scan.json("outbox", "resend")
    assert (told["again"], told["outbox"]["waiting"]) == (1, 1)
    assert scan.json("send", code=1)["outbox"]["delivered"] == 1, "the others need a person still"
    assert county.size == before
    assert "再送一次" in scan.run("outbox", "resend", "--days", "1").output


def test_names_or_all_but_not_both(scan: Scan) -> None:
    scan.run("outbox", "retry", code=2)
    scan.run("outbox", "retry", "2", "--all", code=2)
    scan.run("outbox", "show", "99", code=1)
    assert scan.json("outbox", "show", "99", code=1)["code"] == "scan-no-such-entry"


def test_a_corrected_row_goes_as_a_correction_the_ledger_takes(scan: Scan, county: County) -> None:
    # The correction is dated by this machine's own clock, before which the county's stands still.
    county.now.seconds = SYSTEM_CLOCK.wall() + 60
    headings = ("时间", "生产周期", "操作", "备注")
    row = ("2026-05-28 08:00", CYCLE, "除草", "东垄")
    scan.run("send", scan.file("农事操作.csv", csv_file(headings, [row])), code=1)
    scan.run("send", scan.file("农事操作.csv", csv_file(headings, [(*row[:3], "西垄")])), code=1)
    (asked,) = [entry for entry in scan.json("outbox", "list")["entries"] if entry["replaces"]]
    scan.run("outbox", "confirm", asked["number"], "--yes")
    scan.run("send", code=1)
    (corrected,) = [
        entry
        for entry in scan.json("outbox", "list", "--state", "delivered")["entries"]
        if entry["kind"] == "correction"
    ]
    stored = county.get(f"/api/v1/events/{asked['replaces']}").get_json()
    assert stored["withdrawn_by"] == corrected["receipt"]["seq"]
