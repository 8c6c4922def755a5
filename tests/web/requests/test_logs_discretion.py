"""Nothing that somebody sends, asks or is called may be read in the log."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from county import PLOT, County
from heji_trace.events.kinds import KINDS
from heji_trace.events.kinds.examples import example_event
from heji_web.requests.logs import JsonLines
from web.doors import PASSWORD

NAME, PHONE, SECRET = "欧阳锋禾", "13800138000", "hunter2-Trustno1"
SAID = f"{NAME}{PHONE}{SECRET}"


class Written(logging.Handler):
    """Every line that any logger writes, as it would stand in the log."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.setFormatter(JsonLines())
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def written() -> Iterator[Written]:
    handler, root = Written(), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield handler
    root.removeHandler(handler)
    root.setLevel(level)


def check_discreet(written: Written, county: County, least: int) -> None:
    assert len(written.lines) >= least
    text = "\n".join(written.lines)
    secrets = [NAME, PHONE, SECRET, PASSWORD, *county.tokens.values()]
    assert [secret for secret in secrets if secret in text] == []
    for line in written.lines:
        json.loads(line)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all texts in a JSON value."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from places(each, (*path, name))
    elif isinstance(value, list):
        for at, each in enumerate(value):
            yield from places(each, (*path, at))
    elif isinstance(value, str):
        yield path


def with_said(event: dict[str, Any], path: tuple[Any, ...]) -> dict[str, Any]:
    changed = deepcopy(event)
    place: Any = changed
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = SAID
    return changed


@pytest.mark.parametrize("who", ["operator", None])
def test_no_field_of_any_event_is_logged_whether_it_is_recorded_or_refused(
    county: County, written: Written, who: str | None
) -> None:
    sent = 0
    for kind in KINDS.values():
        event = example_event(kind) | {"id": county.new_id(), "note": SAID}
        county.post("/api/v1/events", event, who)
        for path in places(event):
            county.post("/api/v1/events", with_said(event, path) | {SAID: 1}, who)
            county.post("/api/v1/events", with_said(event, path), who)
            sent += 2
    check_discreet(written, county, sent)


def test_what_is_recorded_is_logged_by_its_place_alone(county: County, written: Written) -> None:
    details = {
        "code": "fg-wang",
        "name": NAME,
        "subject_type": "enterprise",
        "roles": ["producer"],
        "contact": PHONE,
    }
    answer = county.post(
        "/api/v1/events", county.raw("organisation", "operator", details=details), "operator"
    )
    assert answer.status_code == 201, answer.get_json()
    events = [county.raw("field_operation", site=PLOT, note=SAID) for _ in range(2)]
    bulk = [
        county.raw(
            "site",
            details={
                "code": f"s{at}",
                "name": SAID,
                "site_type": "plot",
                "organisation": event["organisation"],
            },
        )
        for at, event in enumerate(events)
    ]
    assert county.post("/api/v1/events/bulk", bulk).status_code == 201
    seq = answer.get_json()["seq"]
    lines = [json.loads(line) for line in written.lines if '"heji.requests"' in line]
    assert [line.get("seq") for line in lines] == [seq, [seq + 1, seq + 2]]
    assert next(line["request"] for line in lines) == answer.headers["X-Request-Id"]
    check_discreet(written, county, 2)


def test_what_is_only_tried_has_no_place(county: County, written: Written) -> None:
    county.post("/api/v1/events/bulk?dry_run=1", [county.raw("harvest")])
    county.get("/api/v1/events")
    assert [json.loads(line) for line in written.lines if '"seq"' in line] == []


def test_no_address_query_form_header_or_cookie_is_logged_on_any_route(
    county: County, written: Written
) -> None:
    asked = 0
    for rule in county.client.application.url_map.iter_rules():
        path = rule.rule
        for argument in rule.arguments:
            for shape in (f"<{argument}>", *(f"<{kind}:{argument}>" for kind in ("int", "path", "string"))):
                path = path.replace(shape, SAID)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            for who in ("producer", None):
                headers = county.headers(who) if who else {"Authorization": f"Bearer {SECRET}"}
                county.client.open(
                    path,
                    method=method,
                    query_string={"q": SAID, SAID: "1", "next": f"/{SAID}"},
                    data={"name": NAME, "phone": PHONE, "password": SECRET, SAID: "1"}
                    if method == "POST"
                    else None,
                    headers={
                        **headers,
                        "X-Forwarded-For": SAID.encode().hex(),
                        "User-Agent": SECRET,
                        "Cookie": f"heji={SECRET}",
                    },
                )
                asked += 1
    assert asked > 60
    check_discreet(written, county, asked)


def test_neither_a_right_nor_a_wrong_password_is_logged(county: County, written: Written) -> None:
    for name, password in (("producer", PASSWORD), ("producer", SECRET), (NAME, SECRET), (PHONE, PASSWORD)):
        county.client.post("/sign-in", data={"name": name, "password": password})
    check_discreet(written, county, 4)
