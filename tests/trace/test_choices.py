from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest
from sqlalchemy import Connection

from county import CYCLE, PACKED, PLOT, PRODUCT, County
from heji_trace.choices import (
    Asking,
    Suggestion,
    last_event,
    mandates_to,
    names_of,
    recent_events,
    recorded_for,
    standing_events,
    suggest,
)
from labelled import label

DAY = date(2026, 6, 12)


@pytest.fixture
def connection(county: County) -> Iterator[Connection]:
    county.harvest("B-1", "120.5", hours_ago=3)
    county.harvest("B-2", "40", hours_ago=2)
    county.hand_over("B-2", "40", "producer", "packer")
    county.move("shipping", "B-1", "20", "producer", to="shop")
    with county.service.store.read() as connection:
        yield connection


def offered(connection: Connection, county: County, who: str, *wanted: str) -> dict[str, list[str]]:
    """The values that are offered to a person."""
    asking = Asking(county.authors[who], (county.code(who),), "zh")
    return {
        name: [each.value for each in found] for name, found in suggest(connection, asking, wanted).items()
    }


def test_own_sites_cycles_and_stock_are_offered_and_no_one_else_s(
    county: County, connection: Connection
) -> None:
    own = offered(connection, county, "producer", "site", "cycle", "batch")
    assert own == {"site": [PLOT], "cycle": [CYCLE], "batch": ["B-1"]}
    assert offered(connection, county, "neighbour", "site", "cycle", "batch") == {
        "site": [],
        "cycle": [],
        "batch": [],
    }


def test_stock_is_told_with_product_and_amount(county: County, connection: Connection) -> None:
    asking = Asking(county.authors["producer"], (county.code("producer"),), "zh")
    assert suggest(connection, asking, ["batch"])["batch"] == (Suggestion("B-1", "鲜荔枝 100.5 千克"),)


def test_what_is_on_its_way_is_offered_to_who_shall_receive_it(
    county: County, connection: Connection
) -> None:
    found = offered(connection, county, "shop", "arriving", "shipping")
    assert found["arriving"] == ["B-1"]
    assert len(found["shipping"]) == 1
    assert offered(connection, county, "packer", "arriving")["arriving"] == []


def test_every_product_is_offered(county: County, connection: Connection) -> None:
    assert set(offered(connection, county, "packer", "product")["product"]) == {PRODUCT, PACKED}


def test_an_unknown_source_offers_nothing(county: County, connection: Connection) -> None:
    assert offered(connection, county, "packer", "nothing") == {}


def test_open_holds_are_offered_to_who_placed_them_and_to_the_regulator(county: County) -> None:
    county.harvest("B-1", "10", hours_ago=2)
    hold = county.record("hold", "producer", batches=["B-1"], details={"reason": "待检"})
    with county.service.store.read() as connection:
        assert offered(connection, county, "producer", "hold") == {"hold": [hold.event_id]}
        assert offered(connection, county, "regulator", "hold") == {"hold": [hold.event_id]}
        assert offered(connection, county, "neighbour", "hold") == {"hold": []}


def test_recalls_are_offered_to_whom_they_reach(county: County) -> None:
    county.harvest("B-1", "10", hours_ago=2)
    county.hand_over("B-1", "5", "producer", "shop")
    details = {"level": 1, "ordered": True, "reason": "超标"}
    recall = county.record("recall", "regulator", batches=["B-1"], details=details)
    with county.service.store.read() as connection:
        for who in ("regulator", "producer", "shop"):
            assert offered(connection, county, who, "recall") == {"recall": [recall.event_id]}
        assert offered(connection, county, "neighbour", "recall") == {"recall": []}


def test_runs_of_labels_are_offered_to_who_issued_them_until_they_are_void(county: County) -> None:
    county.harvest("B-1", "10", hours_ago=2)
    first, second = label(county, "B-1", PRODUCT), label(county, None, PRODUCT)
    county.record("label_void", details={"run": first.event_id, "reason": "印错"})
    with county.service.store.read() as connection:
        assert offered(connection, county, "producer", "run") == {"run": [second.event_id]}
        assert offered(connection, county, "packer", "run") == {"run": []}


def test_a_household_s_name_is_shown_to_itself_alone(county: County) -> None:
    details = {"code": "hh-1", "name": "张三", "subject_type": "farm_household", "roles": ["producer"]}
    county.record("organisation", "operator", details=details)
    with county.service.store.read() as connection:
        assert names_of(connection, ["hh-1"]) == {}
        assert names_of(connection, ["hh-1"], own=["hh-1"]) == {"hh-1": "张三"}
        asking = Asking(county.authors["shop"], ("gz-fruit-shop",), "zh")
        assert "hh-1" not in [
            each.value for each in suggest(connection, asking, ["organisation"])["organisation"]
        ]


@pytest.mark.parametrize(
    "changed, is_in_force",
    [
        ({}, True),
        ({"from": "2026-06-13"}, False),
        ({"until": "2026-06-11"}, False),
        ({"revoked": True}, False),
    ],
)
def test_a_mandate_counts_in_its_time_unless_it_is_revoked(
    county: County, changed: dict[str, object], is_in_force: bool
) -> None:
    mandate = {
        "code": "m-1",
        "to": county.code("station"),
        "kinds": ["harvest", "hold"],
        "from": "2026-01-01",
    }
    county.record("mandate", "producer", details=mandate | changed)
    with county.service.store.read() as connection:
        found = mandates_to(connection, county.code("station"), DAY)
        recorded = recorded_for(connection, county.authors["station"], DAY)
    assert [each.giver for each in found] == ([county.code("producer")] if is_in_force else [])
    assert recorded.get("harvest") == ([county.code("producer")] if is_in_force else None)
    own = [county.code("station")]
    assert recorded["hold"] == ([*own, county.code("producer")] if is_in_force else own)


def test_recent_events_are_one_s_own_newest_first(county: County, connection: Connection) -> None:
    rows = recent_events(connection, county.authors["packer"], None, None, 10)
    assert [row.kind for row in rows] == ["receiving", "site"]
    assert [row.kind for row in recent_events(connection, county.authors["packer"], "site", None, 10)] == [
        "site"
    ]
    assert recent_events(connection, county.authors["packer"], None, rows[-1].seq, 10) == []


def test_a_corrected_event_is_neither_the_last_nor_standing(county: County) -> None:
    first = county.harvest("B-1", "10", hours_ago=3)
    second = county.harvest("B-2", "10", hours_ago=2)
    details = {"corrects": [second.event_id], "reason": "写错"}
    county.record("correction", "producer", details=details)
    with county.service.store.read() as connection:
        assert last_event(connection, county.code("producer"), "harvest") == first.seq
        assert standing_events(connection, [first.event_id, second.event_id]) == {
            county.code("producer"): [first.event_id]
        }
