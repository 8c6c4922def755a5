from __future__ import annotations

from collections.abc import Collection

import pytest
from sqlalchemy import Connection

from county import County
from heji_trace.desks.oversight import (
    Answer,
    answer_of,
    entries_of_chain,
    records_about,
    samples_tested,
    untested_siblings,
    warnings_of,
)
from heji_trace.errors import InvalidEvent
from heji_trace.tracing.tracing import trace_of

KG = 1_000 * 10**6


@pytest.fixture
def chain(county: County) -> County:
    """Two harvests in one pack, of which a shop has sold a part and awaits a part."""
    county.harvest("LZ-1", "800", hours_ago=30)
    county.harvest("LZ-2", "400", hours_ago=28)
    county.hand_over("LZ-1", "600", "producer", "packer")
    county.hand_over("LZ-2", "400", "producer", "packer")
    county.make("packaging", {"LZ-1": "500", "LZ-2": "300"}, {"PK-1": "780"}, "packer")
    county.hand_over("PK-1", "400", "packer", "shop")
    county.move("shipping", "PK-1", "100", "packer", to="shop")
    county.move("sale", "PK-1", "120", "shop")
    return county


def answer(connection: Connection, county: County, who: str, batch: str) -> Answer:
    trace = trace_of(connection, batch, "both")
    assert trace is not None
    return answer_of(connection, county.authors[who], trace, "zh")


def test_totals_are_of_the_batch_and_what_was_made_from_it(chain: County) -> None:
    with chain.service.store.read() as connection:
        found = answer(connection, chain, "regulator", "LZ-1")
    assert found.held == {"mass": 860 * KG}
    assert found.coming == {"mass": 100 * KG}
    assert found.sold == {"mass": 120 * KG}


def test_parties_with_goods_to_be_stopped_come_first_and_suppliers_stand_apart(chain: County) -> None:
    with chain.service.store.read() as connection:
        found = answer(connection, chain, "regulator", "PK-1")
    assert [party.organisation for party in found.parties] == ["gz-fruit-shop", "fg-packing"]
    assert found.parties[0].coming == {"mass": 100 * KG}
    assert [party.organisation for party in found.suppliers] == ["fg-litchi-coop"]


def test_each_row_says_how_much_passed_between_it_and_the_batch(chain: County) -> None:
    with chain.service.store.read() as connection:
        up = answer(connection, chain, "regulator", "PK-1")
        down = answer(connection, chain, "regulator", "LZ-1")
    assert {shown.row.batch: shown.passed for shown in up.rows} == {
        "PK-1": {},
        "LZ-1": {"mass": 500 * KG},
        "LZ-2": {"mass": 300 * KG},
    }
    assert {shown.row.batch: shown.passed for shown in down.rows}["PK-1"] == {"mass": 500 * KG}


def test_others_see_their_own_stock_and_only_what_they_made_with_amounts(chain: County) -> None:
    with chain.service.store.read() as connection:
        shop = answer(connection, chain, "shop", "PK-1")
        farmer = answer(connection, chain, "producer", "LZ-1")
        packer = answer(connection, chain, "packer", "PK-1")
    assert shop.held == {"mass": 280 * KG}
    assert [party.organisation for party in shop.parties] == ["gz-fruit-shop"]
    assert all(not shown.passed for shown in (*shop.rows, *farmer.rows))
    assert {shown.row.batch for shown in farmer.rows} == {"LZ-1", "PK-1"}
    assert {shown.row.batch: shown.passed for shown in packer.rows}["LZ-1"] == {"mass": 500 * KG}


def test_warnings_are_those_of_the_time_and_lifted_ones_come_last(chain: County) -> None:
    hold = chain.record("hold", "packer", batches=["PK-1"], details={"reason": "待检"})
    chain.record("release", "packer", details={"hold": hold.event_id, "reason": "合格"})
    chain.record(
        "recall", "regulator", batches=["PK-1"], details={"level": 1, "ordered": True, "reason": "超标"}
    )
    with chain.service.store.read() as connection:
        now = warnings_of(connection, ["PK-1"], None)["PK-1"]
        then = warnings_of(connection, ["PK-1"], hold.seq)["PK-1"]
        before = warnings_of(connection, ["PK-1"], hold.seq - 1)
    assert [(each.code, each.is_lifted) for each in now] == [("RECALLED", False), ("ON_HOLD", True)]
    assert [(each.code, each.is_lifted) for each in then] == [("ON_HOLD", False)]
    assert before == {}


def test_the_newest_step_of_each_sample_is_told(chain: County) -> None:
    samples = {"purpose": "commissioned", "samples": [{"sample": "S-1", "batch": "PK-1"}]}
    chain.record("sampling", "laboratory", batches=["PK-1"], details=samples)
    results: dict[str, list[dict[str, str]]] = {}
    for status in ("registered", "preliminary"):
        details = {"sample": "S-1", "laboratory": chain.code("laboratory"), "status": status}
        if status == "preliminary":
            details |= {"method": "m", "method_class": "rapid", "conclusion": "negative"}
            results = {"results": [{"analyte": "a", "value": "1"}]}
        last = chain.record("testing", "laboratory", details={**details, **results})
    with chain.service.store.read() as connection:
        found = samples_tested(connection, chain.authors["regulator"], ["PK-1", "LZ-1"], None)
    assert [(each.seq, each.status) for each in found["PK-1"]] == [(last.seq, "preliminary")]
    assert "LZ-1" not in found


def test_what_else_was_made_from_the_same_sources_and_never_tested_is_told(chain: County) -> None:
    chain.make("packaging", {"LZ-1": "50"}, {"PK-2": "50"}, "packer")
    chain.make("packaging", {"LZ-1": "50"}, {"PK-3": "50"}, "packer")
    samples = {"purpose": "commissioned", "samples": [{"sample": "S-1", "batch": "PK-3"}]}
    chain.record("sampling", "laboratory", batches=["PK-3"], details=samples)
    details = {"sample": "S-1", "laboratory": chain.code("laboratory"), "status": "registered"}
    chain.record("testing", "laboratory", details=details)
    with chain.service.store.read() as connection:
        assert untested_siblings(connection, chain.authors["regulator"], "PK-1", None) == ["PK-2"]
        assert untested_siblings(connection, chain.authors["regulator"], "LZ-1", None) == []


def test_of_more_records_than_are_shown_the_newest_are_given_in_their_order(county: County) -> None:
    county.harvest("B1", "100")
    given = [receipt.seq for _ in range(3) for receipt in county.hand_over("B1", "10", "producer", "shop")]
    with county.service.store.read() as connection:
        for who in ("regulator", "producer"):
            found = records_about(connection, county.authors[who], "B1", None, 3)
            assert [row.seq for row in found] == given[-3:]


def test_a_result_that_is_not_released_is_told_to_none_but_laboratory_producer_and_overseers(
    county: County,
) -> None:
    county.harvest("B1", "100")
    county.hand_over("B1", "50", "producer", "shop")
    sample = {"purpose": "supervised", "samples": [{"sample": "S-1", "batch": "B1"}]}
    county.record("sampling", "laboratory", details=sample)
    result = {
        "sample": "S-1",
        "laboratory": county.code("laboratory"),
        "method": "GB 23200.121",
        "method_class": "formal",
        "results": [{"analyte": "克百威", "value": "0.5", "unit": "mg/kg", "outcome": "nonconforming"}],
        "conclusion": "nonconforming",
        "status": "final",
    }

    def told(who: str) -> list[str]:
        with county.service.store.read() as connection:
            return [each.conclusion for each in answer(connection, county, who, "B1").rows[0].tests]

    county.record("testing", "laboratory", details=result)
    assert told("shop") == []
    for who in ("laboratory", "producer", "regulator"):
        assert told(who) == ["nonconforming"]
    county.record("testing", "regulator", details=result | {"released_at": county.at()})
    assert told("shop") == ["nonconforming"]


def test_amounts_that_are_others_to_know_are_left_out_of_warnings(county: County) -> None:
    county.harvest("B1", "100")
    county.hand_over("B1", "30", "producer", "packer")
    county.hand_over("B1", "40", "producer", "shop")
    confirmed = ["COUNT_BELOW"]
    county.move("stock_count", "B1", "17", "packer", details={"reason": "损耗"}, acknowledged=confirmed)

    def told(who: str) -> list[object]:
        with county.service.store.read() as connection:
            shown = answer(connection, county, who, "B1").rows[0]
            return [each.data.get("counted") for each in shown.warnings if each.code == "COUNT_BELOW"]

    assert told("packer") == told("regulator") == [17 * KG]
    assert told("shop") == [None]


def test_a_household_is_called_by_its_code_but_to_itself_and_those_it_trusts(county: County) -> None:
    code = county.code("producer")
    details = {"code": code, "name": "农户甲", "subject_type": "farm_household", "roles": ["producer"]}
    county.record("organisation", "operator", details=details | {"contact": "13800000000"})
    county.harvest("B1", "100")
    county.hand_over("B1", "40", "producer", "shop")

    def told(who: str, own: Collection[str] = ()) -> tuple[str, str]:
        with county.service.store.read() as connection:
            trace = trace_of(connection, "B1", "both")
            assert trace is not None
            found = answer_of(connection, county.authors[who], trace, "zh", own=own)
        contacts = [each.contact for each in found.parties if each.organisation == code]
        return found.rows[0].organisation, "".join(contacts)

    assert told("shop") == (code, "")
    assert told("shop", own=[code]) == ("农户甲", "")
    assert told("producer") == told("regulator") == ("农户甲", "13800000000")


def test_the_entries_of_a_chain_tell_what_corrects_contradicts_and_follows_up(chain: County) -> None:
    wrong = chain.move("sale", "PK-1", "3", "shop")
    mended = chain.raw("sale", "shop", moves=[{"batch": "PK-1", "quantity": "2", "unit": "kg"}])
    first = chain.record(
        "correction",
        "shop",
        details={"corrects": [wrong.event_id], "reason": "数量写错", "replacement": mended},
    )
    second = chain.record("correction", "shop", details={"corrects": [first.event_id], "reason": "并未出售"})
    details = {"level": 2, "ordered": True, "reason": "检查"}
    recall = chain.record("recall", "regulator", batches=["PK-1"], details=details).event_id
    told = chain.record("recall_update", "regulator", details={"recall": recall, "status": "notified"})
    against = chain.record("objection", "packer", details={"to": recall, "grounds": "已复检"})
    with chain.service.store.read() as connection:
        for as_of_seq in (None, second.seq):
            trace = trace_of(connection, "LZ-1", "both", as_of_seq)
            assert trace is not None
            found = entries_of_chain(connection, chain.authors["regulator"], trace, 100)
            assert {wrong.seq, first.seq, second.seq} <= set(found)
            later = {told.seq, against.seq} if as_of_seq is None else set()
            assert {seq for seq in found if seq > second.seq + 1} == later


def test_the_entries_of_a_chain_are_all_that_prove_it_or_none(chain: County) -> None:
    with chain.service.store.read() as connection:
        trace = trace_of(connection, "LZ-1", "both")
        assert trace is not None
        author = chain.authors["regulator"]
        found = entries_of_chain(connection, author, trace, 100)
        assert {seq for row in trace.rows for seq, _ in row.proofs} < set(found)
        assert entries_of_chain(connection, author, trace, len(found)) == found
        with pytest.raises(InvalidEvent) as refused:
            entries_of_chain(connection, author, trace, len(found) - 1)
    assert refused.value.problems[0].code == "too-many-to-prove"
