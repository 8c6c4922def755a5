from __future__ import annotations

import io

import pytest
from flask import Flask, Response, jsonify
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heji_web.requests.bodies import read_json
from heji_web.service.service import Service

LIMIT = 262_144


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    @app.post("/api/v1/echo")
    def echo() -> Response:
        return jsonify(read=read_json())

    @app.post("/api/v1/big")
    def big() -> Response:
        return jsonify(size=len(str(read_json(LIMIT * 2))))

    return app.test_client()


def test_json_is_read_however_it_is_labelled(client: FlaskClient) -> None:
    for media_type in ("application/json", "text/plain", "application/x-www-form-urlencoded", ""):
        answer = client.post("/api/v1/echo", data='{"a":"é"}', content_type=media_type)
        assert answer.get_json() == {"read": {"a": "é"}}, media_type


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[" * 100_000,
        b'{"a":' * 40_000,
        b'{"a":1,"a":2}',
        b"NaN",
        b"[1.5]",
        b'"\\ud800"',
        b'"\\u0000"',
        b"\xff",
        b"\xef\xbb\xbf{}",
    ],
    ids=["empty", "cut", "brackets", "braces", "twice", "nan", "float", "surrogate", "nul", "utf8", "bom"],
)
def test_what_is_no_json_of_ours_is_a_problem_and_no_fault(client: FlaskClient, body: bytes) -> None:
    answer = client.post("/api/v1/echo", data=body)
    assert (answer.status_code, answer.get_json()["code"]) == (422, "invalid-event")
    for problem in answer.get_json()["problems"]:
        assert problem["zh"]
        assert problem["en"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200)
@given(st.binary(max_size=200))
def test_no_bytes_at_all_cause_a_fault(client: FlaskClient, body: bytes) -> None:
    assert client.post("/api/v1/echo", data=body).status_code in (200, 422)


def test_a_body_that_announces_too_much_is_refused_before_it_is_read(client: FlaskClient) -> None:
    unread = io.BytesIO(b'"short"')
    answer = client.post(
        "/api/v1/echo", input_stream=unread, environ_overrides={"CONTENT_LENGTH": str(LIMIT + 1)}
    )
    assert unread.tell() == 0
    assert (answer.status_code, answer.get_json()["code"]) == (413, "too-large")


def test_a_body_of_unannounced_length_is_stopped_at_the_limit(client: FlaskClient) -> None:
    chunked = {
        "wsgi.input_terminated": True,
        "HTTP_TRANSFER_ENCODING": "chunked",
        "CONTENT_LENGTH": None,
    }
    body = b'"' + b"a" * LIMIT + b'"'
    fitting = client.post("/api/v1/echo", input_stream=io.BytesIO(body[2:-1]), environ_overrides=chunked)
    assert fitting.status_code == 422
    answer = client.post("/api/v1/echo", input_stream=io.BytesIO(body), environ_overrides=chunked)
    assert answer.status_code == 413
    answer = client.post("/api/v1/big", input_stream=io.BytesIO(body), environ_overrides=chunked)
    assert answer.get_json() == {"size": LIMIT}


def test_a_route_may_have_a_limit_of_its_own(client: FlaskClient) -> None:
    body = b'"' + b"a" * LIMIT + b'"'
    assert client.post("/api/v1/echo", data=body).status_code == 413
    assert client.post("/api/v1/big", data=body).status_code == 200


def test_a_compressed_body_is_refused_by_name(client: FlaskClient) -> None:
    answer = client.post("/api/v1/echo", data=b"\x1f\x8b", headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 422
    assert "gzip" in answer.get_json()["problems"][0]["en"]


def test_the_limit_of_ordinary_requests_is_a_setting(service: Service) -> None:
    assert service.settings.body_limit == LIMIT
