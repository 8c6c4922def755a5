from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from heji_trace.events.kinds import KINDS
from heji_web.api.openapi import OPERATIONS
from heji_web.requests.problems import STATUS

# Pages for people describe themselves.
FOR_PEOPLE = re.compile(r"/(desk|sign-in|sign-out|static|api/docs|api/openapi\.json)(/|$)|/$")


@pytest.fixture
def description(client: FlaskClient) -> dict[str, Any]:
    document: dict[str, Any] = client.get("/api/openapi.json").get_json()
    return document


def references(value: object) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [found for each in value.values() for found in references(each)]
    if isinstance(value, list):
        return [found for each in value for found in references(each)]
    return []


def test_every_route_for_programs_is_described_and_every_description_has_its_route(app: Flask) -> None:
    routes = {
        (method.lower(), re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if not FOR_PEOPLE.match(rule.rule)
    }
    described = {(operation.method, operation.path) for operation in OPERATIONS}
    assert routes - described == set(), "write these into OPERATIONS beside their views"
    assert described - routes == set()


def test_the_description_names_its_version_and_the_configured_address(description: dict[str, Any]) -> None:
    assert description["openapi"] == "3.1.0"
    assert description["servers"] == [{"url": "http://127.0.0.1:8080"}]


def test_every_kind_has_its_schema_and_every_reference_a_target(description: dict[str, Any]) -> None:
    schemas = description["components"]["schemas"]
    assert {f"Event-{kind}" for kind in KINDS} <= schemas.keys()
    assert len(schemas["Event"]["oneOf"]) == len(KINDS)
    for reference in references(description):
        assert reference.removeprefix("#/components/schemas/") in schemas


def test_every_operation_is_named_once_and_may_answer_a_problem(description: dict[str, Any]) -> None:
    operations = [each for methods in description["paths"].values() for each in methods.values()]
    names = [each["operationId"] for each in operations]
    assert len(names) == len(set(names)) == len(OPERATIONS)
    for each in operations:
        assert "application/problem+json" in each["responses"]["default"]["content"]


def test_every_parameter_of_a_path_is_described() -> None:
    for operation in OPERATIONS:
        named = {parameter.name for parameter in operation.parameters if parameter.place == "path"}
        assert named == set(re.findall(r"\{(\w+)\}", operation.path)), operation.path


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_page_lists_all_operations_and_an_anchor_for_each_error(
    client: FlaskClient, language: str
) -> None:
    answer = client.get(f"/api/docs?lang={language}")
    page = answer.get_data(as_text=True)
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    for operation in OPERATIONS:
        assert f'id="{operation.name}"' in page
    for kind in STATUS:
        assert f'id="{kind.default_code}"' in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "https://" not in page
