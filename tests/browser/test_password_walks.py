from __future__ import annotations

from collections.abc import Callable

import pytest

from browser.walks import Walker, both_languages, everywhere
from county import County
from web.doors import PASSWORD

pytestmark = pytest.mark.browser

NEW = "a boat full of lychees"
SEND = "form.record button.main"


def fill(walker: Walker, present: str = PASSWORD, chosen: str = NEW, repeat: str | None = None) -> None:
    walker.page.fill("#present", present)
    walker.page.fill("#password", chosen)
    walker.page.fill("#repeat", chosen if repeat is None else repeat)


def enter(walker: Walker, password: str) -> str:
    """Sign in as the producer; answers where that leads."""
    page = walker.open("/sign-in")
    page.fill("#name", "producer")
    page.fill("#password", password)
    walker.press(page.locator("main form button[type=submit]"))
    return page.url.removeprefix(walker.address).partition("?")[0]


@everywhere
def test_a_producer_changes_the_password_and_is_signed_out_elsewhere(
    county: County, arrive: Callable[..., Walker]
) -> None:
    walker, elsewhere = arrive(), arrive()
    elsewhere.sign_in("producer")
    page = walker.sign_in("producer")
    walker.look("desk")
    walker.press(page.locator('.foot a[href^="/desk/password"]'))
    walker.look("form")
    assert walker.too_small_to_tap() == []
    assert page.locator("#name").input_value() == "producer"

    fill(walker, "not the password", "1234567890")
    walker.press(page.locator(SEND))
    walker.look("refused")
    assert page.locator("#present-problem, #password-problem").count() == 2
    assert page.locator("#present[aria-invalid]").count() == 1
    assert page.locator("#present").input_value() == ""

    fill(walker, repeat="a boat full of litchis")
    walker.press(page.locator(SEND))
    walker.look("differ")
    assert page.locator(".problem").count() == page.locator("#repeat-problem").count() == 1

    fill(walker)
    walker.press(page.locator(SEND))
    walker.look("done")
    assert page.locator(".done").count() == 1
    assert walker.too_small_to_tap() == []
    walker.press(page.locator("a.button.main"))
    assert page.url.partition("?")[0] == f"{walker.address}/desk"

    elsewhere.open("/desk")
    assert "/sign-in" in elsewhere.page.url
    assert enter(elsewhere, PASSWORD) == "/sign-in"
    assert enter(elsewhere, NEW) == "/desk"


@both_languages
def test_what_is_typed_can_be_looked_at_and_is_hidden_again_when_it_is_sent(walker: Walker) -> None:
    walker.sign_in("shop")
    page = walker.open("/desk/password")
    fill(walker, "not the password")
    button = page.locator("[data-reveal]")
    fields = page.locator("#present[type=text], #password[type=text], #repeat[type=text]")
    assert fields.count() == 0
    button.click()
    walker.look("shown")
    assert (fields.count(), button.get_attribute("aria-pressed")) == (3, "true")
    button.click()
    assert (fields.count(), button.get_attribute("aria-pressed")) == (0, "false")
    button.click()
    page.locator(SEND).evaluate(
        "(button) => { button.form.addEventListener('submit', (event) => event.preventDefault()); button.click(); }"
    )
    assert fields.count() == 0


@both_languages
def test_a_password_is_changed_without_script(county: County, arrive: Callable[..., Walker]) -> None:
    walker = arrive(script=False)
    page = walker.sign_in("regulator")
    walker.press(page.locator('.foot a[href^="/desk/password"]'))
    walker.look("form")
    assert not page.locator("[data-reveal]").is_visible()
    fill(walker, "wrong")
    walker.press(page.locator(SEND))
    assert page.locator("#present-problem").count() == 1
    fill(walker)
    page.locator("#repeat").press("Enter")
    page.wait_for_url("**/desk/password?done=1**")
    walker.look("done")
    assert page.locator(".done").count() == 1


def test_a_person_who_is_signed_out_while_typing_comes_back_to_the_form(
    walker: Walker, county: County
) -> None:
    walker.sign_in("packer")
    page = walker.open("/desk/password")
    county.now.seconds += 13 * 3600
    fill(walker)
    walker.press(page.locator(SEND))
    walker.look("signed-out")
    assert NEW not in page.content()
    page.fill("#name", "packer")
    page.fill("#password", PASSWORD)
    walker.press(page.locator("main form button[type=submit]"))
    assert page.url.startswith(f"{walker.address}/desk/password")
