"""Corrections: what is said instead takes the place of what was said first, and is judged like any statement."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from sqlalchemy import select

from county import CYCLE, PACKED, PLOT, PRODUCT, County
from heji_trace.errors import InvalidEvent, NeedsAcknowledgement
from heji_trace.events.schemas import parse_event
from heji_trace.recording.recorder import Receipt
from heji_trace.store import tables
from labelled import label, look
from ledger_check import check_ledger

UNKNOWN: dict[str, Any] = {"acknowledged": ["UNKNOWN_ORIGIN"]}


def say(county: County, raw: dict[str, Any], who: str = "producer") -> Receipt:
    return county.recorder.submit(parse_event(raw), county.authors[who])


def correct(
    county: County,
    said: dict[str, Any],
    who: str = "producer",
    *,
    acknowledged: tuple[str, ...] = (),
    **other: Any,
) -> Receipt:
    """Say something again with other words; with details, those that are given are changed."""
    again = deepcopy(said) | {"id": county.new_id()}
    again["details"] = again.get("details", {}) | other.pop("details", {})
    again |= other
    if not again["details"]:
        del again["details"]
    return replace(county, said, again, who, acknowledged)


def replace(
    county: County,
    said: dict[str, Any],
    again: dict[str, Any] | None,
    who: str = "producer",
    acknowledged: tuple[str, ...] = (),
) -> Receipt:
    details = {"corrects": [said["id"]], "reason": "更正"} | ({"replacement": again} if again else {})
    more: dict[str, Any] = {"acknowledged": list(acknowledged)} if acknowledged else {}
    return county.record("correction", who, details=details, **more)


def standing(county: County, batch: str) -> list[str]:
    """The codes of the warnings that stand on a batch."""
    live = select(tables.warnings.c.code).where(
        tables.warnings.c.batch == batch, tables.warnings.c.lifted_seq.is_(None)
    )
    with county.service.store.read() as connection:
        return sorted(connection.execute(live).scalars())


def stock(county: County, batch: str) -> dict[tuple[str, str], float]:
    with county.service.store.read() as connection:
        rows = connection.execute(select(tables.stock).where(tables.stock.c.batch == batch))
        return {(row.holder, row.state): row.amount / 1_000_000_000 for row in rows}


def batch_row(county: County, batch: str) -> Any:
    with county.service.store.read() as connection:
        return connection.execute(select(tables.batches).where(tables.batches.c.batch == batch)).one()


def drawn(county: County, **target: Any) -> dict[str, Any]:
    samples = [{"sample": "S1", **target}]
    return county.raw("sampling", "laboratory", details={"purpose": "commissioned", "samples": samples})


def result(county: County, conclusion: str, status: str) -> dict[str, Any]:
    details = {
        "sample": "S1",
        "laboratory": county.code("laboratory"),
        "method": "GC-MS",
        "method_class": "formal",
        "results": [{"analyte": "克百威", "value": "0.5", "unit": "mg/kg"}],
        "conclusion": conclusion,
        "status": status,
    }
    return county.raw("testing", "laboratory", details=details)


# --- the place among other statements --------------------------------------------------------------------------------


def test_a_note_on_an_earlier_step_of_a_test_does_not_outrank_the_final_result(county: County) -> None:
    county.harvest("B1")
    say(county, drawn(county, batch="B1"), "laboratory")
    early = result(county, "conforming", "preliminary")
    say(county, early, "laboratory")
    say(county, result(county, "nonconforming", "final"), "laboratory")
    correct(county, early, "laboratory", note="补充")
    assert standing(county, "B1") == ["TEST_FAILED"]
    check_ledger(county.service)


def test_a_plot_s_sample_still_covers_the_harvest_after_a_slip_in_it_is_corrected(county: County) -> None:
    sampling = drawn(county, cycles=[CYCLE])
    say(county, sampling, "laboratory")
    county.harvest("B1")
    say(county, result(county, "nonconforming", "final"), "laboratory")
    correct(county, sampling, "laboratory", details={"sampler": "李工"})
    assert standing(county, "B1") == ["TEST_FAILED"]


def test_a_note_on_an_older_registration_does_not_bring_it_back(county: County) -> None:
    named = {"code": "px", "name": "荔枝", "commodity": "荔枝"}
    older = county.raw(
        "product", details={**named, "conversions": [{"unit": "箱", "equals": "5", "of": "kg"}]}
    )
    say(county, older)
    county.record("product", details={**named, "conversions": [{"unit": "箱", "equals": "10", "of": "kg"}]})
    correct(county, older, note="补充")
    outputs = [{"batch": "B1", "product": "px", "quantity": "1", "unit": "箱"}]
    county.record("harvest", cycles=[CYCLE], outputs=outputs)
    assert stock(county, "B1") == {(county.code("producer"), "held"): 10.0}


def test_what_lasted_days_is_recorded_in_time_at_its_end(county: County) -> None:
    outputs = [{"batch": "B1", "product": PRODUCT, "quantity": "10", "unit": "kg"}]
    county.record("harvest", hours_ago=24 * 6, ended_at=county.at(1), cycles=[CYCLE], outputs=outputs)
    assert standing(county, "B1") == []


def test_a_note_a_week_later_is_not_told_as_a_late_record_on_the_page(county: County) -> None:
    said = county.harvesting("B1").body
    say(county, said)
    code = label(county, "B1", PRODUCT).trace_code
    county.now.seconds += 7 * 86_400
    correct(county, said, note="补充")
    assert [step.late for step in look(county, code).journey if step.step == "harvest"] == [None]
    second = county.harvesting("B2").body
    say(county, second)
    correct(county, second, occurred_at=county.at(24 * 6))
    code = label(county, "B2", PRODUCT).trace_code
    assert [step.late_hours for step in look(county, code).journey if step.step == "harvest"] == [144]


def test_a_note_a_week_later_does_not_make_a_record_late_but_another_date_does(county: County) -> None:
    said = county.raw(
        "harvest",
        cycles=[CYCLE],
        outputs=[{"batch": "B1", "product": PRODUCT, "quantity": "10", "unit": "kg"}],
    )
    say(county, said)
    county.now.seconds += 7 * 86_400
    correct(county, said, note="补充")
    assert standing(county, "B1") == []
    other = county.raw(
        "harvest",
        cycles=[CYCLE],
        outputs=[{"batch": "B2", "product": PRODUCT, "quantity": "10", "unit": "kg"}],
    )
    say(county, other)
    correct(county, other, occurred_at=county.at(hours_ago=100))
    assert standing(county, "B2") == ["LATE_RECORD"]


# --- what it concerns ------------------------------------------------------------------------------------------------


def test_a_failed_result_goes_over_to_the_batch_that_the_sample_was_really_drawn_of(county: County) -> None:
    county.harvest("B1")
    county.harvest("B2")
    sampling = drawn(county, batch="B1")
    say(county, sampling, "laboratory")
    say(county, result(county, "nonconforming", "final"), "laboratory")
    correct(county, sampling, "laboratory", details={"samples": [{"sample": "S1", "batch": "B2"}]})
    assert (standing(county, "B1"), standing(county, "B2")) == ([], ["TEST_FAILED"])
    check_ledger(county.service)


def test_a_sample_that_is_taken_back_and_drawn_again_brings_its_result_along(county: County) -> None:
    county.harvest("B1")
    county.harvest("B2")
    sampling = drawn(county, batch="B1")
    say(county, sampling, "laboratory")
    say(county, result(county, "nonconforming", "final"), "laboratory")
    replace(county, sampling, None, "laboratory")
    say(county, drawn(county, batch="B2"), "laboratory")
    assert (standing(county, "B1"), standing(county, "B2")) == ([], ["TEST_FAILED"])


@pytest.fixture
def cold(county: County) -> County:
    """A county with three batches that must be kept cold."""
    product = {"code": "cold", "name": "冷链荔枝", "commodity": "荔枝", "storage_band": "0-4℃"}
    county.record("product", "operator", details=product)
    for batch in ("B1", "B2", "B3"):
        outputs = [{"batch": batch, "product": "cold", "quantity": "100", "unit": "kg"}]
        county.record("harvest", cycles=[CYCLE], outputs=outputs, hours_ago=20)
    return county


def sent(county: County, batch: str) -> dict[str, Any]:
    line = {"batch": batch, "quantity": "50", "unit": "kg", "to_organisation": county.code("shop")}
    return county.raw("shipping", hours_ago=12, moves=[line], details={"carrier": county.code("carrier")})


def watched(county: County, shipping: dict[str, Any], **parts: Any) -> Receipt:
    readings = [{"at": county.at(hours), "temperature": "15"} for hours in (10, 9, 8, 7, 6)]
    details = {"shipping": shipping["id"], "readings": readings}
    return county.record("condition", "carrier", details=details, **parts)


def test_readings_of_a_shipment_follow_its_correction_to_other_goods_and_back(cold: County) -> None:
    first, second = sent(cold, "B1"), sent(cold, "B2")
    say(cold, first)
    watched(cold, first)
    assert standing(cold, "B1") == ["COLD_CHAIN_SEVERE"]
    again = replace(cold, first, second)
    assert (standing(cold, "B1"), standing(cold, "B2")) == ([], ["COLD_CHAIN_SEVERE"])
    replace(cold, {"id": again.event_id}, sent(cold, "B1"))
    assert (standing(cold, "B1"), standing(cold, "B2")) == (["COLD_CHAIN_SEVERE"], [])
    check_ledger(cold.service)


def test_readings_told_under_the_number_of_a_corrected_shipping_concern_what_it_says_now(
    cold: County,
) -> None:
    shipping = sent(cold, "B3")
    say(cold, shipping)
    replace(cold, shipping, sent(cold, "B2"))
    watched(cold, shipping)
    assert (standing(cold, "B2"), standing(cold, "B3")) == (["COLD_CHAIN_SEVERE"], [])


def test_readings_of_a_shipping_that_was_taken_back_are_of_nothing(cold: County) -> None:
    shipping = sent(cold, "B3")
    say(cold, shipping)
    replace(cold, shipping, None)
    with pytest.raises(InvalidEvent) as refusal:
        watched(cold, shipping)
    assert [problem.code for problem in refusal.value.problems] == ["readings-of-nothing"]


# --- what forbids nothing any more -----------------------------------------------------------------------------------


def test_the_binding_of_a_label_is_corrected_to_another_batch(county: County) -> None:
    for batch in ("P1", "P2"):
        outputs = [{"batch": batch, "product": PACKED, "quantity": "100", "unit": "kg"}]
        county.record("harvest", cycles=[CYCLE], outputs=outputs)
    run = county.post("/api/v1/labels", {"product": PACKED, "copies": 10}).get_json()["run"]
    binding = county.raw("label_bind", details={"run": run, "batch": "P1"})
    say(county, binding)
    correct(county, binding, details={"batch": "P2"})
    voiding = county.raw("label_void", details={"run": run, "reason": "印刷"})
    say(county, voiding)
    correct(county, voiding, details={"reason": "印刷错误"})
    with county.service.store.read() as connection:
        row = connection.execute(select(tables.labels).where(tables.labels.c.run == run)).one()
    assert row.batch == "P2"
    assert row.voided_seq == county.size - 1


def test_the_reason_of_a_release_is_corrected_and_the_hold_stays_ended(county: County) -> None:
    county.harvest("B1")
    hold = county.record("hold", batches=["B1"], details={"reason": "待检"})
    release = county.raw("release", details={"hold": hold.event_id, "reason": "合格"})
    say(county, release)
    correct(county, release, details={"reason": "复检合格"})
    assert standing(county, "B1") == []


def test_a_batch_that_was_received_in_the_wrong_unit_is_received_in_the_right_one(county: County) -> None:
    def received(unit: str) -> dict[str, Any]:
        line = {"batch": "X1", "product": PRODUCT, "quantity": "3", "unit": unit}
        return county.raw("receiving", "shop", moves=[line], **UNKNOWN)

    wrong = received("piece")
    say(county, wrong, "shop")
    replace(county, wrong, received("kg"), "shop")
    assert stock(county, "X1")[county.code("shop"), "held"] == 3.0


def test_a_batch_taken_back_is_opened_again_as_what_is_said_then(county: County) -> None:
    for code, kilograms in (("pa", "5"), ("pb", "10")):
        conversions = [{"unit": "箱", "equals": kilograms, "of": "kg"}]
        county.record(
            "product",
            "operator",
            details={"code": code, "name": code, "commodity": "荔枝", "conversions": conversions},
        )

    def received(product: str) -> dict[str, Any]:
        line = {"batch": "X2", "product": product, "quantity": "3", "unit": "箱"}
        return county.raw("receiving", "shop", moves=[line])

    first = received("pa") | UNKNOWN
    say(county, first, "shop")
    replace(county, first, None, "shop")
    with pytest.raises(NeedsAcknowledgement):
        say(county, received("pb"), "shop")
    say(county, received("pb") | UNKNOWN, "shop")
    row = batch_row(county, "X2")
    assert (row.kind, row.product, stock(county, "X2")) == (
        "receiving",
        "pb",
        {(county.code("shop"), "held"): 30.0},
    )
    check_ledger(county.service)


def test_a_batch_is_again_who_received_it_when_a_stranger_s_harvest_of_its_name_is_taken_back(
    county: County,
) -> None:
    line = {"batch": "X5", "product": PACKED, "quantity": "3", "unit": "kg"}
    county.record("receiving", "shop", moves=[line], **UNKNOWN)
    county.record("planting", "neighbour", details={"cycle": "n1", "crop": "荔枝"}, site=PLOT)
    harvest = county.raw(
        "harvest",
        "neighbour",
        cycles=["n1"],
        outputs=[{"batch": "X5", "product": PRODUCT, "quantity": "100", "unit": "kg"}],
    )
    say(county, harvest, "neighbour")
    replace(county, harvest, None, "neighbour")
    row = batch_row(county, "X5")
    assert (row.kind, row.product, row.organisation) == ("receiving", PACKED, county.code("shop"))
    check_ledger(county.service)


# --- asked back ------------------------------------------------------------------------------------------------------


def test_what_looks_wrong_about_a_correction_is_asked_back_once(county: County) -> None:
    county.harvest("B1", "100")
    sale = county.raw("sale", moves=[{"batch": "B1", "quantity": "8", "unit": "kg"}])
    say(county, sale)
    too_much = [{"batch": "B1", "quantity": "8000", "unit": "kg"}]
    with pytest.raises(NeedsAcknowledgement) as question:
        correct(county, sale, moves=too_much)
    assert [each.code for each in question.value.questions] == ["OVER_CONSUMPTION"]
    receipt = correct(county, sale, moves=too_much, acknowledged=("OVER_CONSUMPTION",))
    assert receipt.warnings == ("OVER_CONSUMPTION",)


def test_what_a_correction_takes_back_is_not_counted_against_it(county: County) -> None:
    county.harvest("B1", "100")
    sale = county.raw("sale", moves=[{"batch": "B1", "quantity": "80", "unit": "kg"}])
    say(county, sale)
    assert correct(county, sale, moves=[{"batch": "B1", "quantity": "90", "unit": "kg"}]).warnings == ()
    count = county.raw("stock_count", moves=[{"batch": "B1", "quantity": "9", "unit": "kg"}])
    say(county, count | {"acknowledged": ["COUNT_BELOW"]})
    assert correct(county, count, moves=[{"batch": "B1", "quantity": "10", "unit": "kg"}]).warnings == ()


def test_a_wrong_correction_is_corrected(county: County) -> None:
    county.harvest("B1", "100")
    sale = county.raw("sale", moves=[{"batch": "B1", "quantity": "8", "unit": "kg"}])
    say(county, sale)
    wrong = correct(county, sale, moves=[{"batch": "B1", "quantity": "80", "unit": "kg"}])
    again = deepcopy(sale) | {"id": county.new_id()}
    again["moves"] = [{"batch": "B1", "quantity": "9", "unit": "kg"}]
    replace(county, {"id": wrong.event_id}, again)
    assert stock(county, "B1")[county.code("producer"), "held"] == 91.0
    check_ledger(county.service)
