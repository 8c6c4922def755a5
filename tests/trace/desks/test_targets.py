from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from county import County
from heji_trace.desks.targets import Target, find_target, suggest_targets


@pytest.fixture
def connection(county: County) -> Iterator[Connection]:
    county.harvest("B-1", "100", hours_ago=3)
    county.harvest("B-2", "100", hours_ago=2)
    samples = [{"sample": "S-1", "batch": "B-1"}, {"sample": "S-2", "composite_of": ["B-1", "B-2"]}]
    details = {"purpose": "commissioned", "samples": samples}
    county.record("sampling", "laboratory", batches=["B-1", "B-2"], details=details)
    with county.service.store.read() as connection:
        yield connection


@pytest.mark.parametrize(
    "text, target",
    [
        ("S-1", Target("S-1", ("B-1",))),
        ("S-2", Target("S-2", ("B-1", "B-2"))),
        ("B-2", Target(None, ("B-2",))),
        ("nothing", None),
        ("", None),
    ],
)
def test_a_text_names_a_sample_or_a_batch(connection: Connection, text: str, target: Target | None) -> None:
    assert find_target(connection, text) == target


def suggested(county: County, connection: Connection, who: str, unit: str, days_ago: float = 0) -> list[str]:
    tested_ms = county.service.clock.now_ms() - int(days_ago * 86_400_000)
    found = suggest_targets(connection, county.authors[who], unit, "荔枝", tested_ms, "zh")
    return [each.value for each in found]


def test_own_samples_that_await_a_result_come_before_batches_of_the_unit(
    county: County, connection: Connection
) -> None:
    found = suggested(county, connection, "laboratory", "fg-litchi-coop 单位")
    assert found[:2] == ["S-1", "S-2"]
    assert set(found[2:]) == {"B-1", "B-2"}


def test_another_laboratory_s_samples_are_not_suggested(county: County, connection: Connection) -> None:
    assert suggested(county, connection, "other_laboratory", "fg-litchi-coop") == ["B-2", "B-1"]


def test_a_batch_made_long_after_the_test_is_not_suggested(county: County, connection: Connection) -> None:
    county.harvest("OLD", hours_ago=24 * 9)
    with county.service.store.read() as later:
        assert suggested(county, later, "other_laboratory", "fg-litchi-coop", days_ago=5) == ["OLD"]
        assert suggested(county, later, "other_laboratory", "fg-litchi-coop") == ["B-2", "B-1", "OLD"]


@pytest.mark.parametrize("unit", ["", "单", "某某市场"])
def test_a_unit_that_is_not_known_suggests_no_batch(
    county: County, connection: Connection, unit: str
) -> None:
    assert suggested(county, connection, "other_laboratory", unit) == []
