from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import TestResponse

from county import CYCLE, PRODUCT, County
from heji_trace.ledger import ledger
from ledger_check import check_ledger
from web.sent_files import HARVEST_HEADINGS, csv_file, form, harvest_rows

BULK, IMPORTS = "/api/v1/events/bulk", "/api/v1/imports"


def upload(
    county: County, *batches: str, name: str = "采收.csv", who: str = "producer", query: str = ""
) -> Any:
    body, media = form(csv_file(HARVEST_HEADINGS, harvest_rows(*batches)), name)
    answer = county.client.post(f"{BULK}{query}", data=body, content_type=media, headers=county.headers(who))
    assert answer.status_code in (200, 201), answer.get_data(as_text=True)
    return answer.get_json()


def listed(county: County, who: str = "producer", query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = county.get(f"{IMPORTS}{query}", who).get_json()["imports"]
    return found


def undo(county: County, import_id: str, who: str = "producer", **body: object) -> TestResponse:
    return county.post(f"{IMPORTS}/{import_id}/undo", {"reason": "文件传错了", **body}, who)


def test_an_import_is_known_afterwards_with_its_file_and_state(county: County) -> None:
    receipts = upload(county, "LZ-01", "LZ-02")["receipts"]
    [found] = listed(county)
    assert (found["file_name"], found["kind"], found["rows"], found["entries"], found["standing"]) == (
        "采收.csv",
        "harvest",
        2,
        2,
        2,
    )
    assert (found["state"], found["first_seq"]) == ("live", receipts[0]["seq"])
    assert found["recorded_at"] == receipts[0]["recorded_at"]
    assert county.get(f"{IMPORTS}/{found['import_id']}").get_json() == found


def test_json_is_an_import_too_and_dry_runs_and_repeats_are_none(county: County) -> None:
    event = county.raw(
        "harvest",
        cycles=[CYCLE],
        outputs=[{"batch": "B1", "product": PRODUCT, "quantity": "1", "unit": "kg"}],
    )
    for query in ("?dry_run=1", "?name=today", ""):
        assert county.post(f"{BULK}{query}", [event]).status_code in (200, 201)
    [found] = listed(county)
    assert (found["file_name"], found["kind"]) == ("today", "json")


def test_the_whole_import_is_taken_back_by_one_correction_that_names_all_its_events(county: County) -> None:
    county.harvest("OTHER")
    receipts = upload(county, "LZ-01", "LZ-02", "LZ-03")["receipts"]
    [found] = listed(county)
    size = county.size
    answer = undo(county, found["import_id"])
    assert answer.status_code == 201
    assert county.size == size + 1
    [receipt] = answer.get_json()["receipts"]
    with county.service.store.read() as connection:
        [stored] = ledger.read_stored(connection, [receipt["seq"]])
    assert stored.event.kind == "correction"
    assert stored.event.details["corrects"] == [each["event_id"] for each in receipts]
    assert stored.event.details["reason"] == "文件传错了"
    assert [(each["state"], each["standing"]) for each in listed(county)] == [("undone", 0)]
    assert county.get("/api/v1/batches/LZ-02", "regulator").get_json()["holdings"] == []
    check_ledger(county.service)


def test_a_second_undo_finds_nothing_and_records_nothing(county: County) -> None:
    upload(county, "LZ-01")
    [found] = listed(county)
    assert undo(county, found["import_id"]).status_code == 201
    size = county.size
    again = undo(county, found["import_id"])
    assert (again.status_code, again.get_json()["receipts"], again.get_json()["state"]) == (200, [], "undone")
    assert county.size == size


def test_what_was_corrected_before_is_not_corrected_again(county: County) -> None:
    receipts = upload(county, "LZ-01", "LZ-02")["receipts"]
    county.record("correction", details={"corrects": [receipts[0]["event_id"]], "reason": "重复"})
    [found] = listed(county)
    assert (found["state"], found["standing"]) == ("partly", 1)
    answer = undo(county, found["import_id"])
    [receipt] = answer.get_json()["receipts"]
    event = county.get(f"/api/v1/events/{receipt['event_id']}").get_json()["event"]
    assert event["details"]["corrects"] == [receipts[1]["event_id"]]


def test_the_corrected_file_goes_in_after_the_undo_with_the_same_batches(county: County) -> None:
    upload(county, "LZ-01", "LZ-02")
    undo(county, listed(county)[0]["import_id"])
    body, media = form(csv_file(HARVEST_HEADINGS, harvest_rows("LZ-01", "LZ-02", quantity="13")), "采收.csv")
    answer = county.client.post(BULK, data=body, content_type=media, headers=county.headers())
    assert answer.status_code == 201, answer.get_data(as_text=True)
    assert [each["state"] for each in listed(county)] == ["live", "undone"]
    [held] = county.get("/api/v1/batches/LZ-01").get_json()["holdings"]
    assert held["quantity"] == "13"


def test_the_same_file_after_its_undo_repeats_and_stays_taken_back(county: County) -> None:
    upload(county, "LZ-01")
    undo(county, listed(county)[0]["import_id"])
    assert upload(county, "LZ-01")["repeated"] == 1
    assert [each["state"] for each in listed(county)] == ["undone"]


@pytest.mark.parametrize("who", ["neighbour", "packer", "laboratory"])
def test_the_imports_of_others_do_not_exist(county: County, who: str) -> None:
    upload(county, "LZ-01")
    [found] = listed(county)
    size = county.size
    assert listed(county, who) == []
    assert county.get(f"{IMPORTS}/{found['import_id']}", who).status_code == 404
    assert undo(county, found["import_id"], who).status_code == 404
    assert county.get(f"{IMPORTS}/{found['import_id']}", None).status_code == 401
    assert county.size == size


def test_a_colleague_of_the_same_organisation_may_take_it_back(county: County) -> None:
    upload(county, "LZ-01")
    [found] = listed(county)
    county.authors["colleague"] = county.authors["producer"]
    county.tokens["colleague"] = county.tokens["producer"]
    assert undo(county, found["import_id"], "colleague").status_code == 201


@pytest.mark.parametrize(
    "body",
    [{}, {"reason": ""}, {"reason": 5}, {"reason": "x" * 500}, {"reason": "x", "more": 1}, [], "x", None],
)
def test_an_undo_without_a_proper_reason_is_refused(county: County, body: object) -> None:
    upload(county, "LZ-01")
    [found] = listed(county)
    size = county.size
    assert county.post(f"{IMPORTS}/{found['import_id']}/undo", body).status_code == 422
    assert county.size == size


def test_the_list_goes_on_behind_its_last_import(county: County) -> None:
    for number in range(5):
        upload(county, f"LZ-{number}", name=f"{number}.采收.csv")
    answer = county.get(f"{IMPORTS}?limit=2").get_json()
    assert [each["file_name"] for each in answer["imports"]] == ["4.采收.csv", "3.采收.csv"]
    further = county.get(f"{IMPORTS}?limit=3&before={answer['before']}").get_json()
    assert [each["file_name"] for each in further["imports"]] == ["2.采收.csv", "1.采收.csv", "0.采收.csv"]
    assert further["before"] is None
    assert county.get(f"{IMPORTS}?limit=0").status_code == 422
    assert county.get(f"{IMPORTS}?page=2").status_code == 422
