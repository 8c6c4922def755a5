"""A person before a real browser: walks the pages, and notes whatever a good page never does."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import ConsoleMessage, Dialog, Locator, Page, Request, Response

from web.doors import PASSWORD

PHONE, DESKTOP = "phone", "desktop"
SIZES = {PHONE: (360, 640), DESKTOP: (1280, 800)}
LOCALES = {"zh": "zh-CN", "en": "en-GB"}
FINGER = 44
"""The least side of what is tapped, in CSS pixels."""

everywhere = pytest.mark.parametrize(
    "screen, spoken",
    [(PHONE, "zh"), (PHONE, "en"), (DESKTOP, "zh"), (DESKTOP, "en")],
    indirect=True,
)
"""Walks a page on a phone and at a desk, in Chinese and in English; without it, on a phone in Chinese."""
both_languages = pytest.mark.parametrize("spoken", ["zh", "en"], indirect=True)

# Answered in the page: what is wider than the screen, has no name, or shares its id with another.
_FLAWS = """() => {
  const flaws = [];
  const page = document.scrollingElement;
  // A phone zooms out of a page that is too wide, and its innerWidth grows with it.
  const width = document.documentElement.clientWidth;
  if (page.scrollWidth > width) {
    const wide = [...document.querySelectorAll("body *")].filter((each) => {
      if (each.closest(".scroll, .choices") && !each.matches(".scroll, .choices")) return false;
      return each.getBoundingClientRect().right > width + 0.5;
    });
    flaws.push(`${page.scrollWidth} pixels wide: ` + wide.slice(-3).map((each) => each.outerHTML.slice(0, 120)));
  }
  for (const each of document.querySelectorAll("a, button, summary, input:not([type=hidden]), select, textarea")) {
    const name = each.getAttribute("aria-label") ?? each.title ?? "";
    const labels = [...(each.labels ?? [])].map((label) => label.textContent).join("");
    const said = each.matches("input, select, textarea") ? labels : each.textContent;
    if (!(name + said).trim()) flaws.push("no name: " + each.outerHTML.slice(0, 120));
  }
  const ids = [...document.querySelectorAll("[id]")].map((each) => each.id);
  for (const id of new Set(ids.filter((id, at) => ids.indexOf(id) !== at))) flaws.push("id twice: " + id);
  for (const each of document.querySelectorAll("[aria-describedby]"))
    for (const id of each.getAttribute("aria-describedby").trim().split(/\\s+/))
      if (!document.getElementById(id)) flaws.push("describes nothing: " + id);
  if (!document.documentElement.lang) flaws.push("no language");
  if (document.querySelectorAll("h1").length !== 1) flaws.push("not one h1");
  return flaws;
}"""


@dataclass
class Walker:
    """One person at one browser, whose `faults` must be empty when the walk is over."""

    page: Page
    address: str
    shots: Path | None
    label: str
    faults: list[str] = field(default_factory=list)
    seen: int = 0

    def __post_init__(self) -> None:
        self.page.on("console", self._hear)
        self.page.on("dialog", self._be_asked)
        self.page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        self.page.on("request", self._ask)
        self.page.on("response", self._answer)

    def open(self, path: str, shot: str = "") -> Page:
        """Go to a page of the service; with `shot`, look at it."""
        self.page.goto(path if "://" in path else self.address + path)
        if shot:
            self.look(shot)
        return self.page

    def look(self, shot: str) -> None:
        """Note the page's flaws and, where somebody wants to see it, keep a picture of the whole of it."""
        self.faults += [f"{shot}: {flaw}" for flaw in self.page.evaluate(_FLAWS)]
        self.seen += 1
        if self.shots is not None:
            self.page.screenshot(path=self.shots / f"{self.label}-{self.seen:02}-{shot}.png", full_page=True)

    def sign_in(self, who: str) -> Page:
        """Sign in as a person of the county and stand at the desk."""
        page = self.open("/sign-in")
        page.fill("#name", who)
        page.fill("#password", PASSWORD)
        self.press(page.locator("main form button[type=submit]"))
        assert page.url.startswith(f"{self.address}/desk"), self.text
        return page

    def press(self, button: Locator) -> None:
        """Tap what leads to another page, and wait until that stands there."""
        with self.page.expect_navigation():
            button.click()

    def choose(self, selector: str, value: str) -> None:
        """Put a value where it belongs: typed, picked or ticked, whatever the control is."""
        control = self.page.locator(selector).first
        if control.evaluate("each => each.tagName") == "SELECT":
            control.select_option(value)
        elif control.get_attribute("type") == "checkbox":
            self.page.locator(f'{selector}[value="{value}"]').check()
        else:
            control.fill(value)

    @property
    def text(self) -> str:
        """What the page says."""
        return self.page.locator("body").inner_text()

    def is_on_first_screen(self, part: Locator) -> bool:
        """Whether the whole of a part is seen before anybody scrolls."""
        box = part.bounding_box()
        size = self.page.viewport_size
        assert self.page.evaluate("scrollY") == 0
        return bool(box and size and box["y"] >= 0 and box["y"] + box["height"] <= size["height"])

    def too_small_to_tap(self) -> list[str]:
        """What is tapped on this page and smaller than a finger."""
        return cast(
            "list[str]",
            self.page.evaluate(
                """(least) => [...document.querySelectorAll("a, button, summary, input, select")]
                  .filter((each) => each.checkVisibility() && each.type !== "hidden" && !each.matches(".skip"))
                  .filter((each) => {
                    const box = each.getBoundingClientRect();
                    return box.width < least || box.height < least;
                  }).map((each) => each.outerHTML.slice(0, 120))""",
                FINGER,
            ),
        )

    def _hear(self, message: ConsoleMessage) -> None:
        # A refusal that is shown as a page is noted by `_answer` where it ought not to be.
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
            self.faults.append(f"console: {message.text}")

    def _be_asked(self, dialog: Dialog) -> None:
        self.faults.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _ask(self, request: Request) -> None:
        asked = urlsplit(request.url)
        if asked.scheme != "data" and f"{asked.scheme}://{asked.netloc}" != self.address:
            self.faults.append(f"foreign: {request.url}")

    def _answer(self, response: Response) -> None:
        is_part = not response.request.is_navigation_request()
        if response.status >= 500 or (is_part and response.status >= 400):
            self.faults.append(f"{response.status}: {response.url}")
