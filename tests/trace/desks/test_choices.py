from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import Connection

from county import County
from heji_trace.desks.choices import (
    last_event,
    mandates_to,
    names_of,
    recent_events,
    recorded_for,
    standing_events,
)

DAY = date(2026, 6, 12)


def test_a_household_s_name_is_shown_to_itself_alone(county: County) -> None:
    details = {"code": "hh-1", "name": "张三", "subject_type": "farm_household", "roles": ["producer"]}
    county.record("organisation", "operator", details=details)
    with county.service.store.read() as connection:
        assert names_of(connection, ["hh-1"]) == {}
        assert names_of(connection, ["hh-1"], own=["hh-1"]) == {"hh-1": "张三"}


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


def test_recent_events_are_one_s_own_newest_first(county: County, traded: Connection) -> None:
    rows = recent_events(traded, county.authors["packer"], None, None, 10)
    assert [row.kind for row in rows] == ["receiving", "site"]
    assert [row.kind for row in recent_events(traded, county.authors["packer"], "site", None, 10)] == ["site"]
    assert recent_events(traded, county.authors["packer"], None, rows[-1].seq, 10) == []


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
