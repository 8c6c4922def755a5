"""Goods that were moved while they were to stay, when what stopped them is corrected."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from county import County
from heji_trace.recording.recorder import Receipt
from ledger_check import check_ledger

HELD = ["HELD_MOVED"]
WRONG = {"reason": "录入错误"}


@pytest.fixture(autouse=True)
def rebuilt_equals_live(county: County) -> Iterator[None]:
    yield
    check_ledger(county.service)


def held(county: County, batch: str = "B1", who: str = "regulator") -> Receipt:
    return county.record("hold", who, batches=[batch], details={"reason": "核查"})


def correct(county: County, wrong: Receipt, who: str, replacement: Any = None, **parts: Any) -> Receipt:
    details = WRONG | {"corrects": [wrong.event_id]}
    if replacement is not None:
        details["replacement"] = replacement
    return county.record("correction", who, details=details, **parts)


def test_a_hold_that_is_taken_back_has_stopped_nobody(county: County) -> None:
    county.harvest("B1")
    hold = held(county)
    county.move("sale", "B1", "8", acknowledged=HELD)
    withdrawn = correct(county, hold, "regulator")
    assert county.warned("B1") == []
    body = county.event("hold", "regulator", batches=["B1"], details={"reason": "核查"}).body
    again = correct(county, withdrawn, "regulator", body)
    assert (county.warned("B1"), again.warnings) == (["HELD_MOVED", "ON_HOLD"], ("HELD_MOVED", "ON_HOLD"))


def test_a_hold_that_was_released_and_is_taken_back_has_stopped_nobody(county: County) -> None:
    county.harvest("B1")
    hold = held(county)
    county.move("sale", "B1", "8", acknowledged=HELD)
    release = county.record("release", "regulator", details={"hold": hold.event_id, "reason": "合格"})
    assert county.warned("B1") == ["HELD_MOVED"]
    correct(county, release, "regulator")
    correct(county, hold, "regulator")
    assert county.warned("B1") == []


def test_a_hold_with_another_reason_still_stopped_what_was_moved(county: County) -> None:
    county.harvest("B1")
    hold = held(county)
    county.move("sale", "B1", "8", acknowledged=HELD)
    body = county.event("hold", "regulator", batches=["B1"], details={"reason": "农残待检"}).body
    correct(county, hold, "regulator", body)
    assert county.warned("B1") == ["HELD_MOVED", "ON_HOLD"]


def test_what_something_else_stopped_too_was_moved_all_the_same(county: County) -> None:
    county.harvest("B1")
    hold = held(county)
    details = {"level": 1, "ordered": True, "reason": "超标"}
    county.record("recall", "regulator", batches=["B1"], details=details)
    county.move("sale", "B1", "8", acknowledged=HELD)
    correct(county, hold, "regulator")
    assert county.warned("B1") == ["HELD_MOVED", "RECALLED"]


def test_a_hold_placed_after_the_sale_did_not_stop_it(county: County) -> None:
    county.harvest("B1")
    hold = held(county)
    county.move("sale", "B1", "8", acknowledged=HELD)
    held(county)
    correct(county, hold, "regulator")
    assert county.warned("B1") == ["ON_HOLD"]


def test_what_was_made_of_goods_that_were_held_by_mistake_is_free_too(county: County) -> None:
    county.harvest("B1")
    county.make("packaging", {"B1": "40"}, {"P1": "40"})
    hold = held(county)
    county.move("sale", "P1", "8", acknowledged=HELD)
    assert county.warned("P1") == ["HELD_MOVED", "ON_HOLD"]
    correct(county, hold, "regulator")
    assert county.warned("P1") == []


def test_a_sale_before_the_hold_stays_without_blame_when_its_amount_is_corrected(county: County) -> None:
    county.harvest("B1")
    sold = county.move("sale", "B1", "8")
    hold = held(county)
    moves = [{"batch": "B1", "quantity": "9", "unit": "kg"}]
    body = county.event("sale", moves=moves, acknowledged=HELD).body
    again = correct(county, sold, "producer", body)
    assert (county.warned("B1"), again.warnings) == (["ON_HOLD"], ())
    correct(county, hold, "regulator")


def test_a_sale_under_a_hold_stays_one_when_its_amount_is_corrected_after_the_release(county: County) -> None:
    county.harvest("B1")
    hold = held(county)
    sold = county.move("sale", "B1", "8", acknowledged=HELD)
    county.record("release", "regulator", details={"hold": hold.event_id, "reason": "合格"})
    moves = [{"batch": "B1", "quantity": "9", "unit": "kg"}]
    correct(county, sold, "producer", county.event("sale", moves=moves).body)
    assert county.warned("B1") == ["HELD_MOVED"]
