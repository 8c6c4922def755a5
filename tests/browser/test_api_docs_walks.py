from __future__ import annotations

import pytest

from browser.walks import Walker, everywhere
from county import County

pytestmark = pytest.mark.browser


@everywhere
def test_a_programmer_tries_the_interface_and_saves_what_is_no_text(walker: Walker, county: County) -> None:
    county.harvest("B-1", "100")
    certificate = county.certify("B-1", "100").event_id
    page = walker.open("/api/docs", "closed")
    page.fill("#token", county.tokens["producer"])

    def ask(name: str) -> str:
        operation = page.locator(f'[id="get-api-v1-events-event_id{name}"]')
        operation.locator("summary").click()
        operation.locator('[name="event_id"]').fill(certificate)
        operation.locator("button[type=submit]").click()
        answer = operation.locator(".answer")
        answer.filter(has_text="200").wait_for()
        walker.look(f"answered{name}")
        assert operation.locator("[data-file]").is_visible() == (name == "-certificate-pdf")
        return answer.inner_text()

    assert f'"{certificate}"' in ask("")
    assert ask("-certificate-pdf").splitlines()[-1].startswith("application/pdf (")
    with page.expect_download() as saved:
        page.locator("[data-file]:visible").click()
    assert saved.value.path().read_bytes().startswith(b"%PDF-")
