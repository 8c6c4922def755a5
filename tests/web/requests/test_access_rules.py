"""Single rules of access that hold on every route, as docs/security.md names them."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from county import County
from heji_trace.people.sessions import ATTEMPTS_PER_SOURCE
from heji_trace.store import tables
from heji_web.app import create_app
from heji_web.service.founding import found_log
from heji_web.service.service import Service, open_service
from heji_web.service.settings import read_settings
from web.doors import CHEAP, PASSWORD, Browser, Now, account_with
from web.people import HTML

OPEN = ("/sign-in", "/t", "/healthz", "/log/checkpoint", "/log/key", "/api/docs", "/api/openapi.json")
CLOSED = ("/desk", "/desk/events", "/api/v1/events", "/nowhere", "/t/nothing", "/static/nothing.css")


@pytest.fixture
def browser(client: FlaskClient, service: Service) -> Browser:
    return Browser(client, service)


def rules(app: Flask, method: str = "GET") -> list[str]:
    """Addresses of all routes that need no name of a thing."""
    return sorted(
        rule.rule
        for rule in app.url_map.iter_rules()
        if method in (rule.methods or ()) and not rule.arguments
    )


def test_over_https_every_answer_promises_tls_for_two_years(tmp_path: Path) -> None:
    settings = read_settings({"HEJI_DATA": str(tmp_path), "HEJI_BASE_URL": "https://trace.example"})
    found_log(settings, "log.heji.example", os.urandom)
    client = create_app(open_service(settings, passwords=CHEAP)).test_client()
    for path in (*OPEN, *CLOSED):
        answer = client.get(path, base_url="https://trace.example")
        assert answer.headers["Strict-Transport-Security"] == "max-age=63072000", path


@pytest.mark.parametrize("origin", ["null", "https://evil.example", "http://localhost"])
def test_no_answer_permits_another_origin(app: Flask, origin: str) -> None:
    client = app.test_client()
    for path in (*rules(app), *CLOSED):
        headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        for answer in (client.get(path, headers=headers), client.options(path, headers=headers)):
            named = {name for name, _ in answer.headers if name.lower().startswith("access-control")}
            assert named == set(), path


def test_asking_changes_nothing_in_the_ledger(county: County, app: Flask) -> None:
    county.harvest("A1")
    size, client = county.size, app.test_client()
    assert client.post("/sign-in", data={"name": "operator", "password": PASSWORD}).status_code == 303
    for path in rules(app):
        for method in ("GET", "HEAD", "OPTIONS"):
            assert client.open(path, method=method, headers=HTML).status_code < 500, path
        county.get(path, "operator")
    assert county.size == size


def test_every_text_says_its_charset(county: County, app: Flask) -> None:
    client = app.test_client()
    for path in (*rules(app), *CLOSED):
        for answer in (client.get(path), client.get(path, headers=HTML), county.get(path, "operator")):
            kind = answer.headers.get("Content-Type", "")
            if kind.startswith("text/"):
                assert "charset=utf-8" in kind.lower(), path


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/..%2fapp.py",
        "/static/%2e%2e/%2e%2e/settings.py",
        "/static//etc/passwd",
        "/static/..\\app.py",
        "/static/.git/config",
        "/.git/config",
        "/.env",
        "/log/tile/../../signing.key",
        "/t/..%2f..%2fsigning.key",
    ],
)
def test_no_path_leads_out_of_the_static_folder(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code in (308, 404)
    if answer.status_code == 308:
        assert client.get(path, follow_redirects=True).status_code == 404


def test_the_password_field_hides_takes_pasting_and_helps_managers(client: FlaskClient) -> None:
    page = client.get("/sign-in", headers=HTML).get_data(as_text=True)
    field = page[page.index('<input id="password"') :].partition(">")[0]
    assert 'type="password"' in field
    assert 'autocomplete="current-password"' in field
    assert "onpaste" not in page
    assert 'maxlength="200"' in field


@pytest.mark.parametrize(
    "wrong", [PASSWORD.upper(), PASSWORD + " ", " " + PASSWORD, PASSWORD[:-1], PASSWORD + "x"]
)
def test_a_password_is_neither_cut_nor_folded(browser: Browser, wrong: str) -> None:
    name = account_with(browser.service, "shop", "fg-shop").name
    assert browser.client.post("/sign-in", data={"name": name, "password": wrong}).status_code == 401
    assert browser.client.post("/sign-in", data={"name": name, "password": PASSWORD}).status_code == 303


def test_a_new_log_has_no_account_but_the_one_that_was_asked_for(service: Service) -> None:
    with service.store.read() as connection:
        assert connection.execute(select(tables.accounts)).all() == []
    client = create_app(service).test_client()
    for name in ("admin", "root", "operator", "heji"):
        for password in ("", name, "admin", "password", "heji"):
            assert client.post("/sign-in", data={"name": name, "password": password}).status_code in (
                401,
                429,
            )


def cookie_of(answer: TestResponse) -> str:
    return answer.headers["Set-Cookie"].partition("=")[2].partition(";")[0]


def test_a_session_s_secret_has_256_random_bits(browser: Browser) -> None:
    name = account_with(browser.service, "shop", "fg-shop").name
    secrets = set()
    for _ in range(5):
        answer = browser.client.post("/sign-in", data={"name": name, "password": PASSWORD})
        # 43 characters of base 64 are 32 bytes.
        assert len(cookie_of(answer)) >= 43
        secrets.add(cookie_of(answer))
    assert len(secrets) == 5


def test_a_cookie_that_somebody_else_planted_is_not_taken_over_at_sign_in(browser: Browser) -> None:
    planted = "A" * 43
    browser.client.set_cookie("heji", planted)
    name = account_with(browser.service, "shop", "fg-shop").name
    answer = browser.client.post("/sign-in", data={"name": name, "password": PASSWORD})
    assert cookie_of(answer) != planted
    other = create_app(browser.service).test_client()
    other.set_cookie("heji", planted)
    assert other.get("/desk", headers=HTML).status_code == 303


@pytest.mark.parametrize("query", ["token", "access_token", "authorization", "heji", "csrf"])
def test_a_token_in_the_address_opens_nothing(county: County, query: str) -> None:
    assert county.client.get(f"/api/v1/events?{query}={county.tokens['operator']}").status_code == 401


def test_signing_out_tells_the_browser_to_forget(browser: Browser) -> None:
    browser.sign_in("shop", "fg-shop")
    answer = browser.client.post("/sign-out", data={"csrf": browser.csrf})
    assert answer.status_code == 303
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert "Max-Age=0" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize(
    "header",
    [
        {"X-Forwarded-Host": "evil.example"},
        {"X-Forwarded-Proto": "https"},
        {"X-Forwarded-Prefix": "/evil"},
        {"Forwarded": "host=evil.example;proto=https"},
        {"X-Original-URL": "/desk"},
        {"X-Rewrite-URL": "/desk"},
        {"X-HTTP-Method-Override": "POST"},
        {"X-Forwarded-Server": "evil.example"},
    ],
)
def test_headers_of_a_stranger_move_neither_host_nor_source(
    client: FlaskClient, header: dict[str, str]
) -> None:
    plain, moved = client.get("/sign-in", headers=HTML), client.get("/sign-in", headers={**HTML, **header})
    assert moved.status_code == plain.status_code
    assert moved.get_data() == plain.get_data()
    for path in ("/", "/desk"):
        answer = client.get(path, headers={**HTML, **header})
        assert answer.headers["Location"].startswith("/")
        assert "evil" not in str(answer.headers)


def test_a_stranger_s_word_about_his_address_gives_him_no_further_guesses(
    client: FlaskClient, now: Now
) -> None:
    for number in range(ATTEMPTS_PER_SOURCE):
        headers = {"X-Forwarded-For": f"203.0.113.{number}", "X-Real-IP": f"203.0.113.{number}"}
        answer = client.post("/sign-in", data={"name": f"nobody-{number}", "password": "x"}, headers=headers)
        assert answer.status_code == 401
    answer = client.post("/sign-in", data={"name": "one-more", "password": "x"}, headers={"X-Real-IP": "::9"})
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0


def test_behind_a_trusted_proxy_the_source_is_who_the_proxy_saw_and_not_who_the_stranger_claims(
    service: Service,
) -> None:
    behind = replace(service, settings=replace(service.settings, proxies=1))
    client = create_app(behind).test_client()

    def guess(name: str, seen: str, claimed: str) -> int:
        headers = {"X-Forwarded-For": f"{claimed}, {seen}", "X-Forwarded-Host": "evil.example"}
        return client.post("/sign-in", data={"name": name, "password": "x"}, headers=headers).status_code

    for number in range(ATTEMPTS_PER_SOURCE):
        assert guess(f"nobody-{number}", "203.0.113.1", f"198.51.100.{number}") == 401
    assert guess("one-more", "203.0.113.1", "198.51.100.250") == 429
    assert guess("one-more", "203.0.113.2", "203.0.113.1") == 401
