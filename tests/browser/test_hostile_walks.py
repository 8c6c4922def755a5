from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest

from browser.test_consumer_walks import label
from browser.test_upload_walks import HEADINGS, upload
from browser.walks import Walker
from county import CYCLE, PACKED, PRODUCT, County

pytestmark = pytest.mark.browser

NAME = '"><img src=x onerror="hit=1">'
NOTE = f"<script>hit=1</script>{NAME}{{{{ 7*7 }}}}&amp;"
TURNED = "合格\u202e格合不"


def record_harm(county: County) -> str:
    """Put markup wherever people write freely, on a way that ends in a recall; answers the trace code."""
    coop = {
        "code": county.code("producer"),
        "name": NAME,
        "subject_type": "cooperative",
        "roles": ["producer"],
    }
    county.record("organisation", "operator", details=coop | {"contact": NOTE})
    for code in (PRODUCT, PACKED):
        names = {"code": code, "name": NAME, "commodity": "荔枝"}
        county.record("product", "operator", details=names)
    applied = {"input_type": "fertiliser", "name": NAME, "target": NAME}
    county.record("input_application", cycles=[CYCLE], details=applied, note=NOTE)
    county.harvest("LZ-1", details={"grade": "<b onclick=hit=1>"}, note=NOTE)
    county.make("packaging", {"LZ-1": "60"}, {"PK-1": "60"}, note=NOTE)
    code = label(county, "PK-1")
    sampled = {"purpose": "self_check", "samples": [{"sample": "S-1", "batch": "LZ-1"}], "sampler": NAME}
    county.record("sampling", batches=["LZ-1"], details=sampled)
    county.record("hold", batches=["PK-1"], details={"reason": NOTE, "scope": NOTE}, note=NOTE)
    recall = {"level": 1, "ordered": True, "reason": NOTE, "scope": NOTE, "document": NAME}
    county.record("recall", "regulator", batches=["LZ-1"], details=recall)
    return code


def see(walker: Walker, path: str, *texts: str) -> None:
    """Open a page that shows what was meant to do harm: it stands there as written, and nothing has happened."""
    walker.open(path, "harm")
    see_here(walker, *texts)


def see_here(walker: Walker, *texts: str) -> None:
    page = walker.page
    for text in texts:
        assert text in walker.text, page.url
    assert page.evaluate("typeof hit") == "undefined", page.url
    assert page.locator('img[src="x"], script:not([src]), [onerror], [onclick]').count() == 0, page.url


def test_markup_in_names_and_notes_is_shown_as_it_was_written(walker: Walker, county: County) -> None:
    code = record_harm(county)
    see(walker, f"/t/{code}", NAME, NOTE)
    see(walker, f"/t/{code}?lang=en", NAME, NOTE)
    walker.sign_in("producer")
    see(walker, "/desk/record/harvest", NAME)
    records = walker.open("/desk/events").locator(".records a").all()[:6]
    for path in [str(link.get_attribute("href")) for link in records]:
        see(walker, path)
    walker.page.context.clear_cookies()
    walker.sign_in("regulator")
    see(walker, f"/desk/search?q={quote(NOTE)}", NOTE)
    see(walker, "/desk/batches/PK-1", NAME, NOTE)
    see(walker, f"/desk/organisations/{county.code('producer')}", NAME, NOTE)
    walker.open("/desk/recalls")
    see_here(walker, NOTE)
    walker.press(walker.page.get_by_role("link", name="<script>").first)
    see_here(walker, NAME, NOTE)


def test_markup_in_a_file_and_in_its_name_is_shown_as_it_was_written(
    walker: Walker, county: County, tmp_path: Path
) -> None:
    walker.sign_in("producer")
    cells = (county.at(24)[:10], NAME, CYCLE, NAME, PRODUCT, NOTE, "斤")
    sheet = "\n".join(["\t".join(HEADINGS), "\t".join(cells)])
    upload(walker, "采收'><img src=x onerror='hit=1'>.csv", sheet.encode(), tmp_path)
    see_here(walker, "<img src=x onerror='hit=1'>.csv", NOTE)


def test_marks_that_turn_the_direction_of_a_text_are_refused(walker: Walker, county: County) -> None:
    walker.sign_in("producer")
    size = county.size
    walker.open("/desk/record/hold")
    walker.choose('[name="batches"]', "LZ-1")
    walker.choose('[name="details.reason"]', TURNED)
    walker.press(walker.page.locator(".send button.main"))
    assert walker.page.locator("#details-reason-problem1").is_visible()
    assert county.size == size


def test_what_was_typed_at_the_sign_in_comes_back_as_text(walker: Walker, county: County) -> None:
    walker.open("/sign-in?next=javascript:hit=1")
    walker.page.fill("#name", NAME)
    walker.page.fill("#password", NOTE)
    walker.press(walker.page.locator("main form button[type=submit]"))
    assert walker.page.locator("#name").input_value() == NAME
    see_here(walker)
