from __future__ import annotations

from collections.abc import Callable

import pytest

from browser.walks import Walker, both_languages, everywhere
from county import PACKED, County
from heji_trace.labelling.label_issue import issue_label

pytestmark = pytest.mark.browser

NOBODYS_CODE = "0000000000000000"


def label(county: County, batch: str, who: str = "producer") -> str:
    """A trace code on the packs of a batch."""
    issued = issue_label(
        county.recorder,
        county.authors[who],
        product=PACKED,
        batch=batch,
        copies=10,
        now_ms=county.service.clock.now_ms(),
        random=county.service.random,
    )
    return issued.trace_code


@pytest.fixture
def code(county: County) -> str:
    """A pack of litchi from one harvest."""
    county.harvest("LZ-1")
    county.make("packaging", {"LZ-1": "60"}, {"PK-1": "60"})
    return label(county, "PK-1")


@everywhere
def test_the_verdict_is_on_the_first_screen(walker: Walker, code: str, spoken: str) -> None:
    page = walker.open(f"/t/{code}", "passport")
    assert walker.is_on_first_screen(page.locator(".verdict"))
    assert page.locator("html").get_attribute("lang") == {"zh": "zh-Hans", "en": "en"}[spoken]
    assert "PK-1" in walker.text
    for promise in ("安全", "放心", "无农药", "safe", "pesticide-free"):
        assert promise not in walker.text.replace("安全间隔期", "").lower()


@everywhere
def test_what_to_do_about_a_paused_batch_is_on_the_first_screen(
    county: County, walker: Walker, code: str, spoken: str
) -> None:
    county.record("hold", "producer", batches=["PK-1"], details={"reason": "复核"})
    page = walker.open(f"/t/{code}", "paused")
    assert walker.is_on_first_screen(page.locator(".verdict.orange .act"))
    assert ("请先不要食用" if spoken == "zh" else "Do not eat it") in walker.text


@both_languages
def test_whatever_is_tapped_is_as_large_as_a_finger(walker: Walker, code: str) -> None:
    for path in (f"/t/{code}", f"/t/{code}?large=1", f"/t/{NOBODYS_CODE}", "/t"):
        walker.open(path, "tap")
        assert walker.too_small_to_tap() == [], path


def test_the_page_is_the_same_without_script_and_leaves_no_cookie(
    county: County, code: str, arrive: Callable[..., Walker]
) -> None:
    said = []
    for script in (True, False):
        walker = arrive(script=script)
        page = walker.open(f"/t/{code}", "passport")
        said.append(walker.text)
        assert page.locator("script").count() == 0
        assert page.context.cookies() == []
    assert said[0] == said[1]


def test_the_switch_leads_to_the_other_language_and_links_keep_it(walker: Walker, code: str) -> None:
    page = walker.open(f"/t/{code}?large=1")
    walker.press(page.get_by_text("English"))
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.locator("body.large").count() == 1
    walker.press(page.locator("header .brand"))
    assert page.locator("html").get_attribute("lang") == "en"
    page.fill("#code", code)
    walker.press(page.locator("main button"))
    assert (page.locator("html").get_attribute("lang"), "PK-1" in walker.text) == ("en", True)


@both_languages
def test_an_unknown_code_says_so_and_offers_to_report_it(walker: Walker, county: County) -> None:
    page = walker.open(f"/t/{NOBODYS_CODE}", "nowhere")
    assert walker.is_on_first_screen(page.locator(".verdict h1"))
    assert page.locator('.verdict a[href="tel:12315"]').is_visible()


@both_languages
def test_a_mistyped_code_is_corrected_in_the_box_where_it_still_stands(
    walker: Walker, code: str, spoken: str
) -> None:
    page = walker.open("/t")
    page.fill("#code", code[:-1])
    walker.press(page.locator("main button"))
    walker.look("mistyped")
    assert ("输入有误" if spoken == "zh" else "Mistyped") in walker.text
    assert walker.is_on_first_screen(page.locator("#code"))
    assert page.input_value("#code") == code[:-1]
    page.fill("#code", code)
    walker.press(page.locator("main button"))
    assert "PK-1" in walker.text


@everywhere
def test_a_regulator_recalls_a_batch_and_the_consumer_sees_red_at_once(
    county: County, code: str, arrive: Callable[..., Walker], spoken: str
) -> None:
    county.hand_over("PK-1", "40", "producer", "shop")
    consumer = arrive()
    consumer.open(f"/t/{code}")
    assert consumer.page.locator(".verdict.red").count() == 0
    regulator = arrive()
    page = regulator.sign_in("regulator")
    page.fill("#q", code)
    regulator.press(page.locator("form.search button"))
    regulator.look("trace")
    rows = page.locator("table.trace tbody tr")
    assert rows.count() == 2
    assert {"LZ-1", "PK-1"} <= set(page.locator("table.trace tbody a").all_inner_texts())
    regulator.press(page.locator("a.button.danger"))
    regulator.look("recall")
    page.fill("#reason", "克百威超标")
    page.locator("form.record input[type=checkbox]").check()
    regulator.press(page.locator("form.record button.danger"))
    regulator.look("recalled")
    consumer.open(f"/t/{code}", "red")
    assert consumer.is_on_first_screen(consumer.page.locator(".verdict.red h1"))
    assert ("已召回" if spoken == "zh" else "Recalled") in consumer.text
