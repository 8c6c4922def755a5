from __future__ import annotations

import pytest

from county import County
from heji_trace.errors import InvalidEvent, NotAllowed
from heji_trace.recording.recorder import Receipt
from heji_trace.rights.objections import Objection, objections_to
from labelled import sample, state_result


def object_to(county: County, event_id: str, who: str = "producer") -> Receipt:
    details = {"to": event_id, "grounds": "样品并非取自本批次", "asks_retest": True}
    return county.record("objection", who, details=details)


def standing(county: County, event_id: str, who: str) -> tuple[Objection, ...]:
    with county.service.store.read() as connection:
        return objections_to(connection, county.authors[who], event_id)


def test_whose_goods_are_held_may_object_and_the_hold_stands(county: County) -> None:
    county.harvest("B1", "100")
    hold = county.record("hold", "laboratory", batches=["B1"], details={"reason": "快检阳性"})
    made = object_to(county, hold.event_id)
    [seen] = standing(county, hold.event_id, "laboratory")
    assert (seen.event_id, seen.organisation) == (made.event_id, county.code("producer"))
    live = county.get("/api/v1/batches/B1/warnings", "producer").get_json()["live"]
    assert [each["code"] for each in live] == ["ON_HOLD"]


def test_whose_goods_were_tested_may_object_to_the_result(county: County) -> None:
    county.harvest("B1", "100")
    sample(county, "S1", "B1")
    state_result(county, "S1", "positive")
    newest = county.get("/api/v1/events?kind=testing", "regulator").get_json()["events"][-1]["event"]["id"]
    object_to(county, newest)
    assert len(standing(county, newest, "regulator")) == 1


def test_whom_a_statement_does_not_concern_has_nothing_to_object(county: County) -> None:
    hold = county.harvest("B1", "100")
    with pytest.raises(NotAllowed):
        object_to(county, hold.event_id, "neighbour")


@pytest.mark.parametrize("who", ["regulator", "operator"])
def test_who_watches_over_the_county_may_object_to_anything(county: County, who: str) -> None:
    harvest = county.harvest("B1", "100")
    made = object_to(county, harvest.event_id, who)
    [seen] = standing(county, harvest.event_id, "producer")
    assert (seen.event_id, seen.organisation) == (made.event_id, county.code(who))


def test_there_must_be_something_to_object_to(county: County) -> None:
    with pytest.raises(InvalidEvent) as refused:
        object_to(county, county.new_id())
    assert [problem.code for problem in refused.value.problems] == ["unknown-event"]


def test_strangers_are_told_of_no_objection(county: County) -> None:
    made = county.harvest("B1", "100")
    county.hand_over("B1", "10", "producer", "shop")
    object_to(county, made.event_id, "shop")
    assert len(standing(county, made.event_id, "producer")) == 1
    assert standing(county, made.event_id, "packer") == ()


def test_a_withdrawn_objection_stands_no_more(county: County) -> None:
    made = county.harvest("B1", "100")
    wrong = object_to(county, made.event_id)
    county.record("correction", details={"corrects": [wrong.event_id], "reason": "误提"})
    assert standing(county, made.event_id, "regulator") == ()
