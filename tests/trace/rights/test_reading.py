from __future__ import annotations

import pytest
from sqlalchemy import select

from county import County
from heji_trace.errors import Unknown
from heji_trace.ledger.ledger import read_stored
from heji_trace.rights.listing import Filter, visible_events
from heji_trace.rights.reading import (
    check_may_read_batch,
    colleagues,
    disclosed_values,
    figures_withheld,
    readable_batches,
    seq_of,
    shown_body,
)
from heji_trace.store.tables import warnings


def readable(county: County, who: str) -> set[int]:
    with county.service.store.read() as connection:
        found = visible_events(connection, county.authors[who], Filter(), after=-1, before=10**9, limit=10**6)
    assert found == sorted(set(found))
    return set(found)


def disclosed(county: County, who: str, seq: int) -> dict[str, object]:
    with county.service.store.read() as connection:
        [stored] = read_stored(connection, [seq])
        author = county.authors[who]
        return disclosed_values(stored, author, colleagues(connection, author))


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


def test_a_receiver_sees_its_own_line_of_a_shipping_and_no_other(county: County) -> None:
    county.harvest("B1")
    lines = [
        {"batch": "B1", "quantity": "10", "unit": "kg", "to_organisation": county.code("shop")},
        {"batch": "B1", "quantity": "20", "unit": "kg", "to_organisation": county.code("packer")},
    ]
    details = {"vehicle": "粤R12345", "carrier": county.code("carrier")}
    sent = county.record("shipping", moves=lines, details=details, note="内部备注")
    shown = disclosed(county, "shop", sent.seq)
    assert shown == {
        "/moves/0/quantity": "10",
        "/moves/0/unit": "kg",
        "/moves/0/to_organisation": county.code("shop"),
        "/details/vehicle": "粤R12345",
        "/details/carrier": county.code("carrier"),
    }
    carried = disclosed(county, "carrier", sent.seq)
    assert "/moves/1/quantity" in carried
    assert "/note" not in carried
    assert sent.seq in readable(county, "carrier")
    assert disclosed(county, "neighbour", sent.seq) == {}
    assert "/note" in disclosed(county, "producer", sent.seq)
    assert "/note" in disclosed(county, "regulator", sent.seq)


def test_a_replacement_shows_its_receiver_what_the_statement_itself_would(county: County) -> None:
    county.harvest("B1")
    line = {"batch": "B1", "quantity": "10", "unit": "kg", "to_organisation": county.code("packer")}
    sent = county.record("shipping", moves=[line])
    meant = county.raw(
        "shipping",
        moves=[{**line, "quantity": "12", "to_organisation": county.code("shop")}],
        details={"vehicle": "粤R12345"},
        note="内部备注",
    )
    correction = {"corrects": [sent.event_id], "reason": "收货方写错", "replacement": meant}
    corrected = county.record("correction", details=correction)
    assert disclosed(county, "shop", corrected.seq) == {
        "/details/replacement/moves/0/quantity": "12",
        "/details/replacement/moves/0/unit": "kg",
        "/details/replacement/moves/0/to_organisation": county.code("shop"),
        "/details/replacement/details/vehicle": "粤R12345",
    }
    assert disclosed(county, "packer", corrected.seq) == {}


def test_a_step_away_only_the_public_part_is_shown(county: County) -> None:
    county.harvest("B1")
    county.hand_over("B1", "50", "producer", "packer")
    packed = county.make("packaging", {"B1": "40"}, {"P1": "39"}, "packer")
    assert disclosed(county, "producer", packed.seq) == {}
    with county.service.store.read() as connection:
        [stored] = read_stored(connection, [packed.seq])
    body = shown_body(stored.event, {})
    assert body["inputs"] == [{"batch": "B1"}]
    assert body["outputs"] == [{"batch": "P1", "product": "litchi-5kg"}]


def test_who_recorded_under_a_mandate_reads_what_it_typed(county: County) -> None:
    mandate = county.record(
        "mandate",
        details={"code": "m1", "to": county.code("station"), "kinds": ["harvest"], "from": "2026-01-01"},
    )
    event = county.raw(
        "harvest",
        cycles=["2026-litchi-031"],
        outputs=[{"batch": "B9", "product": "litchi-fresh", "quantity": "5", "unit": "kg"}],
    )
    assert county.post("/api/v1/events", event, "station").status_code == 201
    seq = county.size - 1
    assert {mandate.seq, seq} <= readable(county, "station")
    assert "/outputs/0/quantity" in disclosed(county, "station", seq)
    assert "/details/kinds" in disclosed(county, "station", mandate.seq)


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


def withheld(county: County, who: str, batch: str) -> set[str]:
    """The codes of the warnings of a batch whose amounts are not told to a person."""
    with county.service.store.read() as connection:
        rows = connection.execute(select(warnings).where(warnings.c.batch == batch)).all()
        keys = [(row.batch, row.code, row.cause_seq) for row in rows]
        return {code for _, code, _ in figures_withheld(connection, county.authors[who], keys)}


def test_amounts_in_a_warning_are_told_to_those_who_see_them_in_its_cause(county: County) -> None:
    county.harvest("B1")
    for who in ("packer", "shop"):
        county.hand_over("B1", "40", "producer", who)
    confirmed = ["COUNT_BELOW", "MASS_BALANCE"]
    county.move("stock_count", "B1", "17", "packer", details={"reason": "损耗"}, acknowledged=confirmed)
    county.make("packaging", {"B1": "10"}, {"P1": "15"}, "packer", acknowledged=confirmed)
    county.hand_over("P1", "5", "packer", "shop")
    for who in ("packer", "regulator", "operator"):
        assert withheld(county, who, "B1") == withheld(county, who, "P1") == set()
    assert withheld(county, "shop", "B1") == withheld(county, "producer", "B1") == {"COUNT_BELOW"}
    assert withheld(county, "shop", "P1") == {"MASS_BALANCE"}


def test_who_takes_more_of_a_maker_s_goods_than_there_are_is_not_told_by_how_much(county: County) -> None:
    county.harvest("B1")
    county.make("collection", {"B1": "333"}, {"C1": "333"}, "packer", acknowledged=["OVER_CONSUMPTION"])
    assert withheld(county, "packer", "B1") == {"OVER_CONSUMPTION"}
    assert withheld(county, "regulator", "B1") == set()
    county.harvest("B2")
    county.make("collection", {"B2": "333"}, {"C2": "333"}, acknowledged=["OVER_CONSUMPTION"])
    assert withheld(county, "producer", "B2") == set()
