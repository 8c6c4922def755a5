from __future__ import annotations

import pytest

from county import PRODUCT, County
from heji_trace.people.parties import Author
from web.events.test_forms import HARVEST, newest
from web.people import Person

HOUSEHOLDS = 25


@pytest.fixture
def households(county: County) -> list[str]:
    return found_households(county)


def found_households(county: County) -> list[str]:
    """Farms with a plot and a crop each, which all let the station record their harvests."""
    codes = [f"hh-{number:03}" for number in range(HOUSEHOLDS)]
    for number, code in enumerate(codes):
        farm = {"code": code, "name": f"农户{number}号", "subject_type": "farm_household"}
        county.record("organisation", "operator", details=farm | {"roles": ["producer"]})
        county.authors[code] = Author(f"account-{code}", code, frozenset({"producer"}))
        plot = {"code": f"plot-{number}", "name": f"{number}号地", "site_type": "plot", "organisation": code}
        county.record("site", code, details=plot)
        county.record(
            "planting", code, site=f"plot-{number}", details={"cycle": f"c-{number}", "crop": "荔枝"}
        )
        mandate = {"code": f"m-{number}", "to": "fg-station", "kinds": ["harvest"], "from": "2020-01-01"}
        county.record("mandate", code, details=mandate)
    return codes


def test_the_form_of_who_records_for_many_has_the_lists_of_one(county: County, households: list[str]) -> None:
    page = Person(county, "station").see(f"{HARVEST}?organisation={households[7]}")
    assert "农户7号" in page
    assert "7号地" in page
    assert "8号地" not in page
    assert "农户8号" not in page
    assert f'href="{HARVEST}/for"' in page


def test_one_of_many_is_found_by_a_part_of_the_name_or_the_code(
    county: County, households: list[str]
) -> None:
    person = Person(county, "station")
    for wanted in ("农户24", "HH-024"):
        page = person.see(f"{HARVEST}/for?find={wanted}")
        assert page.count("?organisation=") == 1
        assert f'href="{HARVEST}?organisation=hh-024"' in page
    assert "?organisation=" not in person.see(f"{HARVEST}/for?find=nobody")
    assert person.see(f"{HARVEST}/for").count("?organisation=") == HOUSEHOLDS


def test_what_is_recorded_for_one_of_many_is_that_one_s_and_is_corrected_as_that_one_s(
    county: County, households: list[str]
) -> None:
    person = Person(county, "station")
    page = person.see(f"{HARVEST}?organisation={households[7]}")
    given = {
        "cycles": "c-7",
        "outputs.0.batch": "B-7",
        "outputs.0.product": PRODUCT,
        "outputs.0.quantity": "3",
        "outputs.0.unit": "kg",
    }
    answer = person.send(HARVEST, page, given)
    assert answer.status_code == 303
    assert (newest(county)["organisation"], newest(county)["site"]) == ("hh-007", "plot-7")
    event_id = newest(county)["id"]
    page = person.see(f"{HARVEST}?corrects={event_id}")
    assert "农户7号" in page
    answer = person.send(HARVEST, page, {"outputs.0.quantity": "4", "reason": "记错"})
    assert answer.status_code == 303
    assert newest(county)["organisation"] == "hh-007"


def test_who_records_for_few_sees_all_of_them_in_one_form(county: County, households: list[str]) -> None:
    for number in range(5, HOUSEHOLDS):
        gone = {"code": f"m-{number}", "to": "fg-station", "kinds": ["harvest"], "from": "2020-01-01"}
        county.record("mandate", households[number], details=gone | {"revoked": True})
    page = Person(county, "station").see(HARVEST)
    assert all(f">农户{number}号" in page for number in range(5))
    assert f'href="{HARVEST}/for"' not in page


def test_an_organisation_that_a_long_list_does_not_show_is_known_by_its_name(county: County) -> None:
    for number in range(205):
        shop = {"code": f"shop-{number:03}", "name": f"水果店{number}", "subject_type": "enterprise"}
        county.record("organisation", "operator", details=shop | {"roles": ["shop"]})
    county.harvest("B-1", "10", hours_ago=2)
    person, address = Person(county, "producer"), "/desk/record/shipping"
    page = person.see(address)
    assert "水果店204" not in page
    given = {
        "moves.0.batch": "B-1",
        "moves.0.quantity": "1",
        "moves.0.unit": "kg",
        "moves.0.to_organisation": "水果店204",
    }
    assert person.send(address, page, given).status_code == 303
    assert newest(county)["moves"] == [
        {"batch": "B-1", "quantity": "1", "to_organisation": "shop-204", "unit": "kg"}
    ]


def test_a_cycle_of_another_household_is_told_beside_its_field_by_its_name(
    county: County, households: list[str]
) -> None:
    person, before = Person(county, "station"), county.size
    form = f"{HARVEST}?organisation={households[7]}"
    given = {"cycles": "c-8", "outputs.0.product": PRODUCT, "outputs.0.quantity": "3", "outputs.0.unit": "kg"}
    answer = person.send(form, person.see(form), given)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 403
    told = page[page.index('id="cycles-problem1"') :].partition("</p>")[0]
    assert "8号地" in told
    assert "属于其他主体" in told
    assert '<a href="#cycles">' in page
    assert county.size == before
