from __future__ import annotations

import pytest

from county import PACKED, PRODUCT, County
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


def test_what_has_no_gtin_is_not_called_by_zeros(county: County) -> None:
    register_product(county, PRODUCT, gtin=None)
    county.harvest("H1", "100")
    moves = [{"batch": "X1", "quantity": "5", "unit": "kg"}]
    county.record("receiving", "shop", moves=moves, acknowledged=["UNKNOWN_ORIGIN"])
    assert [status(county, "0" * 14, batch) for batch in ("H1", "X1")] == [None, None]
