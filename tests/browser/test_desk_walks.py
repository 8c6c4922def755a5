from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from browser.walks import Walker, everywhere
from county import CYCLE, PLOT, PRODUCT, County
from heji_trace.kinds import KINDS

pytestmark = pytest.mark.browser

RECEIPT = re.compile(r"/desk/events/[^/]+done=1")


def fill_harvest(walker: Walker, quantity: str = "120") -> str:
    """Fill the form of a harvest as far as it does not fill itself; answers the batch that it proposes."""
    walker.open("/desk/record/harvest")
    walker.choose('[name="cycles"]', CYCLE)
    walker.choose('[name="outputs.0.product"]', PRODUCT)
    walker.choose('[name="outputs.0.quantity"]', quantity)
    return walker.page.locator('[name="outputs.0.batch"]').input_value()


def record(walker: Walker) -> None:
    walker.page.locator(".send button.main").click()
    walker.page.wait_for_load_state()
    walker.look("after")
    assert RECEIPT.search(walker.page.url), walker.text


@everywhere
def test_a_producer_signs_in_and_records_a_harvest(walker: Walker, county: County, spoken: str) -> None:
    walker.open("/", "sign-in")
    walker.sign_in("producer")
    walker.look("desk")
    batch = fill_harvest(walker)
    walker.look("form")
    size = county.size
    record(walker)
    walker.look("receipt")
    assert county.size == size + 1
    assert batch in walker.text
    assert ("已入账" if spoken == "zh" else "Recorded.") in walker.text
    walker.open("/desk/events", "records")
    assert batch in walker.text
