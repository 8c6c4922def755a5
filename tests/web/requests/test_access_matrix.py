"""Every route × role × what is one's own, another's, withdrawn or nonexistent: a route without its row here fails."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from werkzeug.routing import Rule

from county import CYCLE, PEOPLE, opened_county
from heji_web.app import create_app
from web.people import HTML
from web.rights import ROLES, STRANGER, TARGETS, World, build

Statuses = tuple[int, int, int, int]
NONE: Statuses = (404, 404, 404, 404)
FORBIDDEN: Statuses = (403, 403, 403, 403)
LABORATORIES = ("laboratory", "other_laboratory")


@dataclass(frozen=True)
class Row:
    """What a route answers: to whom it is open, or by role for each target; roles not named are answered by `rest`.

    `path` is the route's address with every placeholder but that of `thing` filled in; `sent` is what a POST brings.
    """

    thing: str = ""
    path: str = ""
    by_role: Mapping[str, Statuses] = field(default_factory=dict)
    rest: Statuses = NONE
    stranger: int = 401
    sent: Mapping[str, Any] = field(default_factory=dict)

    def expected(self, who: str) -> Statuses:
        if who == STRANGER and STRANGER not in self.by_role:
            return (self.stranger,) * 4
        return self.by_role.get(who, self.rest)


def to_all(status: int = 200, **more: Any) -> Row:
    """The same for everybody."""
    return Row(rest=(status,) * 4, stranger=status, **more)


def to_signed_in(status: int = 200, stranger: int = 401, **by_role: int) -> Row:
    """For whoever has signed in; some roles are answered otherwise."""
    return Row(
        rest=(status,) * 4, stranger=stranger, by_role={role: (each,) * 4 for role, each in by_role.items()}
    )


def owned(
    thing: str,
    own: int = 200,
    gone: int = 200,
    stranger: int = 401,
    overseers: Mapping[str, Any] | None = None,
    **more: Any,
) -> Row:
    """A thing of one organisation, which nobody beside it and the overseers can tell from one that is not there."""
    seen = dict.fromkeys(("operator", "regulator"), (own, own, own if gone == 404 else gone, 404))
    by_role = {"producer": (own, 404, gone, 404), "neighbour": (404, own, 404, 404)}
    return Row(thing, by_role=by_role | seen | dict(overseers or {}), stranger=stranger, **more)


PRIVATE: Mapping[str, Any] = {"operator": NONE, "regulator": NONE}
"""What even overseers do not see: whose upload it is, and which of one's imports."""
ONLY_PRODUCERS = dict.fromkeys(PEOPLE.keys() - {"producer", "neighbour"}, 403)

PUBLIC_CODE = Row("code", rest=(200, 200, 410, 404), by_role={STRANGER: (200, 200, 410, 404)})
NO_SUCH_CODE = to_all(404)
RECALLING = {"operator": FORBIDDEN, **dict.fromkeys(LABORATORIES, FORBIDDEN)}
REASON = {"reason": "录入错误"}

READING: Mapping[str, Row] = {
    "/": to_all(302),
    "/01/<gtin>/10/<batch>": to_all(404, path="/01/06901234567892/10/OWN-1"),
    "/01/<gtin>/10/<batch>/21/<serial>": to_all(404, path="/01/06901234567892/10/OWN-1/21/3K7TQ9W2MX4RA6BC"),
    "/api/docs": to_all(),
    "/api/openapi.json": to_all(),
    "/api/v1/batches/<batch>": owned("batch", gone=404),
    "/api/v1/batches/<batch>/balance": owned("batch", gone=404),
    "/api/v1/batches/<batch>/trace": owned("batch", gone=404),
    "/api/v1/batches/<batch>/warnings": owned("batch", gone=404),
    "/api/v1/events": to_signed_in(),
    "/api/v1/events/<event_id>": owned("event"),
    "/api/v1/events/<event_id>/certificate.pdf": Row("event"),
    "/api/v1/events/<event_id>/proof": owned("event"),
    "/api/v1/imports": to_signed_in(),
    "/api/v1/imports/<import_id>": owned("import", overseers=PRIVATE),
    "/api/v1/labels/<run>": owned("run"),
    "/api/v1/labels/<run>.<any(svg, png, pdf, csv):drawing>": owned(
        "run", gone=409, path="/api/v1/labels/<run>.svg"
    ),
    "/api/v1/recalls/<event_id>": owned("recall"),
    "/api/v1/templates/<kind>.xlsx": Row(path="/api/v1/templates/harvest.xlsx", rest=(200,) * 4),
    "/desk": to_signed_in(stranger=303),
    "/desk/batches/<batch>": owned("batch", gone=404, stranger=303),
    "/desk/batches/<batch>/call-list.csv": Row(
        "batch",
        by_role=dict.fromkeys(("operator", "regulator"), (200, 200, 200, 404)),
        stranger=303,
    ),
    "/desk/batches/<batch>/evidence.json": Row(
        "batch", by_role=dict.fromkeys(("operator", "regulator"), (200, 200, 200, 404))
    ),
    "/desk/batches/<batch>/recall": owned("batch", gone=404, stranger=303, overseers=RECALLING),
    "/desk/batches/<batch>/trace.csv": owned("batch", gone=404, stranger=303),
    "/desk/events": to_signed_in(stranger=303),
    "/desk/events/<event_id>": owned("event", stranger=303),
    "/desk/imports": to_signed_in(stranger=303),
    "/desk/imports/<import_id>": owned("import", stranger=303, overseers=PRIVATE),
    "/desk/imports/<import_id>/progress.json": owned("import", overseers=PRIVATE),
    "/desk/labels": to_signed_in(403, stranger=303, producer=200, neighbour=200, packer=200),
    "/desk/labels/<run>": owned("run", stranger=303),
    "/desk/organisations/<code>": owned("organisation", gone=404, stranger=303),
    "/desk/organisations/<code>/stock.csv": owned("organisation", gone=404, stranger=303),
    "/desk/password": to_signed_in(stranger=303),
    "/desk/recalls": to_signed_in(stranger=303),
    "/desk/recalls/<event_id>": owned("recall", stranger=303),
    "/desk/recalls/<event_id>/call-list.csv": owned("recall", stranger=303),
    "/desk/recalls/<event_id>/extend": owned("recall", 303, 303, stranger=303, overseers=RECALLING),
    "/desk/record/<kind>": Row(
        path="/desk/record/harvest",
        rest=(403,) * 4,
        by_role={"producer": (200,) * 4, "neighbour": (200,) * 4},
        stranger=303,
    ),
    "/desk/record/<kind>/for": Row(
        path="/desk/record/harvest/for",
        rest=(403,) * 4,
        by_role={"producer": (200,) * 4, "neighbour": (200,) * 4},
        stranger=303,
    ),
    "/desk/releases": to_signed_in(403, stranger=303, regulator=200),
    "/desk/search": to_signed_in(stranger=303),
    "/desk/templates/<kind>.xlsx": Row(path="/desk/templates/harvest.xlsx", rest=(200,) * 4, stranger=303),
    "/desk/upload": to_signed_in(stranger=303),
    "/desk/upload/<import_id>": owned("pending", gone=404, stranger=303, overseers=PRIVATE),
    "/desk/upload/<import_id>/errors.xlsx": owned("pending", gone=404, stranger=303, overseers=PRIVATE),
    "/desk/upload/<import_id>/progress.json": owned("pending", gone=404, overseers=PRIVATE),
    "/healthz": to_all(),
    "/log/checkpoint": to_all(),
    "/log/key": to_all(),
    "/log/tile/<path:tile>": to_all(404, path="/log/tile/9/000"),
    # The tests ask from the machine itself; others see it by an operator's token alone (test_metrics).
    "/metrics": to_all(),
    "/readyz": to_all(),
    "/sign-in": to_all(),
    "/static/<path:filename>": to_all(404, path="/static/../settings.py"),
    "/t": to_all(),
    "/t/<code>": PUBLIC_CODE,
    "/t/<code>.json": PUBLIC_CODE,
    "/t/<code>/proof": Row("code", rest=(200, 200, 404, 404), by_role={STRANGER: (200, 200, 404, 404)}),
}  # fmt: skip

# What is sent is so little that whoever may speak is told what is missing (422), and all others that they may not.
WRITING: Mapping[str, Row] = {
    "/api/v1/events": to_signed_in(422),
    "/api/v1/events/bulk": to_signed_in(422),
    "/api/v1/imports/<import_id>/undo": Row(
        "import",
        by_role={"producer": (201, 404, 200, 404), "neighbour": (404, 201, 404, 404)},
        sent=REASON,
    ),
    "/api/v1/lab/imports": to_signed_in(403, producer=422, neighbour=422, **dict.fromkeys(LABORATORIES, 422)),
    "/api/v1/labels": to_signed_in(422),
    "/api/v1/recalls": to_signed_in(422),
    "/api/v1/recalls/<event_id>/updates": owned("recall", 422, 422),
    "/desk/batches/<batch>/recall": owned("batch", 422, 404, overseers=RECALLING),
    "/desk/events/<event_id>/undo": owned("event", 422, 422),
    "/desk/imports/<import_id>/undo": owned("import", 303, 303, overseers=PRIVATE),
    "/desk/labels": to_signed_in(403, producer=422, neighbour=422, packer=422),
    "/desk/password": to_signed_in(422, stranger=303),
    "/desk/record/<kind>": Row(
        path="/desk/record/harvest",
        rest=(403,) * 4,
        by_role={"producer": (422,) * 4, "neighbour": (422,) * 4},
    ),
    "/desk/releases": to_signed_in(403, regulator=404),
    "/desk/upload": to_signed_in(422),
    "/desk/upload/<import_id>": owned("pending", 303, 404, overseers=PRIVATE),
    "/sign-in": to_all(401, sent={"name": "nobody", "password": "nothing"}),
    "/sign-out": to_all(401),
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with opened_county(tmp_path_factory.mktemp("rights")) as county:
        yield build(county, create_app(county.service))


def rules(world: World, method: str) -> set[str]:
    found: list[Rule] = [rule for rule in world.app.url_map.iter_rules() if method in (rule.methods or ())]
    return {rule.rule for rule in found}


def test_every_route_has_its_row_in_the_table(world: World) -> None:
    assert rules(world, "GET") == READING.keys()
    assert rules(world, "POST") == WRITING.keys()
    others = {method for rule in world.app.url_map.iter_rules() for method in rule.methods or ()}
    assert others == {"GET", "HEAD", "OPTIONS", "POST"}


def answered(world: World, method: str, rule: str, row: Row, who: str, target: str) -> Any:
    options: dict[str, Any] = {}
    if method == "POST" and rule.startswith("/api"):
        options = {"json": dict(row.sent)}
    elif method == "POST":
        options = {"data": {"csrf": world.csrf(who) if rule.startswith("/desk") else "", **row.sent}}
    return world.ask(method, world.address(row.path or rule, row.thing, target), who, **options)


@pytest.mark.parametrize("who", ROLES)
@pytest.mark.parametrize("rule", READING)
def test_who_reads_what(world: World, rule: str, who: str) -> None:
    row = READING[rule]
    got = tuple(answered(world, "GET", rule, row, who, target).status_code for target in TARGETS)
    assert got == row.expected(who)


@pytest.mark.parametrize("who", ROLES)
@pytest.mark.parametrize("rule", WRITING)
def test_who_states_what(world: World, rule: str, who: str) -> None:
    row = WRITING[rule]
    if rule == "/sign-in":
        # Wrong names are counted; this is not about that.
        world.county.now.seconds += 3600
    size = world.county.size
    got = []
    for target in reversed(TARGETS):
        got.append(answered(world, "POST", rule, row, who, target).status_code)
        if got[-1] >= 400:
            assert world.county.size == size, "a refusal wrote something"
        size = world.county.size
    assert tuple(reversed(got)) == row.expected(who)


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("rule", [rule for rule, row in READING.items() if row.thing and row.thing != "code"])
def test_what_is_another_s_is_answered_as_if_it_did_not_exist(world: World, rule: str, who: str) -> None:
    row = READING[rule]
    for target, status in zip(TARGETS, row.expected(who), strict=True):
        if status != 404:
            continue
        hidden = answered(world, "GET", rule, row, who, target)
        absent = answered(world, "GET", rule, row, who, "nonexistent")
        assert told(world, row, hidden, target) == told(world, row, absent, "nonexistent")


def told(world: World, row: Row, answer: Any, target: str) -> tuple[str, dict[str, str]]:
    """An answer without what must differ: the number of the request, and the name that was asked for."""
    number = answer.headers["X-Request-Id"]
    text = answer.get_data(as_text=True).replace(number, "").replace(world.things[row.thing][target], "")
    headers = {
        name: value
        for name, value in answer.headers.items()
        if name not in ("X-Request-Id", "Content-Length")
    }
    return text, headers


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("rule", [rule for rule in WRITING if rule.startswith("/desk")])
@pytest.mark.parametrize("token", ["", "wrong", "another"])
def test_no_form_of_a_desk_is_taken_without_its_own_token(
    world: World, rule: str, who: str, token: str
) -> None:
    row = WRITING[rule]
    if token == "another":
        token = world.csrf("regulator" if who != "regulator" else "operator")
    size = world.county.size
    for target in ("own", "nonexistent"):
        address = world.address(row.path or rule, row.thing, target)
        assert world.ask("POST", address, who, data={"csrf": token, **row.sent}).status_code == 403
    assert world.county.size == size


@pytest.mark.parametrize(
    "rule", [rule for rule in WRITING if not rule.startswith("/desk") and rule != "/sign-in"]
)
@pytest.mark.parametrize("media", ["application/json", "text/plain", "application/x-www-form-urlencoded"])
def test_nothing_is_changed_by_a_cookie_alone(world: World, rule: str, media: str) -> None:
    row, browser, size = WRITING[rule], world.browser("producer"), world.county.size
    address = world.address(row.path or rule, row.thing, "own")
    for headers in ({}, {"X-CSRF-Token": "wrong"}, {"X-HTTP-Method-Override": "GET"}):
        answer = browser.post(address, data=json.dumps(row.sent), content_type=media, headers=headers)
        assert (answer.status_code, answer.get_json()["code"]) == (403, "stale-form")
    assert world.county.size == size
    assert browser.get("/desk", headers=HTML).status_code == 200, "the session goes on"


@pytest.mark.parametrize("who", PEOPLE)
def test_naming_another_as_author_without_mandate_is_refused(world: World, who: str) -> None:
    county, size = world.county, world.county.size
    other = "producer" if who != "producer" else "neighbour"
    outputs = [{"batch": "STOLEN-1", "product": "litchi-fresh", "quantity": "1", "unit": "kg"}]
    cycle = CYCLE if other == "producer" else "2026-plum-FOR"
    raw = county.raw("harvest", other, cycles=[cycle], outputs=outputs)
    assert county.post("/api/v1/events", raw, who).status_code == 403
    assert county.post("/api/v1/events/bulk", [raw], who).status_code in (403, 422)
    assert county.size == size


@pytest.mark.parametrize("rule", [rule for rule in READING if rule.startswith(("/api/v1", "/desk"))])
@pytest.mark.parametrize("header", ["Bearer", "Bearer nonsense", "Basic bm86bm8=", "bearer heji_", "Token x"])
def test_a_token_that_is_none_opens_nothing(world: World, rule: str, header: str) -> None:
    row = READING[rule]
    address = world.address(row.path or rule, row.thing, "own")
    answer = world.app.test_client().get(address, headers={"Authorization": header})
    assert answer.status_code in (303, 401)
