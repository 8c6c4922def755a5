from __future__ import annotations

import pytest

from county import County

pytestmark = pytest.mark.both_databases

RECALLS = "/api/v1/recalls"
WANTED = {"batches": ["B1"], "level": 1, "ordered": True, "reason": "克百威超标", "document": "佛市监召 3 号"}


def spread(county: County) -> None:
    county.harvest("B1", "100")
    county.hand_over("B1", "60", "producer", "packer")
    county.make("packaging", {"B1": "50"}, {"P1": "48"}, "packer")
    county.hand_over("P1", "30", "packer", "shop")


def test_a_recall_is_opened_and_every_batch_in_its_scope_is_recalled_at_once(county: County) -> None:
    spread(county)
    answer = county.post(RECALLS, WANTED, "regulator")
    assert answer.status_code == 201
    assert "RECALLED" in answer.get_json()["warnings"]
    for batch in ("B1", "P1"):
        live = county.get(f"/api/v1/batches/{batch}/warnings", "regulator").get_json()["live"]
        assert live[0]["code"] == "RECALLED"


def test_a_recall_sent_twice_with_its_own_id_is_opened_once(county: County) -> None:
    spread(county)
    wanted = {**WANTED, "id": county.new_id(), "occurred_at": county.at()}
    first, again = county.post(RECALLS, wanted, "regulator"), county.post(RECALLS, wanted, "regulator")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.get_json() == again.get_json()


def test_the_report_names_scope_consignees_stock_and_deadlines(county: County) -> None:
    spread(county)
    event_id = county.post(RECALLS, WANTED, "regulator").get_json()["event_id"]
    report = county.get(f"{RECALLS}/{event_id}", "regulator").get_json()
    assert {row["batch"]: row["standing"] for row in report["scope"]} == {"B1": "frozen", "P1": "frozen"}
    assert {each["organisation"]: each["held"]["quantity"] for each in report["consignees"]} == {
        county.code("producer"): "40",
        county.code("packer"): "28",
        county.code("shop"): "30",
    }
    assert report["on_hand"] == [{"quantity": "98", "unit": "kg"}]
    assert report["deadlines"] == {
        "start_by": "2026-05-29T20:26:40.000Z",
        "finish_by": "2026-06-12",
        "holidays_known": False,
    }
    assert report["complete"] is True


def test_a_consignee_reads_its_own_part_and_a_stranger_nothing(county: County) -> None:
    spread(county)
    event_id = county.post(RECALLS, WANTED, "regulator").get_json()["event_id"]
    report = county.get(f"{RECALLS}/{event_id}", "shop").get_json()
    assert [row["batch"] for row in report["scope"]] == ["P1"]
    assert "document" not in report["event"]["details"]
    assert county.get(f"{RECALLS}/{event_id}", "neighbour").status_code == 404
    assert county.get(f"{RECALLS}/{county.new_id()}", "regulator").status_code == 404


def test_what_is_wrong_is_named_in_the_fields_that_were_sent(county: County) -> None:
    spread(county)
    size = county.size
    answer = county.post(
        RECALLS, {"batches": ["NONE"], "level": 9, "ordered": "yes", "why": "x"}, "regulator"
    )
    assert answer.status_code == 422
    pointers = {problem["pointer"] for problem in answer.get_json()["problems"]}
    assert pointers == {"/level", "/ordered", "/reason", "/why"}
    unknown = county.post(RECALLS, {**WANTED, "batches": ["NONE"]}, "regulator")
    assert unknown.status_code == 422
    assert county.post(RECALLS, WANTED, "neighbour").status_code == 403
    assert county.size == size


def test_a_recall_is_followed_up_with_figures_and_finish_dates(county: County) -> None:
    spread(county)
    event_id = county.post(RECALLS, WANTED, "regulator").get_json()["event_id"]
    figures = {"organisation": county.code("shop"), "unit": "kg", "returned": "25", "finish_on": "2026-06-05"}
    update = {"status": "in_progress", "consignees": [figures], "finish_on": "2026-06-10"}
    answer = county.post(f"{RECALLS}/{event_id}/updates", update, "regulator")
    assert answer.status_code == 201
    report = county.get(f"{RECALLS}/{event_id}", "regulator").get_json()
    assert report["status"] == "in_progress"
    assert [each["consignees"] for each in report["updates"]] == [[figures]]
    assert report["progress"][0] | figures == report["progress"][0]
    assert report["progress"][0]["stated_by"] == county.code("regulator")
    own = county.post(
        f"{RECALLS}/{event_id}/updates", {"status": "in_progress", "consignees": [figures]}, "shop"
    )
    assert own.status_code == 201


def test_an_update_sent_twice_is_recorded_once(county: County) -> None:
    spread(county)
    event_id = county.post(RECALLS, WANTED, "regulator").get_json()["event_id"]
    update = {"id": county.new_id(), "occurred_at": county.at(), "status": "notified"}
    answers = [county.post(f"{RECALLS}/{event_id}/updates", update, "regulator") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 200]


def test_an_update_names_what_is_wrong_where_it_was_sent(county: County) -> None:
    spread(county)
    event_id = county.post(RECALLS, WANTED, "regulator").get_json()["event_id"]
    address = f"{RECALLS}/{event_id}/updates"
    wrong = {"status": "done", "consignees": [{"returned": "-1", "unit": "kg"}], "why": "x"}
    answer = county.post(address, wrong, "regulator")
    assert answer.status_code == 422
    assert {problem["pointer"] for problem in answer.get_json()["problems"]} == {
        "/status",
        "/consignees/0/organisation",
        "/consignees/0/returned",
        "/why",
    }
    assert county.post(address, {"status": "notified"}, "shop").status_code == 403
    assert county.post(address, {"status": "notified"}, "neighbour").status_code == 404
    assert (
        county.post(f"{RECALLS}/{county.new_id()}/updates", {"status": "notified"}, "regulator").status_code
        == 404
    )
