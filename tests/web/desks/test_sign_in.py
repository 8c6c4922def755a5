from __future__ import annotations

from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from heji_web.app import create_app
from heji_web.service.service import Service, open_service
from heji_web.service.settings import read_settings
from web.doors import PASSWORD, Browser, Now, account_with

HTML = {"Accept": "text/html"}


def enter(client: FlaskClient, name: str, password: str, **form: str) -> tuple[int, str]:
    answer = client.post("/sign-in", data={"name": name, "password": password, **form}, headers=HTML)
    return answer.status_code, answer.headers.get("Location", answer.get_data(as_text=True))


def test_a_person_signs_in_and_stands_at_the_desk(browser: Browser) -> None:
    browser.sign_in("producer")
    page = browser.client.get("/desk", headers=HTML)
    assert page.status_code == 200
    assert "producer@fg-litchi-coop" in page.get_data(as_text=True)


def test_a_stranger_who_opens_the_desk_is_led_to_the_sign_in_and_back(browser: Browser) -> None:
    answer = browser.client.get("/desk?lang=en", headers=HTML)
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/sign-in?next=/desk?lang%3Den&lang=en"
    page = browser.client.get(answer.headers["Location"], headers=HTML).get_data(as_text=True)
    assert 'name="next" value="/desk?lang=en"' in page


def test_a_wrong_name_and_a_wrong_password_get_the_same_answer(client: FlaskClient, service: Service) -> None:
    name = account_with(service, "shop", "fg-shop").name
    wrong_password = enter(client, name, "not the password")
    wrong_name = enter(client, "nobody", "not the password")
    assert wrong_password[0] == wrong_name[0] == 401
    assert wrong_password[1].replace(name, "nobody") == wrong_name[1]


def test_the_refused_page_says_so_in_the_reader_s_language(client: FlaskClient) -> None:
    assert "账号或密码不正确" in enter(client, "nobody", "x")[1]
    answer = client.post("/sign-in?lang=en", data={"name": "a", "password": "b"}, headers=HTML)
    assert "is not right" in answer.get_data(as_text=True)


@pytest.mark.parametrize(
    "wanted", ["//evil.example", "https://evil.example", "/\\evil.example", "/\t/evil.example", "evil", ""]
)
def test_signing_in_leads_to_no_foreign_address(browser: Browser, wanted: str) -> None:
    name = account_with(browser.service, "shop", "fg-shop").name
    assert enter(browser.client, name, PASSWORD, next=wanted) == (303, "/desk")


def test_signing_in_goes_on_to_the_page_that_was_asked_for(browser: Browser) -> None:
    name = account_with(browser.service, "shop", "fg-shop").name
    assert enter(browser.client, name, PASSWORD, next="/desk/upload?x=1") == (303, "/desk/upload?x=1")


def test_a_form_sent_by_another_site_signs_nobody_in(browser: Browser) -> None:
    name = account_with(browser.service, "shop", "fg-shop").name
    form = {"name": name, "password": PASSWORD}
    answer = browser.client.post("/sign-in", data=form, headers={"Sec-Fetch-Site": "cross-site"})
    assert (answer.status_code, answer.get_json()["code"]) == (403, "stale-form")


def test_the_database_holds_no_secret_of_a_session(browser: Browser, service: Service) -> None:
    browser.sign_in()
    cookie = browser.client.get_cookie("heji")
    assert cookie is not None
    with service.store.read() as connection:
        rows = connection.execute(text("SELECT * FROM sessions")).all()
    assert cookie.value not in str(rows)


def test_signing_in_again_ends_the_session_before(browser: Browser) -> None:
    browser.sign_in()
    first = browser.client.get_cookie("heji")
    browser.sign_in()
    second = browser.client.get_cookie("heji")
    assert first is not None
    assert second is not None
    assert first.value != second.value
    browser.client.set_cookie("heji", first.value)
    assert browser.client.get("/desk", headers=HTML).status_code == 303


def test_signing_out_ends_the_session_in_the_database(browser: Browser, service: Service) -> None:
    browser.sign_in()
    answer = browser.client.post("/sign-out", data={"csrf": browser.csrf})
    assert answer.status_code == 303
    assert browser.client.get_cookie("heji") is None
    with service.store.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM sessions")).scalar() == 0


@pytest.mark.parametrize("csrf", ["", "wrong", "错误"])
def test_a_form_without_the_token_of_the_session_changes_nothing(browser: Browser, csrf: str) -> None:
    browser.sign_in()
    answer = browser.client.post("/sign-out", data={"csrf": csrf})
    assert (answer.status_code, answer.get_json()["code"]) == (403, "stale-form")
    assert browser.client.get("/desk", headers=HTML).status_code == 200


def test_a_session_ends_after_twelve_idle_hours(browser: Browser, now: Now) -> None:
    browser.sign_in()
    now.seconds += 12 * 3600 - 1
    assert browser.client.get("/desk", headers=HTML).status_code == 200
    now.seconds += 12 * 3600 + 1
    assert browser.client.get("/desk", headers=HTML).status_code == 303


def test_a_session_ends_after_seven_days_however_busy(browser: Browser, now: Now) -> None:
    browser.sign_in()
    for _ in range(7 * 24 // 6):
        now.seconds += 6 * 3600
        assert browser.client.get("/desk", headers=HTML).status_code == 200
    now.seconds += 1
    assert browser.client.get("/desk", headers=HTML).status_code == 303


def test_guessing_is_slowed_for_one_account_and_forgiven_by_time(browser: Browser, now: Now) -> None:
    name = account_with(browser.service, "shop", "fg-shop").name
    for _ in range(10):
        assert enter(browser.client, name, "a wrong guess")[0] == 401
    answer = browser.client.post("/sign-in", data={"name": name, "password": PASSWORD}, headers=HTML)
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "900"
    now.seconds += 901
    assert enter(browser.client, name, PASSWORD)[0] == 303


def test_the_cookie_is_kept_from_scripts_and_other_sites(browser: Browser) -> None:
    name = account_with(browser.service, "shop", "fg-shop").name
    answer = browser.client.post("/sign-in", data={"name": name, "password": PASSWORD})
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("heji=")
    assert cookie.split("; ", 1)[1] == "HttpOnly; Path=/; SameSite=Lax"


def test_over_https_the_cookie_is_bound_to_the_host(service: Service, tmp_path: Path) -> None:
    settings = read_settings({"HEJI_DATA": str(tmp_path), "HEJI_BASE_URL": "https://heji.example"})
    secure = open_service(settings, service.clock, passwords=service.passwords)
    name = account_with(secure, "shop", "fg-shop").name
    client = create_app(secure).test_client()
    answer = client.post(
        "/sign-in", data={"name": name, "password": PASSWORD}, base_url="https://heji.example"
    )
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-heji=")
    assert "; Secure;" in cookie
    assert answer.headers["Strict-Transport-Security"] == "max-age=63072000"
    secure.close()
