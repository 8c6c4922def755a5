from __future__ import annotations

import pytest

from county import PACKED, PRODUCT, County
from heji_trace.desks.choices import names_of
from heji_trace.passport.recall_status import RecallStatus, find_recall_status
from labelled import register_product, view

GTIN = "06901234567892"


def status(county: County, gtin: str, batch: str) -> RecallStatus | None:
    with county.service.store.read() as connection:
        return find_recall_status(connection, gtin, batch, view(county).trust)


def make_numbered(county: County, batch: str, product: str = PACKED) -> None:
    """A batch with the number that everybody gives the first of a day."""
    source, made = {"batch": "H1", "quantity": "1", "unit": "kg"}, {"batch": batch, "product": product}
    county.record(
        "packaging",
        inputs=[source],
        outputs=[{**made, "quantity": "1", "unit": "kg"}],
        details={"batch_number": "1"},
    )


@pytest.fixture
def numbered(county: County) -> County:
    """Thirty batches of other products with the number 1, and behind them one of the product with the GTIN."""
    register_product(county)
    for at in range(30):
        county.record(
            "product", "operator", details={"code": f"other-{at}", "name": f"产品{at}", "commodity": "荔枝"}
        )
    county.harvest("H1", "100")
    for at in range(30):
        make_numbered(county, f"O{at}", f"other-{at}")
    make_numbered(county, "P1")
    return county


def test_a_number_that_many_batches_bear_is_told_of_the_product_s_own(numbered: County) -> None:
    found = status(numbered, GTIN, "1")
    assert found is not None
    assert (found.batches, found.is_recalled) == (("P1",), False)


def test_a_recall_among_batches_of_one_number_is_told(numbered: County) -> None:
    make_numbered(numbered, "P2")
    details = {"level": 1, "ordered": True, "reason": "超标"}
    numbered.record("recall", "regulator", batches=["P1"], details=details)
    found = status(numbered, GTIN, "1")
    assert found is not None
    assert (found.batches, found.is_recalled, found.verdict.level) == (("P1", "P2"), True, "red")


def test_whoever_gives_his_own_goods_the_number_of_another_s_recalls_his_own_alone(numbered: County) -> None:
    """The product's code, its GTIN and the number are on every package for anybody to take over."""
    numbered.record(
        "product",
        "packer",
        details={"code": "alike", "name": "假冒", "commodity": "荔枝", "gtin": "6901234567892"},
    )
    numbered.hand_over("H1", "2", "producer", "packer")
    for batch, product in (("F1", PACKED), ("F2", "alike")):
        numbered.make(
            "packaging", {"H1": "1"}, {batch: "1"}, "packer", product=product, details={"batch_number": "1"}
        )
    details = {"level": 1, "ordered": True, "reason": "超标"}
    numbered.record("recall", "packer", batches=["F1"], details=details)
    found = status(numbered, GTIN, "1")
    assert found is not None
    assert (found.batches, found.is_recalled, found.name["zh"]) == (("P1", "F1", "F2"), True, "荔枝 5 千克装")
    assert found.verdict.level == "orange"
    recalled, others = found.verdict.sentence["zh"].split("；")[:2]
    names = [name_of(numbered, who) for who in ("packer", "producer")]
    assert [name in recalled for name in names] == [True, False]
    assert [name in others for name in names] == [False, True]


def name_of(county: County, who: str) -> str:
    with county.service.store.read() as connection:
        return names_of(connection, [county.code(who)])[county.code(who)]


def test_where_every_maker_of_a_number_recalls_it_is_recalled(numbered: County) -> None:
    numbered.hand_over("H1", "2", "producer", "packer")
    numbered.make("packaging", {"H1": "1"}, {"F1": "1"}, "packer", details={"batch_number": "1"})
    details = {"level": 1, "ordered": True, "reason": "超标"}
    numbered.record("recall", "regulator", batches=["F1", "P1"], details=details)
    found = status(numbered, GTIN, "1")
    assert found is not None
    assert (found.verdict.level, found.verdict.code) == ("red", "RECALLED")


def test_what_has_no_gtin_is_not_called_by_zeros(county: County) -> None:
    register_product(county, PRODUCT, gtin=None)
    county.harvest("H1", "100")
    moves = [{"batch": "X1", "quantity": "5", "unit": "kg"}]
    county.record("receiving", "shop", moves=moves, acknowledged=["UNKNOWN_ORIGIN"])
    assert [status(county, "0" * 14, batch) for batch in ("H1", "X1")] == [None, None]
