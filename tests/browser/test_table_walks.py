from __future__ import annotations

import re

import pytest

from browser.walks import Walker, everywhere
from county import County

pytestmark = pytest.mark.browser

LONG = "LZ5KG-20260529-AB01"

# What somebody has to push sideways to see, of the tables that stand as cards on a phone.
_HIDDEN = """() => [...document.querySelectorAll(".stacked")]
  .filter((each) => each.scrollWidth > each.clientWidth)
  .map((each) => `${each.scrollWidth} in ${each.clientWidth}: ${each.textContent.trim().slice(0, 60)}`)"""
_TABLES = """() => [...document.querySelectorAll(".stacked table")].map((table) => [
  table.querySelectorAll("[role=columnheader]").length,
  ...[...table.tBodies[0].rows].map((row) => row.querySelectorAll("[role=cell]").length),
])"""


@pytest.fixture
def recalled(county: County) -> str:
    """Goods past their day, a part of them sold and a part on its way, and their recall."""
    county.harvest("H1", "800")
    days = {"best_before": "2026-05-28"}
    asked = ["BEST_BEFORE_PASSED"]
    county.make("packaging", {"H1": "700"}, {LONG: "650"}, "producer", details=days, acknowledged=asked)
    county.move("shipping", LONG, "120", "producer", to="shop", acknowledged=asked)
    county.move("sale", LONG, "12.5", "producer", acknowledged=asked)
    details = {"level": 2, "ordered": True, "reason": "克百威超标"}
    case = county.record("recall", "regulator", batches=[LONG], details=details).event_id
    line = {"organisation": county.code("shop"), "batch": LONG, "on_hand": "120", "unit": "kg"}
    told = {"recall": case, "status": "in_progress", "consignees": [line]}
    county.record("recall_update", "regulator", details=told)
    return case


@everywhere
def test_warnings_amounts_and_consignees_are_seen_without_pushing_a_table(
    walker: Walker, county: County, recalled: str, spoken: str
) -> None:
    walker.sign_in("regulator")
    passed = "已过最佳食用日期" if spoken == "zh" else "Past its best-before date"
    for path, shot, expected in (
        (f"/desk/organisations/{county.code('producer')}", "stock", passed),
        ("/desk/batches/H1", "trace", passed),
        (f"/desk/recalls/{recalled}", "recall", "kg" if spoken == "en" else "千克"),
    ):
        walker.open(path, shot)
        assert expected in walker.text
        assert walker.page.evaluate(_HIDDEN) == [], path
        for headings, *rows in walker.page.evaluate(_TABLES):
            assert set(rows) == {headings}, path
    badge = walker.open(f"/desk/organisations/{county.code('producer')}").get_by_text(passed).first
    box, size = badge.bounding_box(), walker.page.viewport_size
    assert box is not None
    assert size is not None
    assert box["x"] + box["width"] <= size["width"]


def test_a_receipt_shows_amounts_without_pushing_and_no_headings_that_the_keyboard_cannot_reach(
    walker: Walker, county: County
) -> None:
    receipt = county.harvest("H-ON-A-SMALL-PHONE", "120")
    walker.sign_in("producer")
    page = walker.open(f"/desk/events/{receipt.event_id}", "receipt")
    assert page.evaluate(_HIDDEN) == []
    assert page.get_by_text("120", exact=True).first.is_visible()
    pushed = page.evaluate("getComputedStyle(document.querySelector('.stacked thead tr')).overflowX")
    assert pushed == "visible"


@pytest.mark.parametrize("screen", ["desktop"], indirect=True)
def test_on_paper_each_warning_of_a_chain_stands_on_one_line(
    walker: Walker, county: County, recalled: str
) -> None:
    walker.sign_in("regulator")
    page = walker.open(f"/desk/batches/{LONG}")
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 720, "height": 1000})
    badges = page.locator("table.trace .badge")
    assert badges.count() > 1
    lines = badges.evaluate_all(
        "all => all.map((each) => each.getBoundingClientRect().height / parseFloat(getComputedStyle(each).lineHeight))"
    )
    assert max(lines) < 1.5
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 720


@pytest.mark.parametrize("screen", ["desktop"], indirect=True)
def test_paper_says_who_printed_it_and_when(walker: Walker, county: County, recalled: str) -> None:
    walker.sign_in("regulator")
    for address in (f"/desk/batches/{LONG}", f"/desk/recalls/{recalled}"):
        page = walker.open(address)
        said = page.locator(".printed")
        page.emulate_media(media="print")
        assert re.search(r"20[0-9-]{8} [0-9:]{5}（北京时间）由 .+查阅", said.inner_text())
        assert said.is_visible()
        page.emulate_media(media="screen")
        assert not said.is_visible()
