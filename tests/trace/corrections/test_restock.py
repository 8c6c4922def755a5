"""What counts, receipts and findings about stock become when what stands before them is corrected."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from county import CYCLE, PLOT, PRODUCT, County
from heji_trace.known.state import State
from heji_trace.recording.recorder import Receipt
from heji_trace.tracing.balance import balance_of
from heji_trace.tracing.tracing import sales_of
from ledger_check import check_ledger

KG = 1_000 * 10**6


@pytest.fixture(autouse=True)
def rebuilt_equals_live(county: County) -> Iterator[None]:
    yield
    check_ledger(county.service)


def kg(quantity: str, **more: str) -> list[dict[str, str]]:
    return [{"batch": "B1", "quantity": quantity, "unit": "kg", **more}]


def harvested(county: County, quantity: str) -> dict[str, Any]:
    outputs = kg(quantity, product=PRODUCT)
    return county.event("harvest", cycles=[CYCLE], outputs=outputs).body


def sent(county: County, quantity: str, to: str = "shop") -> dict[str, Any]:
    return county.event("shipping", moves=kg(quantity, to_organisation=county.code(to))).body


def counted(county: County, quantity: str, *codes: str) -> Receipt:
    known: dict[str, Any] = {"acknowledged": list(codes)} if codes else {}
    return county.record("stock_count", moves=kg(quantity), **known)


def correct(county: County, wrong: Receipt, replacement: Any = None, who: str = "producer") -> Receipt:
    details = {"corrects": [wrong.event_id], "reason": "录入错误"}
    if replacement is not None:
        details["replacement"] = replacement
    return county.record("correction", who, details=details)


def stock(county: County) -> dict[tuple[str, str], int]:
    """Who has how many kg, in hand or under way to him."""
    people = {county.code(who): who for who in ("producer", "shop", "packer")}
    with county.service.store.read() as connection:
        return {
            (people[row["holder"]], row["state"]): row["amount"] // KG
            for row in State(connection).stock.of("batch", "B1")
            if row["amount"]
        }


def test_what_was_counted_is_there_whatever_is_corrected_before_it(county: County) -> None:
    made = county.harvest("B1", "1000")
    counted(county, "100", "COUNT_BELOW")
    receipt = correct(county, made, harvested(county, "100"))
    assert (stock(county), county.warned("B1"), receipt.warnings) == ({("producer", "held"): 100}, [], ())


def test_a_count_is_far_from_the_books_again_when_these_are_corrected_back(county: County) -> None:
    made = county.harvest("B1", "1000")
    counted(county, "100", "COUNT_BELOW")
    first = correct(county, made, harvested(county, "100"))
    second = correct(county, first, harvested(county, "1000"))
    assert (county.warned("B1"), second.warnings) == (["COUNT_BELOW"], ("COUNT_BELOW",))
    correct(county, second, harvested(county, "50"))
    assert (stock(county), county.warned("B1")) == ({("producer", "held"): 100}, ["COUNT_ABOVE"])


def test_a_corrected_count_stands_where_the_first_one_stood(county: County) -> None:
    county.harvest("B1", "100")
    wrong = counted(county, "10", "COUNT_BELOW")
    county.move("sale", "B1", "20", acknowledged=["OVER_CONSUMPTION"])
    # Asked back as against what the books say now, and found to be right where it stands.
    body = county.event("stock_count", moves=kg("100"), acknowledged=["COUNT_ABOVE"]).body
    receipt = correct(county, wrong, body)
    assert (stock(county), county.warned("B1"), receipt.warnings) == ({("producer", "held"): 80}, [], ())


def test_the_balance_tells_what_a_count_changes_now(county: County) -> None:
    made = county.harvest("B1", "1000")
    counted(county, "100", "COUNT_BELOW")
    correct(county, made, harvested(county, "110"))
    with county.service.store.read() as connection:
        [account] = balance_of(connection, "B1").accounts
    assert (account.made, account.counted, account.held) == (110 * KG, -10 * KG, 100 * KG)


def test_a_receipt_takes_all_that_was_sent_by_the_corrected_shipping(county: County) -> None:
    county.harvest("B1", "100")
    shipping = county.move("shipping", "B1", "30", to="shop")
    county.move("receiving", "B1", "40", "shop", details={"shipping": shipping.event_id})
    first = correct(county, shipping, sent(county, "40"))
    assert stock(county) == {("producer", "held"): 60, ("shop", "held"): 40}
    correct(county, first, sent(county, "45"))
    assert stock(county) == {("producer", "held"): 55, ("shop", "held"): 40, ("shop", "transit"): 5}


def test_goods_received_before_their_shipping_was_recorded_are_there_once(county: County) -> None:
    county.harvest("B1", "100")
    county.move("receiving", "B1", "40", "shop")
    assert county.warned("B1") == ["CHAIN_BROKEN"]
    shipping = county.move("shipping", "B1", "40", to="shop", hours_ago=3)
    after = {("producer", "held"): 60, ("shop", "held"): 40}
    assert (stock(county), county.warned("B1")) == (after, [])
    with county.service.store.read() as connection:
        assert sales_of(connection, ["B1"]) == {}
    withdrawn = correct(county, shipping)
    assert (stock(county), county.warned("B1")) == (
        {("producer", "held"): 100, ("shop", "held"): 40},
        ["CHAIN_BROKEN"],
    )
    assert withdrawn.warnings == ("CHAIN_BROKEN",)
    county.move("shipping", "B1", "40", to="shop")
    assert (stock(county), county.warned("B1")) == (after, [])


def test_the_chain_is_whole_when_all_of_a_receipt_is_known_to_have_been_sent(county: County) -> None:
    county.harvest("B1", "100")
    county.move("receiving", "B1", "40", "shop")
    county.move("shipping", "B1", "25", to="shop")
    assert county.warned("B1") == ["CHAIN_BROKEN"]
    county.move("shipping", "B1", "25", to="shop")
    assert county.warned("B1") == []
    assert stock(county) == {("producer", "held"): 50, ("shop", "held"): 40, ("shop", "transit"): 10}


def test_what_was_rejected_of_goods_recorded_before_their_shipping_goes_back(county: County) -> None:
    county.harvest("B1", "100")
    county.move("receiving", "B1", "35", "shop", details={"rejected": kg("5")})
    county.move("shipping", "B1", "40", to="shop")
    assert stock(county) == {("producer", "held"): 60, ("producer", "transit"): 5, ("shop", "held"): 35}
    county.move("receiving", "B1", "5")
    assert (stock(county), county.warned("B1")) == ({("producer", "held"): 65, ("shop", "held"): 35}, [])


def test_a_receipt_and_its_later_shipping_may_come_in_one_import(county: County) -> None:
    county.harvest("B1", "100")
    events = [
        county.event("receiving", moves=kg("40")),
        county.event("shipping", moves=kg("40", to_site=PLOT)),
    ]
    county.recorder.submit_all(events, county.authors["producer"])
    assert (stock(county), county.warned("B1")) == ({("producer", "held"): 100}, [])


def test_a_sale_is_covered_by_a_harvest_that_was_corrected_upwards(county: County) -> None:
    made = county.harvest("B1", "10")
    county.move("sale", "B1", "80", acknowledged=["OVER_CONSUMPTION"])
    more = correct(county, made, harvested(county, "100"))
    assert (stock(county), county.warned("B1")) == ({("producer", "held"): 20}, [])
    again = correct(county, more, harvested(county, "70"))
    assert (county.warned("B1"), again.warnings) == (["OVER_CONSUMPTION"], ("OVER_CONSUMPTION",))


def test_a_shortage_that_a_correction_made_ends_with_the_correction_of_what_was_sold(county: County) -> None:
    made = county.harvest("B1", "100")
    sold = county.move("sale", "B1", "80")
    less = correct(county, made, harvested(county, "50"))
    assert (county.warned("B1"), less.warnings) == (["OVER_CONSUMPTION"], ("OVER_CONSUMPTION",))
    sale = county.event("sale", moves=kg("40")).body
    corrected = correct(county, sold, sale)
    assert (stock(county), county.warned("B1"), corrected.warnings) == ({("producer", "held"): 10}, [], ())


def test_goods_that_were_short_when_they_were_sold_stay_so_after_more_was_harvested(county: County) -> None:
    county.harvest("B1", "10")
    county.move("sale", "B1", "80", acknowledged=["OVER_CONSUMPTION"])
    county.move("return", "B1", "75", details={"reason": "退货"})
    other = county.move("sale", "B1", "1")
    correct(county, other)
    assert (stock(county), county.warned("B1")) == ({("producer", "held"): 5}, ["OVER_CONSUMPTION"])
