from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from county import PEOPLE, County
from heji_trace.people.accounts import account_of
from heji_trace.people.passwords import LENGTHS
from heji_web.service.service import Service
from web.doors import PASSWORD, Browser, Now
from web.people import HTML, fields_of

PAGE = "/desk/password"
NEW = "a boat full of lychees"


People = Callable[..., FlaskClient]


@pytest.fixture
def people(county: County, app: Flask) -> People:
    """A further browser, at which this person has signed in."""

    def come(who: str, password: str = PASSWORD) -> FlaskClient:
        client = app.test_client()
        assert client.post("/sign-in", data={"name": who, "password": password}).status_code == 303
        return client

    return come


def change(client: FlaskClient, **given: str) -> TestResponse:
    """Send the form of the page: the right password and a good new one, where nothing else is given."""
    page = client.get(PAGE, headers=HTML).get_data(as_text=True)
    chosen = given.get("password", NEW)
    data = {**fields_of(page), "present": PASSWORD, "password": chosen, "repeat": chosen, **given}
    return client.post(PAGE, data=data, headers=HTML)


def told(answer: TestResponse, field: str) -> str:
    """What stands beside a field."""
    page = answer.get_data(as_text=True)
    _, found, rest = page.partition(f'id="{field}-problem">')
    return rest.partition("<")[0] if found else ""


def is_signed_in(client: FlaskClient) -> bool:
    return client.get("/desk", headers=HTML).status_code == 200


def can_enter(app: Flask, who: str, password: str) -> bool:
    answer = app.test_client().post("/sign-in", data={"name": who, "password": password})
    return answer.status_code == 303


@pytest.mark.parametrize("who", PEOPLE)
def test_people_of_every_role_change_their_own_password(people: People, app: Flask, who: str) -> None:
    client = people(who)
    assert f'href="{PAGE}"' in client.get("/desk", headers=HTML).get_data(as_text=True)
    answer = change(client)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{PAGE}?done=1")
    assert 'class="done"' in client.get(f"{PAGE}?done=1", headers=HTML).get_data(as_text=True)
    assert not can_enter(app, who, PASSWORD)
    assert can_enter(app, who, NEW)


def test_all_other_sessions_end_and_this_one_goes_on_with_another_secret(
    county: County, people: People
) -> None:
    here, there, colleague = people("producer"), people("producer"), people("packer")
    before = here.get_cookie("heji")
    assert change(here).status_code == 303
    after = here.get_cookie("heji")
    assert before is not None
    assert after is not None
    assert before.value != after.value
    assert is_signed_in(here)
    assert is_signed_in(colleague)
    assert not is_signed_in(there)
    here.set_cookie("heji", before.value)
    assert not is_signed_in(here)
    assert county.get("/api/v1/events", "producer").status_code == 200, "tokens stay"


def test_the_page_says_what_becomes_of_tokens_and_of_other_devices(
    people: People,
) -> None:
    client = people("shop")
    chinese = client.get(PAGE, headers=HTML).get_data(as_text=True)
    assert "令牌继续有效" in chinese
    assert "其他设备上的登录都会结束" in chinese
    english = client.get(f"{PAGE}?lang=en", headers=HTML).get_data(as_text=True)
    assert "tokens of programs stay valid" in english


@pytest.mark.parametrize(
    "given, beside",
    [
        ({"present": "not the password"}, {"present": "现用密码不正确"}),
        ({"present": ""}, {"present": "现用密码不正确"}),
        ({"password": "short"}, {"password": "10 至 200"}),
        ({"password": "1234567890"}, {"password": "许多人都在用"}),
        ({"password": "woaini1314"}, {"password": "许多人都在用"}),
        ({"password": "2026-11-27 2026"}, {"password": "容易被猜到"}),
        ({"password": "hejitong-2026"}, {"password": "名称"}),
        ({"password": PASSWORD}, {"password": "与现用密码相同"}),
        ({"repeat": "a boat full of lychee"}, {"repeat": "不一致"}),
        ({"present": "wrong", "password": "short"}, {"present": "现用密码不正确", "password": "10 至 200"}),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_nothing_changes(
    people: People, app: Flask, given: dict[str, str], beside: dict[str, str]
) -> None:
    client = people("producer")
    answer = change(client, **given)
    assert answer.status_code == 422
    for field in ("present", "password", "repeat"):
        assert (beside[field] in told(answer, field)) if field in beside else told(answer, field) == ""
    page = answer.get_data(as_text=True)
    assert page.count('aria-invalid="true"') == len(beside)
    assert NEW not in page, "no password is sent back"
    assert is_signed_in(client)
    assert can_enter(app, "producer", PASSWORD)


def test_the_names_of_the_own_account_and_organisation_are_refused(county: County, people: People) -> None:
    client = people("laboratory")
    for password in ("laboratory-2026", county.code("laboratory") + "-1"):
        assert "名称" in told(change(client, password=password), "password")


def test_what_is_refused_is_said_in_english_too(people: People) -> None:
    client = people("shop")
    page = client.get(f"{PAGE}?lang=en", headers=HTML).get_data(as_text=True)
    data = {**fields_of(page), "present": "wrong", "password": NEW, "repeat": NEW}
    answer = client.post(f"{PAGE}?lang=en", data=data, headers=HTML)
    assert told(answer, "present") == "The present password is not right."


def test_guessing_the_present_password_is_slowed_as_at_the_sign_in(
    county: County, people: People, app: Flask
) -> None:
    client = people("producer")
    for _ in range(10):
        assert change(client, present="a wrong guess").status_code == 422
    answer = change(client)
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "900"
    assert 'role="alert"' in answer.get_data(as_text=True)
    assert not can_enter(app, "producer", PASSWORD)
    county.now.seconds += 901
    assert change(client).status_code == 303


def test_a_stranger_is_led_to_the_sign_in(client: FlaskClient) -> None:
    answer = client.get(PAGE, headers=HTML)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/sign-in?next={PAGE}")
    sent = {"name": "producer", "present": PASSWORD, "password": NEW, "repeat": NEW}
    assert client.post(PAGE, data=sent).status_code == 401
    answer = client.post(PAGE, data=sent, headers=HTML)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/sign-in?next={PAGE}")


def test_nobody_changes_the_password_of_another(county: County, people: People, app: Flask) -> None:
    operator = people("operator")
    for field in ("name", "account", "user", "username"):
        change(operator, **{field: "producer", "present": PASSWORD, "password": f"{NEW} {field}"})
        assert can_enter(app, "producer", PASSWORD)
        with county.service.store.write() as connection:
            hashed = account_of(connection, "operator").password_hash
        assert county.service.passwords.is_right(hashed, f"{NEW} {field}")
        operator = people("operator", f"{NEW} {field}")
        assert change(operator, present=f"{NEW} {field}", password=PASSWORD).status_code == 303


def test_a_token_of_a_program_changes_no_password(county: County, app: Flask) -> None:
    sent = {"present": PASSWORD, "password": NEW, "repeat": NEW}
    answer = app.test_client().post(PAGE, data=sent, headers=county.headers("producer"))
    assert answer.status_code == 401
    assert can_enter(app, "producer", PASSWORD)


@pytest.mark.parametrize("token", ["", "wrong", "another's"])
def test_a_form_without_the_token_of_the_session_changes_no_password(
    people: People, app: Flask, token: str
) -> None:
    client = people("producer")
    if token == "another's":
        token = fields_of(people("packer").get(PAGE, headers=HTML).get_data(as_text=True))["csrf"][0]
    assert change(client, csrf=token).status_code == 403
    assert can_enter(app, "producer", PASSWORD)


def test_a_form_that_was_open_before_the_change_is_stale_and_comes_back_filled(
    people: People,
) -> None:
    client = people("producer")
    before = fields_of(client.get("/desk/record/harvest", headers=HTML).get_data(as_text=True))
    change(client)
    answer = client.post("/desk/record/harvest", data=before, headers=HTML)
    assert answer.status_code == 403
    assert 'name="again"' in answer.get_data(as_text=True)


def test_no_password_is_carried_through_a_sign_in(county: County, people: People) -> None:
    client = people("producer")
    page = client.get(PAGE, headers=HTML).get_data(as_text=True)
    county.now.seconds += 13 * 3600
    data = {**fields_of(page), "present": PASSWORD, "password": NEW, "repeat": NEW}
    answer = client.post(PAGE, data=data, headers=HTML, follow_redirects=True)
    assert answer.request.path == "/sign-in"
    assert NEW not in answer.get_data(as_text=True)
    assert PASSWORD not in answer.get_data(as_text=True)


def test_the_fields_hide_take_pasting_and_help_managers(people: People) -> None:
    page = people("shop").get(PAGE, headers=HTML).get_data(as_text=True)
    for name, kind in (("present", "current"), ("password", "new"), ("repeat", "new")):
        field = page[page.index(f'<input id="{name}"') :].partition(">")[0]
        assert 'type="password"' in field
        assert f'autocomplete="{kind}-password"' in field
        assert "maxlength" not in field, "a browser would cut what is pasted, and nobody would see it"
    assert "onpaste" not in page


HOSTILE = st.one_of(
    st.text(max_size=LENGTHS[-1] + 20),
    st.binary(max_size=60).map(lambda raw: raw.decode("latin-1")),
    st.sampled_from(
        ["\0", "\ufeff" * 12, "<script>alert(1)</script>", "' OR '1'='1", "%s%n{0}", "９" * 2_000]
    ),
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(present=HOSTILE, password=HOSTILE, repeat=st.one_of(st.none(), HOSTILE))
def test_hostile_text_is_refused_and_never_a_fault(
    browser: Browser, now: Now, service: Service, present: str, password: str, repeat: str | None
) -> None:
    now.seconds += 901
    if not is_signed_in(browser.client):
        browser.sign_in()
    data = {"csrf": browser.csrf, "present": present, "password": password, "repeat": repeat or password}
    answer = browser.client.post(PAGE, data=data, headers=HTML)
    assert answer.status_code == 422
    assert "<script>" not in answer.get_data(as_text=True).replace("<script src", "")
