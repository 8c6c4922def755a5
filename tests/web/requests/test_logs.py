from __future__ import annotations

import json
import logging
import sys

import pytest
from flask.testing import FlaskClient

from heji_web.requests.logs import JsonLines, start_logging


def line(record: logging.LogRecord) -> dict[str, object]:
    parsed: dict[str, object] = json.loads(JsonLines().format(record))
    return parsed


def test_a_request_is_logged_by_its_rule_and_never_by_what_was_asked(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "heji.requests"):
        answer = client.get("/sign-in?next=/desk/13800138000", headers={"Authorization": "Bearer secret"})
        client.get("/t/13800138000x")
    first, second = (line(record) for record in caplog.records if record.name == "heji.requests")
    assert (first["rule"], first["status"], first["request"]) == (
        "/sign-in",
        200,
        answer.headers["X-Request-Id"],
    )
    assert second["method"] == "GET"
    for text in (json.dumps(first), json.dumps(second)):
        assert "13800138000" not in text
        assert "secret" not in text


def test_an_exception_is_logged_by_its_class_alone() -> None:
    try:
        raise ValueError("13800138000")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "f", 1, "failed", None, sys.exc_info())
    assert line(record)["error"] == "ValueError"
    assert "13800138000" not in JsonLines().format(record)


def test_a_line_is_one_line_whatever_is_said() -> None:
    record = logging.LogRecord("x", logging.INFO, "f", 1, "a\nb\r%s", ("禾\x00",), None)
    assert len(JsonLines().format(record).splitlines()) == 1


def test_what_cannot_be_written_is_said_and_does_not_end_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        listener = start_logging()
        logging.getLogger("a.library").info("%d sheep", "many")
        logging.getLogger("a.library").info("a fact", extra={"facts": {"fact": object()}})
        logging.getLogger("heji.lines").info("the next")
        listener.stop()
    finally:
        root.handlers[:], root.level = handlers, level
    written = [json.loads(each) for each in capsys.readouterr().err.splitlines()]
    assert [each["message"] for each in written] == [*["a record that cannot be written"] * 2, "the next"]
    assert [each.get("error") for each in written] == ["TypeError", "TypeError", None]


def test_every_line_is_written_before_the_log_is_stopped(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        listener = start_logging()
        for number in range(500):
            logging.getLogger("heji.lines").info("line %d", number)
        listener.stop()
    finally:
        root.handlers[:], root.level = handlers, level
    written = [json.loads(each)["message"] for each in capsys.readouterr().err.splitlines()]
    assert written == [f"line {number}" for number in range(500)]
