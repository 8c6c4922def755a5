from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from county import County
from heji_trace.desks.targets import Target, find_target, reach_of, suggest_targets
from heji_trace.vocabulary.times import beijing_date


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
    assert find_target(connection, None, text) == target


def suggested(county: County, connection: Connection, who: str, unit: str, days_ago: float = 0) -> list[str]:
    tested_ms = county.service.clock.now_ms() - int(days_ago * 86_400_000)
    found = suggest_targets(connection, county.authors[who], None, unit, "荔枝", tested_ms, "zh")
    return [each.value for each in found]


def test_own_samples_that_await_a_result_come_before_batches_of_the_unit(
    county: County, connection: Connection
) -> None:
    found = suggested(county, connection, "laboratory", "fg-litchi-coop 单位")
    assert found[:2] == ["S-1", "S-2"]
    assert set(found[2:]) == {"B-1", "B-2"}


def test_a_batch_is_told_by_its_product_its_maker_and_its_day(county: County, connection: Connection) -> None:
    tested_ms = county.service.clock.now_ms()
    author = county.authors["other_laboratory"]
    found = suggest_targets(connection, author, None, "fg-litchi-coop 单位", "荔枝", tested_ms, "zh")
    assert re.fullmatch(r"鲜荔枝 · fg-litchi-coop 单位 · [0-9]+月[0-9]+日", found[0].label)


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


def test_others_than_laboratories_reach_the_goods_and_samples_of_those_they_test_for(
    county: County, connection: Connection
) -> None:
    del connection
    county.hand_over("B-2", "40", "producer", "neighbour")
    own = {"purpose": "self_check", "samples": [{"sample": "S-3", "batch": "B-2"}]}
    county.record("sampling", "neighbour", details=own)
    mandate = {"code": "M-1", "to": county.code("station"), "kinds": ["testing"], "from": "2026-01-01"}
    county.record("mandate", "producer", details=mandate)

    def reached(who: str) -> set[str]:
        with county.service.store.read() as later:
            reach = reach_of(later, county.authors[who], beijing_date(county.service.clock.now_ms()))
            return {name for name in ("S-1", "S-2", "S-3", "B-1", "B-2") if find_target(later, reach, name)}

    assert reached("laboratory") == reached("other_laboratory") == {"S-1", "S-2", "S-3", "B-1", "B-2"}
    assert reached("producer") == reached("station") == {"S-1", "S-2", "S-3", "B-1", "B-2"}
    assert reached("neighbour") == {"S-2", "S-3", "B-2"}
    assert reached("shop") == set()


def test_what_others_have_is_not_suggested_to_who_only_tests_his_own(
    county: County, connection: Connection
) -> None:
    county.harvest("B-9", hours_ago=1)
    tested_ms = county.service.clock.now_ms()
    for unit in ("fg-litchi-coop", "单位"):
        for who, expected in (("neighbour", set()), ("producer", {"B-1", "B-2", "B-9"})):
            author = county.authors[who]
            with county.service.store.read() as later:
                reach = reach_of(later, author, beijing_date(tested_ms))
                found = suggest_targets(later, author, reach, unit, "荔枝", tested_ms, "zh")
            assert {each.value for each in found} == expected
