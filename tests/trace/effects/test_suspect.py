from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from county import PACKED, PRODUCT, County, opened_county
from heji_trace.effects.suspect import suspicions
from heji_trace.errors import NeedsAcknowledgement
from heji_trace.identifiers.codes import make_phone_code, make_trace_code
from heji_trace.known.state import State
from labelled import register_product

# The clock of the county stands at 29 May 2026 in Beijing.
OVER, TODAY = "2026-05-28", "2026-05-29"
LABEL = {"trace_code": make_trace_code(bytes), "phone_code": make_phone_code(bytes), "copies": 1}


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> Iterator[County]:
    """A county with packs whose days are over, over at midnight, and over by the product's shelf life."""
    with opened_county(tmp_path_factory.mktemp("suspect"), module_database_url) as opened:
        opened.harvest("H1", "100", hours_ago=26)
        opened.harvest("OLD", "100", hours_ago=100)
        for batch, days in (
            ("BEST", {"best_before": OVER}),
            ("USE", {"use_by": OVER}),
            ("LAST", {"best_before": TODAY, "use_by": TODAY}),
            ("BARE", {}),
        ):
            opened.make("packaging", {"H1": "10"}, {batch: "10"}, details=days, hours_ago=25)
        register_product(opened, PRODUCT, gtin=None, name="鲜荔枝", shelf_life_days=3)
        yield opened


def asked(county: County, kind: str, batch: str, hours_ago: float = 0) -> list[tuple[str, Any]]:
    line: dict[str, str] = {"batch": batch, "quantity": "1", "unit": "kg"}
    parts: dict[str, dict[str, Any]] = {
        "sale": {"moves": [line]},
        "disposal": {"moves": [line], "details": {"method": "destruction", "reason": "过期"}},
        "shipping": {"moves": [line | {"to_organisation": county.code("shop")}]},
        "packaging": {
            "inputs": [line],
            "outputs": [{"batch": "NEW", "product": PACKED, "quantity": "1", "unit": "kg"}],
        },
        "label_issue": {"details": {"product": PACKED, "batch": batch, **LABEL}},
    }
    event = county.event(kind, hours_ago=hours_ago, **parts[kind])
    with county.service.store.read() as connection:
        return [(each.code, each.data.get("date")) for each in suspicions(State(connection), event)]


@pytest.mark.parametrize("kind", ["shipping", "sale", "packaging", "label_issue"])
@pytest.mark.parametrize(
    "batch, question",
    [
        ("BEST", [("BEST_BEFORE_PASSED", OVER)]),
        ("USE", [("USE_BY_PASSED", OVER)]),
        ("OLD", [("BEST_BEFORE_PASSED", OVER)]),
        ("LAST", []),
        ("BARE", []),
    ],
)
def test_goods_whose_day_is_over_are_asked_about_where_they_are_offered(
    county: County, kind: str, batch: str, question: list[tuple[str, str]]
) -> None:
    assert asked(county, kind, batch) == question


def test_the_day_of_the_event_decides_and_not_the_day_of_the_recording(county: County) -> None:
    assert asked(county, "sale", "BEST", hours_ago=24) == []


def test_who_destroys_what_is_over_is_not_asked(county: County) -> None:
    assert asked(county, "disposal", "USE") == []


def test_a_sale_that_was_confirmed_is_recorded_and_stores_no_finding(county: County) -> None:
    line = {"batch": "BEST", "quantity": "1", "unit": "kg"}
    with pytest.raises(NeedsAcknowledgement) as question:
        county.record("sale", moves=[line])
    assert [each.code for each in question.value.questions] == ["BEST_BEFORE_PASSED"]
    receipt = county.record("sale", moves=[line], acknowledged=["BEST_BEFORE_PASSED"])
    assert receipt.warnings == ()
