from __future__ import annotations

from decimal import Decimal

import pytest

from county import County

pytestmark = pytest.mark.both_databases

BATCHES = "/api/v1/batches"


def spread(county: County) -> None:
    county.harvest("B1", "100")
    county.hand_over("B1", "60", "producer", "packer")
    county.make("packaging", {"B1": "50"}, {"P1": "48"}, "packer")
    county.hand_over("P1", "30", "packer", "shop")
    details = {"counterparty": "某餐厅", "market": "江南市场"}
    county.move("sale", "P1", "12", "shop", details=details)


def test_a_batch_is_read_with_ones_own_stock_alone(county: County) -> None:
    spread(county)
    whole = county.get(f"{BATCHES}/P1", "regulator").get_json()
    assert whole["product"] == "litchi-5kg"
    assert {each["holder"] for each in whole["holdings"]} == {county.code("packer"), county.code("shop")}
    own = county.get(f"{BATCHES}/P1", "shop").get_json()
    assert own["holdings"] == [
        {"holder": county.code("shop"), "state": "held", "quantity": "18", "unit": "kg"}
    ]
    a_step_away = county.get(f"{BATCHES}/P1", "producer").get_json()
    assert a_step_away["organisation"] == county.code("packer")
    assert a_step_away["holdings"] == []


def test_a_foreign_batch_is_answered_like_one_that_does_not_exist(county: County) -> None:
    spread(county)
    for path in ("", "/trace", "/balance", "/warnings"):
        foreign = county.get(f"{BATCHES}/B1{path}", "neighbour")
        nothing = county.get(f"{BATCHES}/NONE{path}", "neighbour")
        assert foreign.status_code == nothing.status_code == 404
        assert foreign.get_json()["detail"] == nothing.get_json()["detail"]
        assert county.get(f"{BATCHES}/B1{path}", None).status_code == 401


def test_a_regulator_traces_all_with_proofs_holders_and_sales(county: County) -> None:
    spread(county)
    found = county.get(f"{BATCHES}/B1/trace", "regulator").get_json()
    assert found["complete"] is True
    rows = {row["batch"]: row for row in found["rows"]}
    assert rows.keys() == {"B1", "P1"}
    assert (rows["B1"]["up"], rows["B1"]["down"], rows["P1"]["down"]) == (0, 0, 1)
    [edge] = found["edges"]
    assert (edge["parent"], edge["child"], edge["quantity"], edge["unit"]) == ("B1", "P1", "50", "kg")
    assert [sold["counterparty"] for sold in rows["P1"]["sold"]] == ["某餐厅"]
    for proof in rows["P1"]["proofs"]:
        event = county.get("/api/v1/events?limit=200", "regulator").get_json()["events"][proof["seq"]]
        assert event["entry_hash"] == proof["entry_hash"]


def test_an_organisation_traces_its_own_part_without_the_amounts_of_others(county: County) -> None:
    spread(county)
    found = county.get(f"{BATCHES}/P1/trace", "shop").get_json()
    assert found["complete"] is False
    assert {row["batch"] for row in found["rows"]} == {"B1", "P1"}
    holders = {each["holder"] for row in found["rows"] for each in row["holdings"]}
    assert holders == {county.code("shop")}
    assert all("quantity" not in edge for edge in found["edges"])
    mine = county.get(f"{BATCHES}/P1/trace?direction=up", "packer").get_json()
    assert mine["edges"][0]["quantity"] == "50"


def test_a_trace_as_of_a_recorded_time_knows_what_was_known_then(county: County) -> None:
    county.harvest("B1", "100")
    then = county.at()
    county.now.seconds += 3600
    county.make("packaging", {"B1": "50"}, {"P1": "48"})
    now = county.get(f"{BATCHES}/B1/trace").get_json()
    before = county.get(f"{BATCHES}/B1/trace?direction=down&as_of={then}").get_json()
    assert {row["batch"] for row in now["rows"]} == {"B1", "P1"}
    assert {row["batch"] for row in before["rows"]} == {"B1"}
    assert before["rows"][0]["holdings"][0]["quantity"] == "100"
    assert county.get(f"{BATCHES}/P1/trace?as_of={then}").status_code == 404


def test_the_balance_of_a_batch_says_what_became_of_it(county: County) -> None:
    spread(county)
    whole = county.get(f"{BATCHES}/P1/balance", "regulator").get_json()
    [account] = whole["accounts"]
    assert (account["made"], account["left"], account["held"], account["unit"]) == ("48", "12", "36", "kg")
    [making] = whole["makings"]
    assert (making["inputs"], making["outputs"], making["percent"]) == ("50", "48", "96.0")
    own = county.get(f"{BATCHES}/P1/balance", "shop").get_json()
    assert own["complete"] is False
    assert own["makings"] == []
    assert (own["accounts"][0]["arrived"], own["accounts"][0]["held"]) == ("30", "18")


def test_the_parts_of_a_balance_add_up(county: County) -> None:
    spread(county)
    county.move("return", "P1", "2", "shop", details={"reason": "退货"})
    county.move("disposal", "P1", "3", "shop", details={"method": "destruction", "reason": "变质"})
    county.move("stock_count", "P1", "16", "shop", acknowledged=["COUNT_BELOW"])
    [account] = county.get(f"{BATCHES}/P1/balance", "regulator").get_json()["accounts"]
    assert (account["returned"], account["disposed"], account["counted"]) == ("2", "3", "-1")
    came = sum(Decimal(account[name]) for name in ("made", "arrived", "returned", "counted"))
    went = ("consumed", "left", "disposed", "held", "transit")
    assert came == sum(Decimal(account[name]) for name in went)


def test_warnings_are_told_live_and_lifted_in_both_languages(county: County) -> None:
    county.harvest("B1", "100")
    hold = county.record("hold", batches=["B1"], details={"reason": "待查"})
    live = county.get(f"{BATCHES}/B1/warnings").get_json()
    held = next(each for each in live["live"] if each["code"] == "ON_HOLD")
    assert held["cause_seq"] == hold.seq
    assert held["zh"]
    assert held["en"]
    released = county.record("release", details={"hold": hold.event_id, "reason": "合格"})
    after = county.get(f"{BATCHES}/B1/warnings").get_json()
    assert "ON_HOLD" not in {each["code"] for each in after["live"]}
    assert [each["lifted_seq"] for each in after["lifted"]] == [released.seq]


def test_a_warning_of_the_date_appears_when_its_day_has_come(county: County) -> None:
    county.harvest("B1", "100")
    county.make("packaging", {"B1": "50"}, {"P1": "48"}, details={"use_by": "2026-06-10"})
    codes = [each["code"] for each in county.get(f"{BATCHES}/P1/warnings").get_json()["live"]]
    assert "USE_BY_PASSED" not in codes
    county.now.seconds += 30 * 86400
    [passed] = [
        each
        for each in county.get(f"{BATCHES}/P1/warnings").get_json()["live"]
        if each["code"] == "USE_BY_PASSED"
    ]
    assert passed["raised_seq"] is None
