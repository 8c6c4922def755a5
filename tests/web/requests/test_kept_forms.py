from __future__ import annotations

import re

import pytest
from werkzeug.test import TestResponse

from county import CYCLE, PRODUCT, County
from web.doors import PASSWORD
from web.people import HTML, Person, fields_of

HARVEST = "/desk/record/harvest"
TYPED = {
    "cycles": CYCLE,
    "outputs.0.batch": "LATE-1",
    "outputs.0.product": PRODUCT,
    "outputs.0.quantity": "12.5",
    "outputs.0.unit": "kg",
    "note": '"><script>alert(1)</script>',
}


@pytest.fixture
def late(county: County) -> TestResponse:
    """What somebody is answered who sends a form after the session has ended."""
    producer = Person(county, "producer")
    page = producer.see(HARVEST)
    county.now.seconds += 13 * 3600
    return producer.send(HARVEST, page, TYPED)


def sign_in_again(county: County, late: TestResponse, password: str = PASSWORD, **given: str) -> TestResponse:
    data = fields_of(late.get_data(as_text=True)) | {"name": "producer", "password": password} | given
    return county.client.post("/sign-in", data=data, headers=HTML)


def test_what_was_typed_is_carried_through_the_sign_in_and_recorded_only_when_sent_again(
    county: County, late: TestResponse
) -> None:
    before = county.size
    assert late.status_code == 401
    assert "已保留" in late.get_data(as_text=True)
    wrong = sign_in_again(county, late, "wrong")
    assert wrong.status_code == 401
    bridge = sign_in_again(county, wrong).get_data(as_text=True)
    assert "<script>alert" not in bridge
    fields = fields_of(bridge)
    shown = county.client.post(HARVEST, data={**fields, "again": "1"}, headers=HTML).get_data(as_text=True)
    assert county.size == before
    assert 'value="12.5"' in shown
    assert 'value="LATE-1"' in shown
    assert "<script>alert" not in shown
    answer = county.client.post(HARVEST, data=fields_of(shown), headers=HTML)
    assert (answer.status_code, county.size) == (303, before + 1)


def test_a_form_with_the_token_of_an_older_session_comes_back_filled(county: County) -> None:
    producer = Person(county, "producer")
    page = producer.see(HARVEST)
    producer = Person(county, "producer")
    before = county.size
    answer = producer.send(HARVEST, page, TYPED)
    assert answer.status_code == 403
    shown = producer.send(HARVEST, answer.get_data(as_text=True), {"again": "1"})
    assert 'value="LATE-1"' in shown.get_data(as_text=True)
    assert county.size == before


def test_a_form_sent_after_signing_out_is_carried_too(county: County) -> None:
    producer = Person(county, "producer")
    page = producer.see(HARVEST)
    producer.send("/sign-out", page, {})
    data = {**fields_of(page), **TYPED}
    answer = county.client.post(HARVEST, data=data, headers={**HTML, "Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 401
    told = answer.get_data(as_text=True)
    assert "令牌" not in told
    bridge = sign_in_again(county, answer).get_data(as_text=True)
    assert fields_of(bridge)["outputs.0.batch"] == ["LATE-1"]


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_another_site_sends_is_not_carried(county: County, site: str) -> None:
    Person(county, "producer")
    answer = county.client.post(HARVEST, data=TYPED, headers={**HTML, "Sec-Fetch-Site": site})
    assert answer.status_code == 403
    assert "LATE-1" not in answer.get_data(as_text=True)


def test_what_a_stranger_without_a_session_sends_is_not_carried(county: County) -> None:
    answer = county.client.post(HARVEST, data=TYPED, headers=HTML)
    assert answer.status_code == 401
    assert "LATE-1" not in answer.get_data(as_text=True)


def test_the_form_goes_back_to_this_service_alone(county: County, late: TestResponse) -> None:
    bridge = sign_in_again(county, late, next="https://elsewhere.example/").get_data(as_text=True)
    assert re.findall(r'<form method="post" action="([^"]+)"', bridge) == ["/desk"]


def test_kept_nonsense_is_borne(county: County, late: TestResponse) -> None:
    for kept in ("%ff%00=\x01", "a&" * 30_000, "=" * 100):
        answer = sign_in_again(county, late, kept=kept)
        assert answer.status_code == 200


@pytest.mark.parametrize(
    "address, typed",
    [("/desk/labels", {"copies": "77"}), ("/desk/batches/B1/recall", {"reason": "标签错误"})],
)
def test_the_other_forms_come_back_filled_too(county: County, address: str, typed: dict[str, str]) -> None:
    county.harvest("B1")
    producer = Person(county, "producer")
    page = producer.see(address)
    producer = Person(county, "producer")
    before = county.size
    bridge = producer.send(address, page, typed).get_data(as_text=True)
    shown = producer.send(address, bridge, {"again": "1"})
    assert shown.status_code == 200
    assert f'value="{next(iter(typed.values()))}"' in shown.get_data(as_text=True)
    assert county.size == before
