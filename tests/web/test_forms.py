from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from web.doors import PASSWORD

from county import CYCLE, PRODUCT, County
from heji_trace.kinds import KINDS

HTML = {"Accept": "text/html"}


@pytest.fixture
def person(county: County) -> Person:
    return Person(county)


class Person:
    """Somebody at a browser who fills a form."""

    def __init__(self, county: County) -> None:
        self.county = county
        self.client: FlaskClient = county.client

    def sign_in(self, who: str) -> Person:
        self.client.post("/sign-in", data={"name": who, "password": PASSWORD})
        return self

    def open(self, path: str, status: int = 200) -> str:
        answer = self.client.get(path, headers=HTML)
        assert answer.status_code == status, answer.get_data(as_text=True)
        return answer.get_data(as_text=True)


def test_every_form_opens_for_whoever_may_record_its_kind(person: Person) -> None:
    for kind in KINDS.values():
        for who in ("operator", "producer", "laboratory", "regulator"):
            person.sign_in(who)
            roles = person.county.authors[who].roles
            status = 404 if not kind.form else 200 if roles & kind.recorders else 403
            person.open(f"/desk/record/{kind.name}", status)
