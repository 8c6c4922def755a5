"""Somebody at a browser in the county: opens pages, and sends back the forms that stand on them."""

from __future__ import annotations

from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from county import County
from web.doors import PASSWORD

HTML = {"Accept": "text/html"}


class _Fields(HTMLParser):
    """The values that a browser would send with the forms of a page, by name; buttons are not pressed."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, list[str]] = {}
        self._select = ""
        self._area = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name = given.get("name") or ""
        if tag == "input" and name:
            ticked = given.get("type") not in ("checkbox", "radio") or "checked" in given
            if ticked and given.get("type") != "file":
                self.values.setdefault(name, []).append(given.get("value") or "")
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and "selected" in given:
            self.values.setdefault(self._select, []).append(given.get("value") or "")
        elif tag == "textarea":
            self._area = name
            self.values.setdefault(name, [""])

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = ""
        elif tag == "textarea":
            self._area = ""

    def handle_data(self, data: str) -> None:
        if self._area:
            self.values[self._area][-1] += data


def fields_of(page: str) -> dict[str, list[str]]:
    """What a browser would send of a page if no button were pressed and nothing filled in."""
    parser = _Fields()
    parser.feed(page)
    return parser.values


class Person:
    """A person of the county who has signed in."""

    def __init__(self, county: County, who: str) -> None:
        self.county = county
        self.client: FlaskClient = county.client
        answer = self.client.post("/sign-in", data={"name": who, "password": PASSWORD})
        assert answer.status_code == 303

    def see(self, address: str, status: int = 200) -> str:
        """The page at an address."""
        answer = self.client.get(address, headers=HTML)
        assert answer.status_code == status, answer.get_data(as_text=True)
        return answer.get_data(as_text=True)

    def send(self, address: str, page: str, given: Mapping[str, Any]) -> TestResponse:
        """The forms of a page with other values; None leaves a field out."""
        values: dict[str, Any] = {**fields_of(page), **given}
        data = {name: value for name, value in values.items() if value is not None}
        return self.client.post(address, data=data, headers=HTML)
