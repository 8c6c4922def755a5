from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from county import County
from scanners.scan import Scan


@pytest.fixture
def scan(tmp_path: Path) -> Scan:
    return Scan(tmp_path, {"LC_ALL": "C.UTF-8"})


@pytest.fixture
def key(county: County, scan: Scan) -> Path:
    return scan.file("key", county.get("/log/key", None).data)


def receipt(county: County, who: str) -> Any:
    """What a person downloads as the proof of a harvest of 123.4 kg that was noted about."""
    event = county.harvest("B1", "123.4", note="早熟")
    return county.get(f"/api/v1/events/{event.event_id}/proof", who).get_json()


def saved(scan: Scan, name: str, bundle: object) -> Path:
    return scan.file(name, json.dumps(bundle, ensure_ascii=False).encode())


def test_a_receipt_is_checked_with_the_key_alone_and_says_what_it_discloses(
    county: County, scan: Scan, key: Path
) -> None:
    path = saved(scan, "采收.proof.json", receipt(county, "producer"))
    told = scan.run("verify", path, "--key", key).stdout
    assert "采收.proof.json：核对无误，1 条记录在账本 log.heji.example 中" in told
    assert f"第 {county.size} 条" in told
    assert "采收 · fg-litchi-coop" in told
    assert "/outputs/0/quantity：123.4" in told
    assert "/note：早熟" in told
    assert "不说明内容属实" in told
    assert scan.run("verify", path, "--key", key.read_text(), LC_ALL="en_GB.UTF-8").stdout.startswith("采收")


def test_what_a_receipt_leaves_sealed_is_counted_and_named(county: County, scan: Scan, key: Path) -> None:
    bundle = receipt(county, "producer")
    bundle["items"][0]["disclosed"] = [
        each for each in bundle["items"][0]["disclosed"] if each["pointer"] != "/note"
    ]
    path = saved(scan, "r.json", bundle)
    assert "另有 1 项封存" in scan.run("verify", path, "--key", key).stdout
    [record] = scan.json("verify", path, "--key", key)["files"][0]["records"]
    assert record["sealed"] == ["/note"]
    assert record["event"]["outputs"][0]["quantity"] == "123.4"
    assert (record["seq"], record["checkpoint"]["size"]) == (county.size - 1, county.size)


def test_what_was_altered_is_refused_and_the_other_files_are_still_told(
    county: County, scan: Scan, key: Path
) -> None:
    good = receipt(county, "producer")
    altered = json.loads(json.dumps(good))
    altered["items"][0]["disclosed"][0]["value"] = "另一个值"
    files = [saved(scan, "good.json", good), saved(scan, "altered.json", altered), scan.folder / "none.json"]
    told = scan.run("verify", *files, "--key", key, code=1).stdout
    assert "good.json：核对无误" in told
    assert "altered.json：不能采信" in told
    answer = scan.json("verify", *files, "--key", key, code=1)
    assert [(each["file"], each["ok"]) for each in answer["files"]] == [
        ("good.json", True),
        ("altered.json", False),
        ("none.json", False),
    ]
    assert answer["files"][1]["problem"]["code"] == "receipt-disclosure"


def test_only_a_key_that_one_brings_along_is_trusted(county: County, scan: Scan, key: Path) -> None:
    path = saved(scan, "r.json", receipt(county, "producer"))
    other = "other.example+00000000+AQ=="
    assert scan.json("verify", path, "--key", other, code=1)["code"] == "verifier-key-form"
    elsewhere = scan.file(
        "elsewhere", b"demo.localhost/demonstration+13db22d9+AQnAFpMFUyqA1Jy9EZUu/aPxCCDrAmmAitaGdxC7+/cC"
    )
    [told] = scan.json("verify", path, "--key", elsewhere, code=1)["files"]
    assert told["problem"]["code"] == "signature-unknown"
    scan.run("verify", path, code=2)
    scan.run("verify", "--key", key, code=2)
