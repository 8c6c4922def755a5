"""What a database cannot keep, in every place of an address and in every field of a form: refused, never a fault."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from urllib.parse import quote

import pytest
from werkzeug.routing import Rule

from county import County, opened_county
from heji_trace.events.kinds import KINDS, Kind
from heji_trace.events.kinds.examples import example_event
from hostile import UNSAYABLE, Filling
from web.doors import Browser

# PostgreSQL keeps no NUL and no number of more than eight bytes; SQLite keeps the first and trips over the second.
HOSTILE = ("a\0b", "-" + "9" * 30, "é" * 2000, "' OR 1=1 --")
QUERIES = (
    "batch",
    "kind",
    "organisation",
    "since",
    "until",
    "cursor",
    "limit",
    "q",
    "code",
    "as_of",
    "site",
    "page",
)


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> Iterator[County]:
    with opened_county(tmp_path_factory.mktemp("county"), module_database_url) as county:
        county.harvest("A1")
        yield county


def addresses(county: County, method: str) -> list[str]:
    """Every route with every hostile text in its variable parts, one address each."""
    rules: list[Rule] = list(county.client.application.url_map.iter_rules())
    found = []
    for rule in rules:
        if method not in (rule.methods or ()) or rule.endpoint == "static":
            continue
        for text in HOSTILE:
            path = "".join(quote(text, safe="") if dynamic else part for dynamic, part in rule._trace)
            found.append(path.removeprefix("|").replace("|/", "/", 1))
    return sorted(set(found))


def test_no_address_brings_the_service_down(county: County) -> None:
    wrong = [
        (who, path, answer.status_code)
        for path in addresses(county, "GET")
        for who in ("regulator", None)
        if (answer := county.get(path, who)).status_code >= 500
    ]
    assert wrong == []


def test_no_question_brings_the_service_down(county: County) -> None:
    paths = {path for path in addresses(county, "GET") if "%" not in path} | {"/api/v1/batches/A1/trace"}
    wrong = []
    for path in sorted(paths):
        together = ("&".join(f"{name}={quote(text, safe='')}" for name in QUERIES) for text in HOSTILE)
        for asked in (*together, *(f"{name}=%00" for name in QUERIES)):
            answer = county.get(f"{path}?{asked}", "regulator")
            if answer.status_code >= 500:
                wrong.append((path, asked, answer.status_code))
    assert wrong == []


def test_no_field_brings_the_service_down(county: County) -> None:
    browser = Browser(county.client, county.service).sign_in("producer")
    fields = ("name", "password", "code", "batch", "product", "run", "copies", "reason", "file", "kind")
    wrong = []
    for path in addresses(county, "POST"):
        for text in HOSTILE[:2]:
            data = {**dict.fromkeys(fields, text), "csrf": browser.csrf}
            answer = browser.client.post(path, data=data)
            if answer.status_code >= 500:
                wrong.append((path, text, answer.status_code))
    assert wrong == []


def test_no_token_or_cookie_brings_the_service_down(county: County) -> None:
    for text in HOSTILE:
        safe = text.encode("utf-8").decode("latin-1")
        answer = county.client.get("/api/v1/events", headers={"Authorization": f"Bearer {safe}"})
        assert answer.status_code == 401


def said_always(text: str, _number: int, _limit: int) -> str:
    return text


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_what_may_not_be_said_is_refused_in_every_free_place(county: County, kind: Kind) -> None:
    """Each place is named, with a sentence in both languages, and nothing is written."""
    size = county.size
    for text in UNSAYABLE:
        raw, filling = example_event(kind), Filling(partial(said_always, text))
        filling.event(kind, raw)
        assert filling.placed
        answer = county.post("/api/v1/events", raw)
        assert answer.status_code == 422, answer.get_data(as_text=True)
        problems = {each["pointer"]: each for each in answer.get_json()["problems"]}
        named = {pointer: problems.get(pointer, {}).get("code") for pointer in filling.placed}
        assert set(named.values()) <= {"control-character", "text-nul"}, (ascii(text), named)
        assert all(each["zh"] and each["en"] for each in problems.values())
    assert county.size == size
