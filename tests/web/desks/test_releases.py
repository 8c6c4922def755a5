from __future__ import annotations

import re

import pytest

from county import PRODUCT, County
from labelled import label, sample, state_result
from web.people import Person

RELEASES = "/desk/releases"


@pytest.fixture
def tested(county: County) -> County:
    county.harvest("H1")
    sample(county, "S1", "H1", purpose="supervised", who="regulator")
    state_result(county, "S1", "conforming", formal=True)
    return county


def test_a_regulator_sees_what_awaits_and_releases_it_with_one_tap(tested: County) -> None:
    code = label(tested, "H1", PRODUCT).trace_code
    regulator = Person(tested, "regulator")
    assert RELEASES in regulator.see("/desk")
    page = regulator.see(RELEASES)
    assert "克百威 0.005 mg/kg" in page
    assert "检测状态" in page
    assert "状态码" not in page
    before = tested.size
    answers = [regulator.send(RELEASES, page, {}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert tested.size == before + 1
    assert 'role="status"' in regulator.see(answers[0].headers["Location"])
    assert "没有待公布" in regulator.see(RELEASES)
    assert "克百威 0.005 mg/kg" in regulator.see(f"/t/{code}")


def test_what_was_released_leads_to_no_form_that_a_regulator_may_not_open(tested: County) -> None:
    regulator = Person(tested, "regulator")
    answer = regulator.send(RELEASES, regulator.see(RELEASES), {})
    led = set(re.findall(r'href="(/desk/record/[^"]+)"', regulator.see(answer.headers["Location"])))
    for address in led:
        regulator.see(address.replace("&amp;", "&"))
    assert not any("testing" in address for address in led)


@pytest.mark.parametrize("who", ["laboratory", "other_laboratory", "producer", "operator", "shop"])
def test_nobody_else_sees_or_releases_official_results(tested: County, who: str) -> None:
    form = Person(tested, "regulator").see(RELEASES)
    before = tested.size
    person = Person(tested, who)
    person.see(RELEASES, 403)
    assert RELEASES not in person.see("/desk")
    csrf = person.see("/desk").partition('name="csrf" value="')[2].partition('"')[0]
    assert person.send(RELEASES, form, {"csrf": csrf}).status_code == 403
    assert tested.size == before


@pytest.mark.parametrize(
    "given, status",
    [
        ({"step": "nonsense"}, 404),
        ({"step": "\0"}, 404),
        ({"id": "nonsense"}, 422),
        ({"id": ""}, 422),
        ({"at": "yesterday"}, 422),
        ({"at": "9999-12-31T23:59:59+08:00"}, 422),
        ({"csrf": "wrong"}, 403),
    ],
)
def test_a_forged_release_is_refused(tested: County, given: dict[str, str], status: int) -> None:
    regulator = Person(tested, "regulator")
    before = tested.size
    assert regulator.send(RELEASES, regulator.see(RELEASES), given).status_code == status
    assert tested.size == before
