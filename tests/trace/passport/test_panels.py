from __future__ import annotations

from county import PRODUCT, County
from labelled import label, look


def test_goods_that_nobody_here_made_have_no_day_of_making(county: County) -> None:
    line = {"batch": "X1", "quantity": "40", "unit": "kg", "product": PRODUCT}
    county.record("receiving", "packer", moves=[line], acknowledged=["UNKNOWN_ORIGIN"])
    county.make("grading", {"X1": "40"}, {"X2": "40"}, "packer", product=PRODUCT)
    days = {}
    for batch in ("X1", "X2"):
        product = look(county, label(county, batch, PRODUCT, "packer").trace_code).product
        assert product is not None
        days[batch] = product.made_on
    assert days == {"X1": None, "X2": "2026-05-29"}
