from __future__ import annotations

import inspect
import json
import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import pytest
from flask import Flask

from county import County
from heji_trace import errors, sentences
from heji_trace.errors import BulkRefused, InvalidEvent, NeedsAcknowledgement, Problem, Question, TooMany
from heji_web.requests.problems import STATUS, answer_error, dump_problem, problem_of, status_of
from heji_web.service.service import Service
from web.people import HTML, Person


def leaves(kind: type[errors.HejiError] = errors.HejiError) -> Iterator[type[errors.HejiError]]:
    below = [each for each in kind.__subclasses__() if each.__module__ == errors.__name__]
    for each in below:
        yield from leaves(each)
    if not below:
        yield kind


def example(kind: type[errors.HejiError]) -> errors.HejiError:
    """An error of this class, made with the least that its constructor asks for."""
    given: dict[str, Any] = {
        "problems": [Problem("/site", "unknown")],
        "rows": [],
        "questions": [],
        "seq": 3,
        "retry_after": 60,
    }
    needed = [name for name in inspect.signature(kind).parameters if name in given]
    return kind(*(given[name] for name in needed), **({"size": "9 B"} if kind is errors.TooLarge else {}))


@pytest.mark.parametrize("kind", list(leaves()), ids=lambda kind: kind.__name__)
def test_each_leaf_of_the_errors_has_its_row(kind: type[errors.HejiError], app: Flask) -> None:
    assert kind in STATUS
    with app.test_request_context("/api/v1/events"):
        answer = answer_error(example(kind))
    assert answer.status_code == STATUS[kind]
    assert answer.mimetype == "application/problem+json"


def test_an_error_below_a_leaf_is_answered_like_it() -> None:
    class Particular(errors.Conflict):
        pass

    assert status_of(Particular()) == 409
    assert status_of(errors.HejiError()) == 500


def test_a_problem_says_everything_in_both_languages(app: Flask) -> None:
    error = InvalidEvent([Problem("/site", "unknown-role", {"role": "x"}, line=7, column="角色")])
    with app.test_request_context("/api/v1/events", headers={"Accept-Language": "en"}):
        document = dump_problem(problem_of(error))
    assert document["type"] == "http://127.0.0.1:8080/api/docs#invalid-event"
    assert document["title"] == "Unprocessable Entity"
    assert (document["status"], document["code"]) == (422, "invalid-event")
    assert document["detail"] == document["detail_en"] != document["detail_zh"]
    assert document["problems"] == [
        {
            "pointer": "/site",
            "code": "unknown-role",
            "zh": "没有“x”这一角色。",
            "en": "There is no role “x”.",
            "line": 7,
            "column": "角色",
        }
    ]
    assert "questions" not in document


def test_questions_come_with_the_codes_to_acknowledge(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {"ask-X": {"zh": "超出 {n}，确认吗？", "en": "Over by {n}: is it so?"}}
    known = {**sentences.catalogue(), **asked}
    monkeypatch.setattr(sentences, "catalogue", lambda: known)
    with app.test_request_context("/api/v1/events"):
        document = dump_problem(problem_of(NeedsAcknowledgement([Question("X", {"n": 3})])))
    assert document["questions"] == [{"code": "X", "zh": "超出 3，确认吗？", "en": "Over by 3: is it so?"}]


def test_an_import_s_rows_are_named_by_their_place(app: Flask) -> None:
    refused = BulkRefused(
        [
            (2, InvalidEvent([Problem("/site", "unknown-role", {"role": "x"}), Problem("", "bad-request")])),
            (5, errors.NotAllowed()),
        ]
    )
    with app.test_request_context("/api/v1/events/bulk"):
        document = dump_problem(problem_of(refused))
    assert document["status"] == 422
    found = [(problem["pointer"], problem["code"]) for problem in document["problems"]]
    assert found == [("/2/site", "unknown-role"), ("/2", "bad-request"), ("/5", "not-allowed")]


def test_who_must_wait_is_told_how_long(app: Flask) -> None:
    with app.test_request_context("/api/v1/events"):
        assert answer_error(TooMany(90)).headers["Retry-After"] == "90"


@pytest.mark.parametrize(
    "method, path, status, code",
    [
        ("GET", "/nowhere", 404, "no-such-page"),
        ("GET", "/api/v1/nowhere", 404, "no-such-page"),
        ("DELETE", "/sign-in", 405, "method-not-allowed"),
        ("PROPFIND", "/desk", 405, "method-not-allowed"),
    ],
)
def test_what_no_view_answers_has_the_same_shape(
    app: Flask, method: str, path: str, status: int, code: str
) -> None:
    answer = app.test_client().open(path, method=method)
    assert answer.mimetype == "application/problem+json"
    document = answer.get_json()
    assert (answer.status_code, document["status"], document["code"]) == (status, status, code)
    assert document["detail_zh"]
    assert document["detail_en"]
    if status == 405:
        assert "GET" in answer.headers["Allow"]


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "a b", "", "127.0.0.1:99999999"])
def test_a_foreign_host_is_refused_in_the_same_shape(app: Flask, host: str) -> None:
    answer = app.test_client().get("/desk", headers={"Host": host, "Accept": "text/html"})
    assert (answer.status_code, answer.get_json()["code"]) == (400, "bad-host")
    assert "evil" not in str(answer.headers)


def test_a_form_over_its_cap_is_too_large(app: Flask, service: Service) -> None:
    answer = app.test_client().post("/sign-in", data={"name": "x" * (service.settings.body_limit + 1)})
    assert (answer.status_code, answer.get_json()["code"]) == (413, "too-large")
    assert "256 KB" in answer.get_json()["detail_en"]


def test_a_person_gets_a_page_in_the_own_language(app: Flask) -> None:
    client = app.test_client()
    page = client.get("/nowhere", headers={"Accept": "text/html"})
    assert page.mimetype == "text/html"
    assert '<html lang="zh-Hans">' in page.get_data(as_text=True)
    assert "<title>没有这个页面，请检查网址。 · 禾迹</title>" in page.get_data(as_text=True)
    english = client.get("/nowhere", headers={"Accept": "text/html", "Accept-Language": "en-GB,zh;q=0.5"})
    assert "There is no such page" in english.get_data(as_text=True)


def test_a_page_of_refusal_leads_back_to_the_desk_or_to_the_box_for_a_code(county: County) -> None:
    stranger = county.client.get("/nowhere", headers=HTML).get_data(as_text=True)
    assert '<a class="button main" href="/t">查询追溯码</a>' in stranger
    producer = Person(county, "producer")
    for path, status in (("/nowhere", 404), ("/desk/record/organisation", 403), ("/desk/events/none", 404)):
        assert '<a class="button main" href="/desk">返回工作台</a>' in producer.see(path, status)
    english = producer.see("/nowhere?lang=en", 404)
    assert '<a class="button main" href="/desk?lang=en">Back to the desk</a>' in english


@pytest.mark.parametrize(
    "path, next_page",
    [("/desk/upload", "/desk/upload"), ("/desk/events/7/undo", "/desk/events/7"), ("/sign-out", "")],
)
def test_who_sends_a_form_without_a_session_is_told_so_in_words_and_led_to_the_sign_in(
    county: County, path: str, next_page: str
) -> None:
    answer = county.client.post(path, headers=HTML)
    page = unquote(answer.get_data(as_text=True))
    assert answer.status_code == 401
    assert "令牌" not in page
    assert f'<a class="button main" href="/sign-in?next={next_page}">去登录</a>' in page


def test_the_api_answers_no_page_even_to_a_browser(app: Flask) -> None:
    answer = app.test_client().get("/api/v1/nowhere", headers={"Accept": "text/html"})
    assert answer.mimetype == "application/problem+json"


def test_a_fault_of_ours_gives_a_number_and_no_details(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    @app.get("/broken")
    def broken() -> str:
        raise ZeroDivisionError("13800138000")

    with caplog.at_level(logging.ERROR):
        answer = app.test_client().get("/broken")
    document = answer.get_json()
    assert (answer.status_code, document["code"]) == (500, "internal")
    assert document["request"] in document["detail_zh"]
    assert document["request"] == answer.headers["X-Request-Id"]
    for secret in ("ZeroDivisionError", "13800138000", "Traceback", "test_problems"):
        assert secret not in json.dumps(document)
    assert document["request"] in caplog.text
    assert "ZeroDivisionError" in caplog.text
    assert "13800138000" not in caplog.text


def test_what_was_sent_is_shown_as_text_on_the_error_page(app: Flask) -> None:
    @app.get("/refused")
    def refused() -> str:
        raise InvalidEvent([Problem("/<b>", "unknown-role", {"role": "<script>alert(1)</script>"})])

    page = app.test_client().get("/refused", headers={"Accept": "text/html"}).get_data(as_text=True)
    assert "<script>" not in page
    assert "<b>/" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_a_host_is_known_in_capitals_too(app: Flask) -> None:
    assert app.test_client().get("/sign-in", headers={"Host": "LocalHost"}).status_code == 200
