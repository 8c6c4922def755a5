"""Whatever is sent to the API, asked for or not: never a 5xx, and an answer as the description promises it.

What is sent is made from the description itself, by schemathesis: what fits it, and what does not.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import schemathesis
from flask import Flask, request
from flask.typing import ResponseReturnValue
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance
from sqlalchemy import select

from county import CYCLE, PACKED, PLOT, County, opened_county
from faults.history import TRACE_CODE, tell_corrections, tell_goods, tell_laboratory, tell_supervision
from faults.length import LONG, lasting
from heji_trace.store import tables
from heji_web.api.openapi import OPERATIONS, description
from heji_web.app import create_app
from heji_web.requests.operations import Answer, Operation, Parameter

# Each operation gets so many requests, half of which fit the description.
REQUESTS = lasting(12, 1800)
WHO = ("producer", "regulator", "operator", "laboratory", None)
# The checks say in their answer that something is not ready.
MAY_BE_UNREADY = "/readyz"

SCHEMA: Any = schemathesis.openapi.from_dict(
    json.loads(json.dumps(description(OPERATIONS, "https://heji.example")))
)
DESCRIBED = {
    f"{operation.method} {operation.path}": operation
    for operation in (result.ok() for result in SCHEMA.get_all_operations())
}


# Names that the county knows: what is made up alone gets no further than the first look-up.
KNOWN: dict[str, Any] = {
    "batch": "G1",
    "product": PACKED,
    "code": TRACE_CODE,
    "organisation": "fg-litchi-coop",
    "site": PLOT,
    "sample": "LS1",
    "cycle": CYCLE,
    "cycles": [CYCLE],
    "batches": ["G1", "G3"],
    "tile": "0/000.p/9",
    "performed_by": "fg-station",
}


def make_known(case: Case[Any]) -> None:
    """Put names that the county knows into a request."""
    for name in case.path_parameters or {}:
        case.path_parameters[name] = KNOWN.get(name, case.path_parameters[name])
    if isinstance(case.body, dict | list):
        exchange(case.body)


def exchange(value: Any) -> None:
    parts = value.items() if isinstance(value, dict) else enumerate(value)
    for name, part in list(parts):
        if isinstance(name, str) and name in KNOWN:
            value[name] = KNOWN[name]
        elif isinstance(part, dict | list):
            exchange(part)


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Iterator[County]:
    """A county with something of everything to be asked about."""
    with opened_county(tmp_path_factory.mktemp("county")) as county:
        for tell in (tell_goods, tell_laboratory, tell_supervision, tell_corrections):
            tell(county)
        with county.service.store.read() as connection:
            # A recall, so that the one id is known to all who ask for one.
            recalls = select(tables.events.c.event_id).where(tables.events.c.kind == "recall")
            KNOWN["event_id"] = connection.execute(recalls).scalar_one()
            KNOWN["run"] = connection.execute(select(tables.labels.c.run)).scalar_one()
        yield county


def test_the_description_has_every_operation() -> None:
    assert len(DESCRIBED) == len(OPERATIONS) > 20


def fuzz(operation: Any, county: County, app: Flask) -> Counter[int]:
    """Send requests made for an operation, and check every answer; how often each status was answered."""
    answered: Counter[int] = Counter()
    cases = st.one_of(
        operation.as_strategy(generation_mode=GenerationMode.POSITIVE),
        operation.as_strategy(generation_mode=GenerationMode.NEGATIVE),
    )

    @settings(
        max_examples=REQUESTS,
        deadline=None,
        derandomize=not LONG,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    @given(case=cases, who=st.sampled_from(WHO), known=st.booleans())
    def ask(case: Case[Any], who: str | None, known: bool) -> None:
        if known:
            make_known(case)
        # Nobody is to be told to wait.
        county.now.seconds += 30
        # The client does not unpack what it is sent.
        headers = {"Accept-Encoding": "identity", **(county.headers(who) if who else {})}
        answer = case.call(app=app, headers=headers)
        answered[answer.status_code] += 1
        assert answer.status_code < 500 or operation.path == MAY_BE_UNREADY, answer.text
        case.validate_response(answer, checks=[content_type_conformance, response_schema_conformance])
        if answer.status_code >= 400 and answer.headers.get("content-type") == ["application/problem+json"]:
            problem = answer.json()
            assert problem["status"] == answer.status_code
            for name in ("detail_zh", "detail_en"):
                assert problem[name], f"{name} is missing: {problem}"

    ask()
    return answered


@pytest.mark.parametrize("name", DESCRIBED)
def test_no_request_is_answered_with_a_fault(
    county: County, name: str, record_property: Callable[[str, object], None]
) -> None:
    answered = fuzz(DESCRIBED[name], county, county.client.application)
    record_property("answers", dict(sorted(answered.items())))


def crash() -> ResponseReturnValue:
    """Trusts that what is sent is what was asked for."""
    return {"number": int(request.args.get("number", "1"))}


def speak_text() -> ResponseReturnValue:
    """Answers in another form than it describes."""
    return "seven"


def speak_otherwise() -> ResponseReturnValue:
    """Answers in its form with other members than it describes."""
    return {"number": "seven"}


def refuse_in_one_language() -> ResponseReturnValue:
    """Refuses as a problem that half of the people cannot read."""
    shape = {"type": "about:blank", "title": "Bad Request", "status": 400, "detail": "no", "code": "no"}
    document = {**shape, "detail_zh": "", "detail_en": "no", "request": "1"}
    return json.dumps(document), 400, {"Content-Type": "application/problem+json"}


def answer_well() -> ResponseReturnValue:
    """Does what it describes."""
    return {"number": 7}


NUMBER = {
    "type": "object",
    "properties": {"number": {"type": "integer"}},
    "required": ["number"],
}
EXTRA = Operation(
    "get",
    "/api/v1/extra",
    "health",
    "另加的接口",
    "A route that the product does not have",
    {200: Answer("一个数", "a number", {"application/json": NUMBER})},
    (Parameter("number", "数", "A number", schema={"type": "integer"}),),
    is_open=True,
)


def with_extra(county: County, view: Callable[[], ResponseReturnValue]) -> tuple[Any, Flask]:
    """The product with one route more, and the description of that."""
    app = create_app(county.service)
    app.add_url_rule(EXTRA.path, view_func=view)
    described: Any = schemathesis.openapi.from_dict(
        json.loads(json.dumps(description((EXTRA,), "https://heji.example")))
    )
    (operation,) = described.get_all_operations()
    return operation.ok(), app


@pytest.mark.parametrize(
    "view, said",
    [
        (crash, "500"),
        (speak_text, "Content-Type"),
        (speak_otherwise, "schema"),
        (refuse_in_one_language, "detail_zh is missing"),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_a_route_that_breaks_its_word_is_found_out(
    county: County, view: Callable[[], ResponseReturnValue], said: str
) -> None:
    operation, app = with_extra(county, view)
    with pytest.raises((AssertionError, FailureGroup)) as found:
        fuzz(operation, county, app)
    told = found.value.exceptions if isinstance(found.value, FailureGroup) else [found.value]
    assert said in "".join(map(repr, told)), told


def test_a_route_that_keeps_its_word_is_not_blamed(county: County) -> None:
    operation, app = with_extra(county, answer_well)
    assert set(fuzz(operation, county, app)) == {200}
