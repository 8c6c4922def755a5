from __future__ import annotations

import re

import pytest

from county import County
from heji_trace.events.kinds import KINDS
from heji_trace.people.parties import ROLES
from web.doors import Browser
from web.people import Person


@pytest.mark.parametrize("role", ROLES)
def test_the_desk_offers_exactly_what_the_role_may_record(browser: Browser, role: str) -> None:
    page = browser.sign_in(role).client.get("/desk").get_data(as_text=True)
    for kind in KINDS.values():
        offered = f'href="/desk/record/{kind.name}"' in page
        assert offered == (kind.form and role in kind.recorders), kind.name
    assert 'action="/desk/search"' in page


def test_no_two_doors_of_the_desk_have_one_name(county: County) -> None:
    for who in county.authors:
        for language in ("zh", "en"):
            page = Person(county, who).see(f"/desk?lang={language}")
            names = re.findall(r'<a class="tile"[^>]*><strong>([^<]+)', page)
            assert len(names) == len(set(names)), names


def test_the_bare_address_leads_a_stranger_to_the_box_for_a_code_and_others_to_the_desk(
    browser: Browser,
) -> None:
    assert browser.client.get("/").headers["Location"] == "/t"
    assert browser.sign_in().client.get("/").headers["Location"] == "/desk"


def test_the_foot_of_the_desk_names_the_organisation_as_it_is_registered(county: County) -> None:
    assert "fg-litchi-coop 单位" in Person(county, "producer").see("/desk").partition("<footer")[2]
