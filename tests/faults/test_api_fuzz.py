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
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance
from sqlalchemy import select

from county import CYCLE, PACKED, PLOT, County, opened_county
from faults.history import TRACE_CODE, tell_corrections, tell_goods, tell_laboratory, tell_supervision
from faults.length import LONG, lasting
from heji_trace import tables
from heji_web.openapi import OPERATIONS, description

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


@pytest.mark.parametrize("name", DESCRIBED)
def test_no_request_is_answered_with_a_fault(
    county: County, name: str, record_property: Callable[[str, object], None]
) -> None:
    operation = DESCRIBED[name]
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
    )
    @given(case=cases, who=st.sampled_from(WHO), known=st.booleans())
    def ask(case: Case[Any], who: str | None, known: bool) -> None:
        if known:
            make_known(case)
        # Nobody is to be told to wait.
        county.now.seconds += 30
        # The client does not unpack what it is sent.
        headers = {"Accept-Encoding": "identity", **(county.headers(who) if who else {})}
        answer = case.call(app=county.client.application, headers=headers)
        answered[answer.status_code] += 1
        assert answer.status_code < 500 or name == f"get {MAY_BE_UNREADY}", answer.text
        case.validate_response(answer, checks=[content_type_conformance, response_schema_conformance])
        if answer.status_code >= 400 and answer.headers.get("content-type") == ["application/problem+json"]:
            problem = answer.json()
            assert problem["status"] == answer.status_code
            assert problem["detail_zh"]
            assert problem["detail_en"]

    ask()
    record_property("answers", dict(sorted(answered.items())))
