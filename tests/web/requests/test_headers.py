from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from heji_web.requests.headers import POLICY
from web.doors import Browser

EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}


@pytest.mark.parametrize(
    "path", ["/sign-in", "/healthz", "/nowhere", "/static/heji.css", "/api/v1/nowhere", "/"]
)
def test_every_answer_carries_the_security_headers(client: FlaskClient, path: str) -> None:
    with client.get(path) as answer:
        headers = answer.headers
    for name, value in EVERYWHERE.items():
        assert headers[name] == value
    policy = headers["Content-Security-Policy"]
    for rule in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"):
        assert rule in policy
    assert "unsafe" not in policy
    assert len(headers["X-Request-Id"]) == 16


def test_a_fault_of_ours_carries_them_too(app: Flask) -> None:
    @app.get("/broken")
    def broken() -> str:
        raise RuntimeError

    assert app.test_client().get("/broken").headers["Content-Security-Policy"] == POLICY


def test_only_the_desks_may_run_scripts(browser: Browser) -> None:
    assert "script-src" not in POLICY
    browser.sign_in()
    assert "script-src 'self'" in browser.client.get("/desk").headers["Content-Security-Policy"]
    assert "script-src" not in browser.client.get("/healthz").headers["Content-Security-Policy"]


def test_over_plain_http_nothing_is_promised_about_tls(client: FlaskClient) -> None:
    assert "Strict-Transport-Security" not in client.get("/healthz").headers


def test_the_sender_s_request_id_is_not_believed(client: FlaskClient) -> None:
    answer = client.get("/healthz", headers={"X-Request-Id": "forged"})
    assert answer.headers["X-Request-Id"] != "forged"


def test_no_page_is_kept_by_a_cache_but_styles_are(client: FlaskClient) -> None:
    assert client.get("/sign-in").headers["Cache-Control"] == "no-store"
    with client.get("/static/heji.css") as style:
        assert "max-age=3600" in style.headers["Cache-Control"]


def test_pages_vary_with_the_language(client: FlaskClient) -> None:
    assert "Accept-Language" in client.get("/sign-in", headers={"Accept": "text/html"}).headers["Vary"]


def test_no_page_holds_a_script_or_style_of_its_own(browser: Browser) -> None:
    browser.sign_in()
    for path in ("/sign-in", "/desk", "/nowhere"):
        page = browser.client.get(path, headers={"Accept": "text/html"}).get_data(as_text=True)
        for inline in ("<script>", "<style", "style=", "onclick", "javascript:"):
            assert inline not in page
