from __future__ import annotations

from collections.abc import Callable

import pytest

from browser.test_desk_walks import fill_harvest
from browser.walks import Walker, both_languages, everywhere
from county import PRODUCT, County
from labelled import label, sample, state_result
from web.doors import PASSWORD

pytestmark = pytest.mark.browser


@everywhere
def test_a_producer_issues_a_code_and_sees_it_as_it_is_printed(walker: Walker, county: County) -> None:
    county.harvest("LZ-1")
    county.harvest("LZ-2")
    county.record("hold", batches=["LZ-2"], details={"reason": "待查"})
    walker.sign_in("producer")
    page = walker.open("/desk/labels", "labels")
    assert page.locator('#batch option[value="LZ-2"]').count() == 0
    walker.choose("#batch", "LZ-1")
    page.fill("#copies", "48")
    walker.press(page.locator("form.record button.main"))
    walker.look("label")
    # A box to tick is tapped by its label.
    assert [each for each in walker.too_small_to_tap() if "checkbox" not in each] == []
    image = page.locator(".label img")
    assert image.evaluate("each => each.complete && each.naturalWidth > 0")
    sheet = page.request.get(
        f"{walker.address}{page.locator('form.record').get_attribute('action')}?copies=48"
    )
    assert sheet.body().startswith(b"%PDF-")
    walker.open(str(page.locator(".label dl a[href^='/t/']").get_attribute("href")), "consumer")


@both_languages
def test_a_regulator_releases_an_official_result_and_the_consumer_sees_it(
    county: County, arrive: Callable[..., Walker]
) -> None:
    county.harvest("LZ-1")
    code = label(county, "LZ-1", PRODUCT).trace_code
    sample(county, "S1", "LZ-1", purpose="supervised", who="regulator")
    state_result(county, "S1", "conforming", formal=True)
    consumer = arrive()
    consumer.open(f"/t/{code}", "awaited")
    assert consumer.page.locator(".readings li").count() == 0
    regulator = arrive()
    page = regulator.sign_in("regulator")
    regulator.press(page.locator('a.tile[href^="/desk/releases"]'))
    regulator.look("releases")
    regulator.press(page.locator("section.card form button.main"))
    regulator.look("released")
    consumer.open(f"/t/{code}", "green")
    assert consumer.page.locator(".verdict.green").count() == 1
    assert consumer.page.locator(".readings li").count() == 1


@both_languages
def test_a_form_that_was_filled_while_the_session_ended_comes_back_filled(
    walker: Walker, county: County
) -> None:
    walker.sign_in("producer")
    fill_harvest(walker, "123.4")
    before = county.size
    county.now.seconds += 13 * 3600
    page = walker.page
    walker.press(page.locator(".send button.main"))
    walker.look("session-over")
    page.fill("#name", "producer")
    page.fill("#password", PASSWORD)
    walker.press(page.locator("main form button[type=submit]"))
    walker.look("kept")
    walker.press(page.locator("main form button.main"))
    walker.look("filled-again")
    assert page.locator('[name="outputs.0.quantity"]').input_value() == "123.4"
    assert county.size == before
    walker.press(page.locator(".send button.main"))
    assert county.size == before + 1
