from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask, Response, jsonify, request
from flask.testing import FlaskClient

from county import County
from heji_trace.people.accounts import close_account
from heji_trace.people.sessions import list_tokens, revoke_token
from heji_web.requests.access import author_of, check_role
from heji_web.service.service import Service
from web.doors import Browser, account_with
from web.people import Person

Headers = Callable[..., dict[str, str]]


@pytest.fixture
def app(app: Flask) -> Flask:
    @app.route("/api/v1/me", methods=["GET", "POST"])
    def me() -> Response:
        author = author_of(request)
        return jsonify(organisation=author.organisation, roles=sorted(author.roles))

    @app.get("/api/v1/regulated")
    def regulated() -> Response:
        check_role(author_of(request), "regulator", "operator")
        return jsonify(ok=True)

    return app


def test_a_program_speaks_with_its_token(client: FlaskClient, token: Headers) -> None:
    answer = client.post("/api/v1/me", headers=token("laboratory", "fg-lab"))
    assert answer.get_json() == {"organisation": "fg-lab", "roles": ["laboratory"]}


@pytest.mark.parametrize(
    "header, code",
    [
        ("Bearer wrong", "wrong-token"),
        ("Bearer heji_" + "a" * 100_000, "wrong-token"),
        ("Bearer ", "bad-authorization"),
        ("Basic dTpw", "bad-authorization"),
        ("", "bad-authorization"),
        ("Bearer \udcff", "wrong-token"),
    ],
)
def test_a_wrong_token_is_a_problem(client: FlaskClient, header: str, code: str) -> None:
    overrides = {"HTTP_AUTHORIZATION": header.encode("utf-8", "surrogateescape").decode("latin-1")}
    answer = client.get("/api/v1/me", environ_overrides=overrides)
    assert (answer.status_code, answer.get_json()["code"]) == (401, code)
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_who_brings_neither_is_asked_to_sign_in(client: FlaskClient) -> None:
    answer = client.get("/api/v1/me")
    assert (answer.status_code, answer.get_json()["code"]) == (401, "not-signed-in")


def test_a_wrong_token_is_not_made_good_by_a_cookie(browser: Browser) -> None:
    browser.sign_in()
    assert browser.client.get("/api/v1/me").status_code == 200
    assert browser.client.get("/api/v1/me", headers={"Authorization": "Bearer x"}).status_code == 401


def test_a_page_s_script_changes_things_only_with_the_token_of_the_session(browser: Browser) -> None:
    browser.sign_in()
    assert browser.client.post("/api/v1/me", json={}).status_code == 403
    answer = browser.client.post("/api/v1/me", json={}, headers={"X-CSRF-Token": browser.csrf})
    assert answer.status_code == 200


def test_a_revoked_token_and_a_closed_account_speak_no_more(
    client: FlaskClient, token: Headers, service: Service
) -> None:
    first, second = token("shop", "fg-a"), token("shop", "fg-b")
    account = account_with(service, "shop", "fg-a")
    with service.store.write() as connection:
        (issued,) = list_tokens(connection, account)
        revoke_token(connection, account, issued.token_name, service.clock.now_ms())
        close_account(connection, "shop@fg-b", service.clock.now_ms())
    assert client.get("/api/v1/me", headers=first).status_code == 401
    assert client.get("/api/v1/me", headers=second).status_code == 401


def test_a_closed_account_s_session_is_over(browser: Browser, service: Service) -> None:
    browser.sign_in("shop", "fg-a")
    with service.store.write() as connection:
        close_account(connection, "shop@fg-a", service.clock.now_ms())
    answer = browser.client.get("/api/v1/me")
    assert (answer.status_code, answer.get_json()["code"]) == (401, "session-over")


def test_a_role_is_asked_for_where_it_matters(client: FlaskClient, token: Headers) -> None:
    assert client.get("/api/v1/regulated", headers=token("regulator", "fg-bureau")).status_code == 200
    assert client.get("/api/v1/regulated", headers=token("shop", "fg-shop")).status_code == 403


def test_a_session_and_a_token_lose_what_their_organisation_has_lost(county: County) -> None:
    county.harvest("B1")
    person = Person(county, "regulator")
    person.see("/desk/batches/B1")
    assert county.get("/api/v1/batches/B1", "regulator").status_code == 200
    details = {"code": county.code("regulator"), "name": "x", "subject_type": "authority", "roles": ["shop"]}
    county.record("organisation", "operator", details=details)
    county.now.seconds += 2
    person.see("/desk/batches/B1", 404)
    person.see("/desk/releases", 403)
    assert county.get("/api/v1/batches/B1", "regulator").status_code == 404
