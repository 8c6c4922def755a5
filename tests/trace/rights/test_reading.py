from __future__ import annotations

import pytest

from county import County
from heji_trace.errors import Unknown
from heji_trace.ledger.ledger import read_stored
from heji_trace.rights.listing import Filter, visible_events
from heji_trace.rights.reading import check_may_read_batch, readable_batches, seq_of


def readable(county: County, who: str) -> set[int]:
    with county.service.store.read() as connection:
        found = visible_events(connection, county.authors[who], Filter(), after=-1, before=10**9, limit=10**6)
    assert found == sorted(set(found))
    return set(found)


def test_an_event_is_readable_one_by_one_exactly_where_the_list_has_it(county: County) -> None:
    county.harvest("B1")
    county.hand_over("B1", "50", "producer", "packer")
    county.make("packaging", {"B1": "40"}, {"P1": "40"}, "packer")
    county.hand_over("P1", "30", "packer", "shop")
    county.record("sampling", "laboratory", details=sample("S1", "P1"))
    for who in county.authors:
        listed = readable(county, who)
        with county.service.store.read() as connection:
            for stored in read_stored(connection, range(county.size)):
                if stored.seq in listed:
                    assert seq_of(connection, county.authors[who], stored.event.id) == stored.seq
                else:
                    with pytest.raises(Unknown):
                        seq_of(connection, county.authors[who], stored.event.id)


def sample(name: str, batch: str, purpose: str = "commissioned") -> dict[str, object]:
    return {"purpose": purpose, "samples": [{"sample": name, "batch": batch}]}


def result(name: str, laboratory: str, status: str, **more: object) -> dict[str, object]:
    return {
        "sample": name,
        "laboratory": laboratory,
        "method": "酶抑制率法",
        "method_class": "rapid",
        "results": [{"analyte": "有机磷", "value": "13.1"}],
        "conclusion": "negative",
        "status": status,
        **more,
    }


def test_an_organisation_reads_one_step_up_and_down_and_no_further(county: County) -> None:
    harvest = county.harvest("B1")
    sent, received = county.hand_over("B1", "50", "producer", "packer")
    packed = county.make("packaging", {"B1": "40"}, {"P1": "40"}, "packer")
    onward, arrived = county.hand_over("P1", "30", "packer", "shop")
    sold = county.move("sale", "P1", "3", "shop")
    chain = {each.seq for each in (harvest, sent, received, packed, onward, arrived, sold)}
    # What the receiver did with the batch that was sent to it is one step down; what it made from it goes on alone.
    assert readable(county, "producer") & chain == {harvest.seq, sent.seq, received.seq, packed.seq}
    assert readable(county, "packer") & chain == chain
    assert readable(county, "shop") & chain == {packed.seq, onward.seq, arrived.seq, sold.seq}
    assert readable(county, "neighbour") & chain == set()
    assert readable(county, "regulator") >= chain
    assert readable(county, "operator") >= chain


def test_a_batch_is_readable_to_who_had_a_part_in_it_or_in_one_a_step_away(county: County) -> None:
    county.harvest("B1")
    county.hand_over("B1", "50", "producer", "packer")
    county.make("packaging", {"B1": "40"}, {"P1": "40"}, "packer")
    county.hand_over("P1", "30", "packer", "shop")
    county.make("processing", {"P1": "5"}, {"Q1": "5"}, "packer")
    seen = {}
    with county.service.store.read() as connection:
        for who, author in county.authors.items():
            seen[who] = readable_batches(connection, author, ["B1", "P1", "Q1", "NONE"])
        with pytest.raises(Unknown):
            check_may_read_batch(connection, county.authors["neighbour"], "B1")
        with pytest.raises(Unknown):
            check_may_read_batch(connection, county.authors["operator"], "NONE")
    everything = {"B1", "P1", "Q1"}
    assert seen["producer"] == {"B1", "P1"}
    assert seen["packer"] == seen["regulator"] == seen["operator"] == everything
    assert seen["shop"] == {"B1", "P1"}
    assert seen["neighbour"] == seen["carrier"] == seen["laboratory"] == set()


def test_naming_a_foreign_batch_gives_no_part_in_it(county: County) -> None:
    harvest = county.harvest("B1")
    hold = county.record("hold", "other_laboratory", batches=["B1"], details={"reason": "待查"})
    assert readable(county, "other_laboratory") & {harvest.seq, hold.seq} == {hold.seq}
    with county.service.store.read() as connection:
        assert readable_batches(connection, county.authors["other_laboratory"], ["B1"]) == set()


def test_a_laboratory_reads_what_it_sampled_or_tested_and_the_producer_with_it(county: County) -> None:
    county.harvest("B1")
    county.hand_over("B1", "50", "producer", "shop")
    drawn = county.record("sampling", "laboratory", details=sample("S1", "B1"))
    early = county.record(
        "testing", "laboratory", details=result("S1", county.code("laboratory"), "preliminary")
    )
    assert {drawn.seq, early.seq} <= readable(county, "laboratory") & readable(county, "producer")
    assert readable(county, "shop") & {drawn.seq, early.seq} == set()
    assert readable(county, "other_laboratory") & {drawn.seq, early.seq} == set()
    reviewed = county.record(
        "testing", "laboratory", details=result("S1", county.code("laboratory"), "reviewed")
    )
    assert reviewed.seq in readable(county, "shop")
    with county.service.store.read() as connection:
        assert readable_batches(connection, county.authors["laboratory"], ["B1"]) == {"B1"}
        assert readable_batches(connection, county.authors["other_laboratory"], ["B1"]) == set()


def test_an_official_result_stays_with_laboratory_producer_and_regulator_until_released(
    county: County,
) -> None:
    county.harvest("B1")
    county.hand_over("B1", "50", "producer", "shop")
    county.record("sampling", "laboratory", details=sample("S1", "B1", "supervised"))
    final = county.record("testing", "laboratory", details=result("S1", county.code("laboratory"), "final"))
    assert final.seq in readable(county, "producer") & readable(county, "regulator")
    assert final.seq not in readable(county, "shop")


def test_holds_and_recalls_reach_whoever_holds_the_goods(county: County) -> None:
    county.harvest("B1")
    county.hand_over("B1", "50", "producer", "shop")
    held = county.record("hold", "regulator", batches=["B1"], details={"reason": "待查"})
    freed = county.record("release", "regulator", details={"hold": held.event_id, "reason": "合格"})
    recalled = county.record(
        "recall", "regulator", batches=["B1"], details={"level": 1, "ordered": True, "reason": "超标"}
    )
    steps = {held.seq, freed.seq, recalled.seq}
    assert steps <= readable(county, "shop")
    assert steps <= readable(county, "producer")
    assert steps & readable(county, "neighbour") == set()


def test_who_recorded_under_a_mandate_reads_that_and_the_mandate(county: County) -> None:
    details = {"code": "m1", "to": county.code("station"), "kinds": ["harvest"], "from": "2026-01-01"}
    mandate = county.record("mandate", details=details)
    harvest = county.recorder.submit(county.harvesting("B9"), county.authors["station"])
    assert {mandate.seq, harvest.seq} <= readable(county, "station")
