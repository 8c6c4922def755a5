from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from county import CYCLE, County
from heji_trace.effects.settle import _worst, dump_data
from heji_trace.judging.facts import Raised
from heji_trace.known.state import State
from heji_trace.store import tables
from ledger_check import check_ledger


@pytest.fixture(autouse=True)
def rebuilt_equals_live(county: County) -> Iterator[None]:
    yield
    check_ledger(county.service)


def history(county: County, batch: str) -> list[tuple[str, int, int | None]]:
    with county.service.store.read() as connection:
        rows = connection.execute(
            select(tables.warnings)
            .where(tables.warnings.c.batch == batch)
            .order_by(tables.warnings.c.raised_seq)
        )
        return [(row.code, row.raised_seq, row.lifted_seq) for row in rows]


def version(county: County, batch: str) -> int:
    with county.service.store.read() as connection:
        row = State(connection).find_batch(batch)
        assert row is not None
        return int(row["version"])


def hold(county: County, *batches: str) -> Any:
    return county.record("hold", "regulator", batches=list(batches), details={"reason": "核查"})


def release(county: County, placed: Any, **parts: Any) -> Any:
    details = {"hold": placed.event_id, "reason": "核查完毕"}
    return county.record("release", "regulator", details=details, **parts)


def family(county: County) -> None:
    """Two harvests, split into two, and one of these mixed with the other harvest."""
    county.harvest("A1")
    county.harvest("A2")
    county.make("grading", {"A1": "100"}, {"B1": "50", "B2": "50"})
    county.make("packaging", {"B1": "20", "A2": "20"}, {"C1": "40"})


def test_a_warning_spreads_to_everything_made_from_the_batch_and_is_lifted_everywhere(county: County) -> None:
    family(county)
    placed = hold(county, "A1")
    assert [*map(county.warned, ("A1", "A2", "B1", "B2", "C1"))] == [
        ["ON_HOLD"],
        [],
        ["ON_HOLD"],
        ["ON_HOLD"],
        ["ON_HOLD"],
    ]
    freed = release(county, placed)
    assert [*map(county.warned, ("A1", "B1", "B2", "C1"))] == [[], [], [], []]
    assert history(county, "C1") == [("ON_HOLD", placed.seq, freed.seq)]


def test_every_batch_that_a_warning_reaches_gets_another_version(county: County) -> None:
    family(county)
    before = version(county, "A2")
    placed = hold(county, "A1")
    assert [version(county, batch) for batch in ("A1", "B1", "C1")] == [placed.seq] * 3
    assert version(county, "A2") == before


def test_a_late_edge_inherits_with_all_that_was_made_further(county: County) -> None:
    county.harvest("A1")
    county.harvest("A2")
    county.record(
        "receiving",
        "shop",
        moves=[{"batch": "X1", "quantity": "40", "unit": "kg", "product": "litchi-5kg"}],
        acknowledged=["UNKNOWN_ORIGIN"],
    )
    county.make("packaging", {"X1": "10"}, {"Y1": "10"}, "packer", acknowledged=["OVER_CONSUMPTION"])
    hold(county, "A1")
    county.make("packaging", {"A1": "40"}, {"X1": "40"}, acknowledged=["HELD_MOVED"])
    assert county.warned("Y1") == ["ON_HOLD"]


def test_two_holds_are_two_warnings_and_each_is_lifted_by_its_own_release(county: County) -> None:
    family(county)
    first, second = hold(county, "A1"), hold(county, "A1", "A2")
    release(county, first)
    assert [*map(county.warned, ("A1", "C1"))] == [["ON_HOLD"], ["ON_HOLD"]]
    release(county, second, batches=["A1"])
    assert [*map(county.warned, ("A1", "A2", "C1"))] == [[], ["ON_HOLD"], ["ON_HOLD"]]
    release(county, second, batches=["A2"])
    assert [*map(county.warned, ("A2", "C1"))] == [[], []]


def test_a_recall_freezes_its_scope_and_what_is_made_later_is_on_hold(county: County) -> None:
    family(county)
    details = {"level": 2, "ordered": True, "reason": "超标"}
    county.record("recall", "regulator", batches=["B1"], details=details)
    assert [*map(county.warned, ("A1", "A2", "B1", "B2", "C1"))] == [
        ["UNDER_REVIEW"],
        [],
        ["RECALLED"],
        [],
        ["RECALLED"],
    ]
    county.make("packaging", {"C1": "5"}, {"D1": "5"}, acknowledged=["HELD_MOVED"])
    county.make("packaging", {"D1": "1"}, {"E1": "1"}, acknowledged=["HELD_MOVED"])
    assert county.warned("E1") == ["ON_HOLD"]


def test_a_failed_sample_is_told_of_what_was_made_as_of_its_ingredient(county: County) -> None:
    family(county)
    samples = [{"sample": "S1", "batch": "A1"}]
    county.record("sampling", "other_laboratory", details={"purpose": "commissioned", "samples": samples})
    details = {
        "sample": "S1",
        "laboratory": county.code("other_laboratory"),
        "method": "GB 23200.121",
        "method_class": "formal",
        "status": "final",
        "conclusion": "nonconforming",
        "results": [{"analyte": "克百威", "value": "0.31", "unit": "mg/kg", "outcome": "nonconforming"}],
    }
    county.record("testing", "other_laboratory", details=details)
    assert [*map(county.warned, ("A1", "B1", "C1"))] == [
        ["TEST_FAILED"],
        ["INGREDIENT_FAILED"],
        ["INGREDIENT_FAILED"],
    ]


def test_a_warning_that_a_slip_of_the_pen_would_have_ended_has_never_ended(county: County) -> None:
    family(county)
    placed = hold(county, "A1")
    [before] = history(county, "B1")
    split = {"A1": "100"}, {"B1": "40", "B2": "50"}
    with county.service.store.read() as connection:
        row = State(connection).find_batch("B1")
    assert row is not None
    [grading] = [
        each["event"]["id"]
        for each in county.get("/api/v1/events?kind=grading", "regulator").get_json()["events"]
    ]
    inputs, outputs = (
        [{"batch": batch, "quantity": quantity, "unit": "kg"} for batch, quantity in part.items()]
        for part in split
    )
    made = [{**line, "product": row["product"]} for line in outputs]
    meant = county.raw("grading", inputs=inputs, outputs=made, acknowledged=["HELD_MOVED"])
    correction = {"corrects": [grading], "reason": "重量写错", "replacement": meant}
    county.record("correction", details=correction, acknowledged=["HELD_MOVED", "MASS_IMBALANCE"])
    assert history(county, "B1") == [before]
    release(county, placed)
    assert county.warned("B1") == []


def test_a_treatment_recorded_after_the_harvest_warns_what_was_made_of_it(county: County) -> None:
    county.harvest("A1", hours_ago=48)
    county.make("packaging", {"A1": "10"}, {"P1": "10"})
    drug = {"input_type": "veterinary", "name": "土霉素", "withdrawal_days": 9}
    receipt = county.record("input_application", hours_ago=72, cycles=[CYCLE], details=drug)
    assert receipt.warnings == ("VET_WITHDRAWAL",)
    assert [*map(county.warned, ("A1", "P1"))] == [["VET_WITHDRAWAL"], ["VET_WITHDRAWAL"]]


def test_of_two_treatments_before_one_harvest_the_longer_waiting_time_is_told(county: County) -> None:
    for name, days in (("甲", 5), ("乙", 20), ("丙", 9)):
        drug = {"input_type": "veterinary", "name": name, "withdrawal_days": days}
        county.record("input_application", hours_ago=24, cycles=[CYCLE], details=drug)
    county.harvest("A1", acknowledged=["VET_WITHDRAWAL"])
    with county.service.store.read() as connection:
        warnings = State(connection).live_warnings("A1")
    assert [row["code"] for row in warnings] == ["VET_WITHDRAWAL"]
    assert '"drug":"乙"' in warnings[0]["data"]


def test_when_the_longer_one_is_taken_back_the_shorter_is_told(county: County) -> None:
    ids = {}
    for name, days in (("甲", 5), ("乙", 20)):
        drug = {"input_type": "veterinary", "name": name, "withdrawal_days": days}
        ids[name] = county.record("input_application", hours_ago=24, cycles=[CYCLE], details=drug).event_id
    county.harvest("A1", acknowledged=["VET_WITHDRAWAL"])
    county.make("packaging", {"A1": "10"}, {"P1": "10"})
    county.record("correction", details={"corrects": [ids["乙"]], "reason": "录入错误"})
    with county.service.store.read() as connection:
        state = State(connection)
        told = [state.live_warnings(batch) for batch in ("A1", "P1")]
    assert [len(rows) for rows in told] == [1, 1]
    assert all('"drug":"甲"' in rows[0]["data"] for rows in told)


def test_the_worst_of_one_code_and_cause_stands() -> None:
    raised = [
        Raised("PHI_VIOLATION", 7, {"clear": "2026-06-10"}),
        Raised("PHI_VIOLATION", 7, {"clear": "2026-06-20"}),
        Raised("PHI_VIOLATION", 8, {"clear": "2026-06-01"}),
        Raised("ON_HOLD", 7, {"by": "o"}),
    ]
    assert [*_worst(raised)] == [
        ("PHI_VIOLATION", 7, '{"clear":"2026-06-20"}'),
        ("PHI_VIOLATION", 8, '{"clear":"2026-06-01"}'),
        ("ON_HOLD", 7, '{"by":"o"}'),
    ]


def test_facts_are_stored_in_one_form() -> None:
    assert dump_data({"b": "荔枝", "a": 1}) == '{"a":1,"b":"荔枝"}'
