from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from browser.walks import Walker, both_languages, everywhere
from county import CYCLE, PRODUCT, County
from heji_trace.events.kinds import KINDS
from labelled import sample, state_result

pytestmark = pytest.mark.browser

RECEIPT = re.compile(r"/desk/events/[^/]+done=1")


def fill_harvest(walker: Walker, quantity: str = "120") -> str:
    """Fill the form of a harvest as far as it does not fill itself; answers the batch that it proposes."""
    walker.open("/desk/record/harvest")
    walker.choose('[name="cycles"]', CYCLE)
    walker.choose('[name="outputs.0.product"]', PRODUCT)
    walker.choose('[name="outputs.0.quantity"]', quantity)
    walker.choose('[name="outputs.0.unit"]', "kg")
    return walker.page.locator('[name="outputs.0.batch"]').input_value()


def record(walker: Walker) -> None:
    """Press the button of the form and stand before the receipt."""
    walker.press(walker.page.locator(".send button.main"))
    assert RECEIPT.search(walker.page.url), walker.text


def test_a_line_that_was_added_by_mistake_is_removed_at_once(walker: Walker, county: County) -> None:
    walker.sign_in("producer")
    batch, size = fill_harvest(walker), county.size
    drop = walker.page.locator("button.drop")
    assert not drop.first.is_visible()
    walker.page.locator('button[name="add"][value="outputs"]').click()
    assert walker.page.locator('[name="outputs.1.batch"]').count() == 1
    walker.press(drop.last)
    assert walker.page.locator('[name="outputs.1.batch"]').count() == 0
    assert walker.page.locator('[name="outputs.0.batch"]').input_value() == batch
    record(walker)
    assert county.size == size + 1


@both_languages
def test_what_is_wrong_with_a_recall_or_a_run_of_labels_is_read_out_first(
    walker: Walker, county: County
) -> None:
    county.harvest("B-1", "100")
    focused = "document.activeElement.id"
    walker.sign_in("regulator")
    page = walker.open("/desk/batches/B-1/recall")
    page.fill("#reason", " ")
    page.locator("label.question input").check()
    walker.press(page.locator("button.danger"))
    walker.look("recall-refused")
    assert page.evaluate(focused) == "refusal"
    assert page.locator("#reason").get_attribute("aria-describedby") == "reason-problem1"
    page.context.clear_cookies()
    walker.sign_in("producer")
    page = walker.open("/desk/labels?batch=B-1")
    page.fill("#copies", "0")
    walker.press(page.locator(".send button"))
    walker.look("labels-refused")
    assert page.evaluate(focused) == "refusal"
    assert page.locator("#copies").get_attribute("aria-describedby") == "copies-problem1"


def test_a_limit_of_last_time_goes_with_its_analyte(walker: Walker, county: County) -> None:
    county.harvest("B-1", "100")
    sample(county, "S-1", "B-1")
    limits = {"limit": "0.02", "edition": "GB 2763-2021"}
    panel = [{"analyte": name, "value": "0.01", "unit": "mg/kg", **limits} for name in ("克百威", "毒死蜱")]
    state_result(county, "S-1", "conforming", results=panel)
    walker.sign_in("laboratory")
    page = walker.open("/desk/record/testing")

    def told(line: int) -> list[str]:
        names = (f'[name="details.results.{line}.{part}"]' for part in ("analyte", "limit", "edition"))
        return [page.locator(name).input_value() for name in names]

    assert told(0)[1:] == told(1)[1:] == list(limits.values())
    for details in page.locator("details").all():
        details.evaluate("each => each.open = true")
    analyte = page.locator('[name="details.results.1.analyte"]')
    analyte.fill("氧乐果")
    analyte.blur()
    assert told(0) == ["克百威", *limits.values()]
    assert told(1) == ["氧乐果", "", ""]


@everywhere
def test_a_producer_signs_in_and_records_a_harvest(walker: Walker, county: County, spoken: str) -> None:
    walker.open("/", "sign-in")
    walker.sign_in("producer")
    walker.look("desk")
    batch, size = fill_harvest(walker), county.size
    walker.look("form")
    record(walker)
    walker.look("receipt")
    assert county.size == size + 1
    assert batch in walker.text
    assert ("已记录" if spoken == "zh" else "Recorded.") in walker.text
    walker.open("/desk/events", "records")
    assert batch in walker.text


def test_without_script_a_form_takes_a_further_line_and_records(
    county: County, arrive: Callable[..., Walker]
) -> None:
    walker = arrive(script=False)
    walker.sign_in("producer")
    batch, size = fill_harvest(walker), county.size
    walker.press(walker.page.locator('button[name="add"][value="outputs"]'))
    assert walker.page.locator('[name="outputs.0.batch"]').input_value() == batch
    second = walker.page.locator('[name="outputs.1.batch"]').input_value()
    assert second not in (batch, "")
    assert walker.page.locator('[name="outputs.1.product"]').input_value() == PRODUCT
    walker.choose('[name="outputs.1.quantity"]', "３０．５")
    walker.look("two-lines")
    record(walker)
    assert county.size == size + 1
    assert second in walker.text


def test_with_script_a_further_line_costs_no_journey(walker: Walker, county: County) -> None:
    walker.sign_in("producer")
    batch, size = fill_harvest(walker), county.size
    walker.page.locator('button[name="add"][value="outputs"]').click()
    second = walker.page.locator('[name="outputs.1.batch"]').input_value()
    assert second not in (batch, "")
    walker.choose('[name="outputs.1.quantity"]', "30.5")
    walker.look("two-lines")
    record(walker)
    assert (county.size, second in walker.text) == (size + 1, True)


@pytest.mark.parametrize("script", [True, False])
def test_a_double_tap_records_once(county: County, arrive: Callable[..., Walker], script: bool) -> None:
    walker = arrive(script=script)
    walker.sign_in("producer")
    fill_harvest(walker)
    size = county.size
    walker.page.locator(".send button.main").dblclick()
    walker.page.wait_for_url(RECEIPT)
    assert county.size == size + 1


@everywhere
def test_what_looks_wrong_is_asked_back_and_recorded_once_confirmed(
    walker: Walker, county: County, spoken: str
) -> None:
    county.harvest("LZ-ASKED", "10")
    walker.sign_in("producer")
    size = county.size
    walker.open("/desk/record/sale")
    walker.choose('[name="moves.0.batch"]', "LZ-ASKED")
    walker.choose('[name="moves.0.quantity"]', "40")
    walker.choose('[name="moves.0.unit"]', "kg")
    walker.press(walker.page.locator(".send button.main"))
    question = walker.page.locator(".questions")
    assert question.is_visible(), walker.text
    walker.look("question")
    assert county.size == size
    question.locator("input[type=checkbox]").check()
    walker.press(question.locator("button.main"))
    assert RECEIPT.search(walker.page.url), walker.text
    walker.look("receipt")
    assert county.size == size + 1


def test_whoever_is_asked_back_may_mend_the_number_instead_of_confirming(
    walker: Walker, county: County
) -> None:
    county.harvest("LZ-ASKED", "10")
    walker.sign_in("producer")
    walker.open("/desk/record/sale")
    walker.choose('[name="moves.0.batch"]', "LZ-ASKED")
    walker.choose('[name="moves.0.quantity"]', "40")
    walker.choose('[name="moves.0.unit"]', "kg")
    walker.press(walker.page.locator(".send button.main"))
    assert walker.page.locator(".questions").is_visible()
    walker.choose('[name="moves.0.quantity"]', "4")
    record(walker)
    assert walker.page.locator(".warned").count() == 0


@everywhere
def test_what_cannot_be_read_stands_beside_its_field(walker: Walker, county: County) -> None:
    walker.sign_in("producer")
    fill_harvest(walker, "a hundred")
    size = county.size
    walker.press(walker.page.locator(".send button.main"))
    assert walker.page.locator('[name="outputs.0.quantity"]').get_attribute("aria-invalid") == "true"
    assert walker.page.locator("#outputs-0-quantity-problem1").is_visible()
    assert walker.page.evaluate("document.activeElement.id") == "refusal"
    link = walker.page.locator('#refusal a[href="#outputs-0-quantity"]')
    assert walker.is_on_first_screen(link)
    walker.look("refused")
    link.click()
    assert walker.page.evaluate("document.activeElement.id") == "outputs-0-quantity"
    walker.choose('[name="outputs.0.quantity"]', "100")
    record(walker)
    assert county.size == size + 1


def test_a_mistake_is_taken_back_with_one_tap(walker: Walker, county: County) -> None:
    walker.sign_in("producer")
    fill_harvest(walker)
    record(walker)
    size = county.size
    walker.press(walker.page.locator("button.danger"))
    assert RECEIPT.search(walker.page.url), walker.text
    assert county.size == size + 1
    walker.open("/desk/events", "records")
    assert walker.page.locator(".struck").count() == 1


@both_languages
def test_every_form_of_every_role_fits_the_screen(county: County, arrive: Callable[..., Walker]) -> None:
    seen: set[str] = set()
    for who in ("operator", "producer", "laboratory", "regulator"):
        kinds = [kind for kind in KINDS.values() if kind.form and county.authors[who].roles & kind.recorders]
        walker = arrive()
        walker.sign_in(who)
        walker.look(f"desk-{who}")
        for kind in kinds:
            if kind.name not in seen:
                walker.open(f"/desk/record/{kind.name}", f"form-{kind.name}")
        seen |= {kind.name for kind in kinds}
    assert seen == {kind.name for kind in KINDS.values() if kind.form}


@everywhere
def test_pages_beside_the_desk_fit_the_screen_too(walker: Walker, county: County) -> None:
    walker.open("/api/docs", "api-docs")
    walker.open("/nothing", "not-there")
    walker.sign_in("operator")
    walker.open("/desk/recalls", "recalls")
    walker.open("/desk/search?q=litchi", "search")


def test_a_table_sorts_amounts_by_how_much_they_are_and_texts_by_the_numbers_in_them(
    walker: Walker, county: County
) -> None:
    for batch, quantity in (("S-2", "9.5"), ("S-10", "0.9"), ("S-1", "10000"), ("S-3", "120")):
        county.harvest(batch, quantity)
    walker.sign_in("regulator")
    page = walker.open(f"/desk/organisations/{county.code('producer')}")
    held = page.locator("table[data-sortable]").first

    def order() -> list[str]:
        return held.locator("tbody tr td:first-child").all_inner_texts()

    amounts = held.locator("thead button").nth(3)
    amounts.click()
    assert order() == ["S-10", "S-2", "S-3", "S-1"]
    amounts.click()
    assert order() == ["S-1", "S-3", "S-2", "S-10"]
    held.locator("thead button").first.click()
    assert order() == ["S-1", "S-2", "S-3", "S-10"]
