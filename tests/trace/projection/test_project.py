"""Effects on the read tables, corrections above all; after each test a replay must give the same tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from county import CYCLE, PACKED, PRODUCT, County
from heji_trace.errors import BulkRefused, Conflict, InvalidEvent, NeedsAcknowledgement, NotAllowed
from heji_trace.known.state import State
from heji_trace.ledger import ledger
from heji_trace.projection import project
from heji_trace.projection.replay import check_projections
from heji_trace.store import tables
from ledger_check import check_ledger, tamper


@pytest.fixture(autouse=True)
def rebuilt_equals_live(county: County) -> Iterator[None]:
    yield
    check_ledger(county.service)


def correct(county: County, *event_ids: str, who: str = "producer", replacement: Any = None) -> Any:
    details: dict[str, Any] = {"corrects": list(event_ids), "reason": "录入错误"}
    if replacement is not None:
        details["replacement"] = replacement
    return county.record("correction", who, details=details)


def held(county: County, batch: str, who: str = "producer") -> int:
    """In grams."""
    with county.service.store.read() as connection:
        return State(connection).held_stock(batch, county.code(who)).get("mass", 0) // 10**6


def batch_row(county: County, batch: str) -> Any:
    with county.service.store.read() as connection:
        return connection.execute(select(tables.batches).where(tables.batches.c.batch == batch)).one()


def test_a_withdrawn_record_loses_its_effects_and_stays_visible(county: County) -> None:
    made = county.harvest("A1", "100")
    sold = county.move("sale", "A1", "30")
    assert held(county, "A1") == 70_000
    receipt = correct(county, sold.event_id)
    assert held(county, "A1") == 100_000
    with county.service.store.read() as connection:
        rows = connection.execute(
            select(tables.events.c.withdrawn_seq).where(tables.events.c.seq.in_([made.seq, sold.seq]))
        )
        assert [row.withdrawn_seq for row in rows] == [None, receipt.seq]


def test_a_replacement_takes_the_place_of_the_record(county: County) -> None:
    made = county.harvest("A1", "100")
    correct(county, made.event_id, replacement=county.harvesting("A1", "80").body)
    assert held(county, "A1") == 80_000
    assert batch_row(county, "A1").unknown_origin == 0


def test_a_replacement_can_be_corrected_in_its_turn(county: County) -> None:
    made = county.harvest("A1", "100")
    first = correct(county, made.event_id, replacement=county.harvesting("A1", "80").body)
    with pytest.raises(Conflict, match="already corrected"):
        correct(county, made.event_id, replacement=county.harvesting("A1", "70").body)
    correct(county, first.event_id, replacement=county.harvesting("A1", "60").body)
    assert held(county, "A1") == 60_000


def test_a_replacement_may_keep_the_id_of_what_it_replaces(county: County) -> None:
    made = county.harvest("A1", "100")
    other = county.harvest("A2")
    body = county.harvesting("A1", "80").body
    with pytest.raises(Conflict, match="already stands"):
        correct(county, made.event_id, replacement={**body, "id": other.event_id})
    correct(county, made.event_id, replacement={**body, "id": made.event_id})
    assert held(county, "A1") == 80_000


def test_a_whole_import_is_taken_back_at_once(county: County) -> None:
    receipts = county.recorder.submit_all(
        [county.harvesting(f"A{number}") for number in range(20)], county.authors["producer"]
    )
    correct(county, *(receipt.event_id for receipt in receipts))
    assert [held(county, f"A{number}") for number in range(20)] == [0] * 20


def test_a_batch_whose_making_was_withdrawn_is_of_unknown_origin_for_what_was_made_from_it(
    county: County,
) -> None:
    made = county.harvest("A1", "100")
    county.make("packaging", {"A1": "40"}, {"P1": "40"})
    assert county.warned("P1") == []
    correct(county, made.event_id)
    assert county.warned("A1") == ["CHAIN_BROKEN", "OVER_CONSUMPTION"]
    assert county.warned("P1") == ["CHAIN_BROKEN"]
    county.harvest("A1", "100")
    assert county.warned("A1") == ["OVER_CONSUMPTION"]
    assert county.warned("P1") == []


def test_stock_that_a_correction_leaves_below_nothing_is_a_warning_until_that_is_corrected(
    county: County,
) -> None:
    made = county.harvest("A1", "100")
    county.move("sale", "A1", "90")
    first = correct(county, made.event_id, replacement=county.harvesting("A1", "50").body)
    assert first.warnings == ("OVER_CONSUMPTION",)
    assert held(county, "A1") == -40_000
    correct(county, first.event_id, replacement=county.harvesting("A1", "95").body)
    assert county.warned("A1") == []


def test_a_wrong_edge_is_taken_out_of_the_lineage_with_what_came_over_it(county: County) -> None:
    county.harvest("A1")
    county.harvest("A2")
    wrong = county.make("packaging", {"A1": "40"}, {"P1": "40"})
    county.record("hold", "regulator", batches=["A1"], details={"reason": "核查"})
    assert county.warned("P1") == ["ON_HOLD"]
    body = county.event(
        "packaging",
        inputs=[{"batch": "A2", "quantity": "40", "unit": "kg"}],
        outputs=[{"batch": "P1", "product": PACKED, "quantity": "40", "unit": "kg"}],
    ).body
    correct(county, wrong.event_id, replacement=body)
    assert county.warned("P1") == []
    assert (held(county, "A1"), held(county, "A2")) == (100_000, 60_000)


def test_what_still_comes_over_another_edge_stays(county: County) -> None:
    county.harvest("A1")
    county.record(
        "recall", "regulator", batches=["A1"], details={"level": 1, "ordered": True, "reason": "超标"}
    )
    known = ["HELD_MOVED", "RECALLED"]
    first = county.make("packaging", {"A1": "10"}, {"P1": "10"}, acknowledged=known)
    county.make("packaging", {"P1": "5"}, {"Q1": "5"}, acknowledged=known)
    county.make("packaging", {"A1": "5"}, {"Q2": "5"}, acknowledged=known)
    county.make("grading", {"A1": "5", "P1": "1"}, {"Q3": "6"}, acknowledged=known)
    assert [county.warned(batch) for batch in ("P1", "Q1", "Q2", "Q3")] == [
        ["HELD_MOVED", "ON_HOLD"],
        ["ON_HOLD"],
        ["ON_HOLD"],
        ["ON_HOLD"],
    ]
    correct(county, first.event_id)
    # P1 and what was made of it alone have nothing of the recall any more, and nobody moved P1 in spite of it; Q2 and
    # Q3 have it over their own edges.
    assert [county.warned(batch) for batch in ("P1", "Q1", "Q2", "Q3")] == [
        ["CHAIN_BROKEN", "OVER_CONSUMPTION"],
        ["CHAIN_BROKEN"],
        ["ON_HOLD"],
        ["CHAIN_BROKEN", "ON_HOLD"],
    ]


def test_withdrawing_a_hold_lifts_it_and_withdrawing_its_release_puts_it_back(county: County) -> None:
    county.harvest("A1")
    hold = county.record("hold", "regulator", batches=["A1"], details={"reason": "核查"})
    release = county.record("release", "regulator", details={"hold": hold.event_id, "reason": "核查完毕"})
    assert county.warned("A1") == []
    correct(county, release.event_id, who="regulator")
    assert county.warned("A1") == ["ON_HOLD"]
    correct(county, hold.event_id, who="regulator")
    assert county.warned("A1") == []


def test_a_withdrawn_planting_changes_what_its_harvests_are_judged_by(county: County) -> None:
    rows = [{"active": "毒死蜱", "crop": "荔枝", "days": "21"}]
    details = {
        "table": "intervals",
        "edition": "2026",
        "rows": rows,
        "source": "GB/T 8321",
        "verified": False,
        "effective_from": "2020-01-01",
    }
    county.record("edition", "operator", details=details)
    planted = county.record(
        "planting", hours_ago=2000, site="fg-plot-031", details={"cycle": "C2", "crop": "荔枝"}
    )
    spray = {"input_type": "pesticide", "name": "毒死蜱乳油", "active_substances": ["毒死蜱"]}
    county.record("input_application", hours_ago=48, cycles=["C2"], details=spray)
    outputs = [{"batch": "A1", "product": PRODUCT, "quantity": "10", "unit": "kg"}]
    county.record("harvest", cycles=["C2"], outputs=outputs, acknowledged=["PHI_VIOLATION"])
    assert county.warned("A1") == ["PHI_VIOLATION"]
    body = county.event(
        "planting", hours_ago=2000, site="fg-plot-031", details={"cycle": "C2", "crop": "龙眼"}
    ).body
    correct(county, planted.event_id, replacement=body)
    assert county.warned("A1") == []


def test_a_correction_is_not_a_door_around_the_rights(county: County) -> None:
    made = county.harvest("A1")
    with pytest.raises(NotAllowed):
        correct(county, made.event_id, who="neighbour")
    testing = county.event(
        "recall",
        "regulator",
        batches=["A1"],
        details={"level": 1, "ordered": True, "reason": "超标"},
    ).body
    with pytest.raises(NotAllowed):
        correct(county, made.event_id, replacement=testing)
    label = county.event(
        "label_issue",
        details={
            "product": PRODUCT,
            "batch": "A1",
            "trace_code": "3K7TQ9W2MX4RA6BC",
            "phone_code": "4082190376",
            "copies": 1,
        },
    )
    with pytest.raises(NotAllowed, match="labels"):
        correct(county, made.event_id, replacement=label.body)


def test_a_replacement_is_judged_like_any_event(county: County) -> None:
    made = county.harvest("A1")
    body = county.harvesting("A1").body
    outputs = [{**body["outputs"][0], "product": "nothing-known"}]
    with pytest.raises(InvalidEvent) as refused:
        correct(county, made.event_id, replacement={**body, "outputs": outputs})
    assert [problem.pointer for problem in refused.value.problems] == [
        "/details/replacement/outputs/0/product"
    ]


def test_an_unknown_origin_opens_a_batch_that_can_be_made_known_later(county: County) -> None:
    moves = [{"batch": "X1", "quantity": "50", "unit": "kg", "product": PRODUCT}]
    with pytest.raises(NeedsAcknowledgement) as asked:
        county.record("receiving", "shop", moves=moves)
    assert [question.code for question in asked.value.questions] == ["UNKNOWN_ORIGIN"]
    county.record("receiving", "shop", moves=moves, acknowledged=["UNKNOWN_ORIGIN"])
    assert county.warned("X1") == ["CHAIN_BROKEN"]
    county.make("packaging", {"X1": "10"}, {"P1": "10"}, "packer", acknowledged=["OVER_CONSUMPTION"])
    assert "CHAIN_BROKEN" in county.warned("P1")
    county.harvest("X1", "50")
    assert county.warned("P1") == []


def test_what_was_received_and_corrected_is_of_the_product_that_the_correction_names(county: County) -> None:
    line = {"batch": "W1", "product": PRODUCT, "quantity": "10", "unit": "kg"}
    received = county.record("receiving", "shop", moves=[line], acknowledged=["UNKNOWN_ORIGIN"])
    body = county.raw(
        "receiving", "shop", moves=[{**line, "product": PACKED}], acknowledged=["UNKNOWN_ORIGIN"]
    )
    correct(county, received.event_id, who="shop", replacement=body)
    row = batch_row(county, "W1")
    assert (row.kind, row.product, row.unknown_origin) == ("receiving", PACKED, 1)
    assert row.made_seq == county.size - 1


def test_goods_pass_from_hand_to_hand(county: County) -> None:
    county.harvest("A1", "100")
    sent = county.move("shipping", "A1", "60", to="shop")
    assert (held(county, "A1"), held(county, "A1", "shop")) == (40_000, 0)
    line = {"batch": "A1", "quantity": "55", "unit": "kg"}
    rejected = [{"batch": "A1", "quantity": "5", "unit": "kg"}]
    county.record(
        "receiving", "shop", moves=[line], details={"shipping": sent.event_id, "rejected": rejected}
    )
    assert (held(county, "A1"), held(county, "A1", "shop")) == (40_000, 55_000)
    # What was rejected is on its way back, and arrives without a further shipping.
    county.move("receiving", "A1", "5")
    assert held(county, "A1") == 45_000
    assert county.warned("A1") == []


def test_what_arrives_without_having_been_sent_breaks_the_chain(county: County) -> None:
    county.harvest("A1", "100")
    county.move("receiving", "A1", "10", "shop")
    assert county.warned("A1") == ["CHAIN_BROKEN"]


def test_a_rejected_amount_that_cannot_be_measured_is_refused_with_its_place(county: County) -> None:
    county.harvest("A1", "100")
    rejected = [{"batch": "A1", "quantity": "999999999999", "unit": "t"}]
    with pytest.raises(InvalidEvent) as refused:
        county.move("receiving", "A1", "10", "shop", details={"rejected": rejected})
    assert [problem.pointer for problem in refused.value.problems] == ["/details/rejected/0/quantity"]


def test_rebuilding_makes_the_tables_again_whatever_was_in_them(county: County) -> None:
    county.harvest("A1")
    county.make("packaging", {"A1": "40"}, {"P1": "40"})
    county.record("hold", "regulator", batches=["A1"], details={"reason": "核查"})
    with county.service.store.write() as connection:
        connection.execute(delete(tables.warnings))
        connection.execute(update(tables.batches).values(product="another"))
        size = ledger.size_of(connection)
        done: list[int] = []
        project.rebuild(connection, ledger.read_all(connection, size), done.append)
    assert done[-1] == size
    assert county.warned("P1") == ["ON_HOLD"]


@pytest.mark.parametrize(
    "statement, kind, table, row",
    [
        ("UPDATE warnings SET lifted_seq = 0 WHERE batch = 'P1'", "row-differs", "warnings", "P1,ON_HOLD"),
        ("DELETE FROM warnings WHERE batch = 'P1'", "row-missing", "warnings", "P1,ON_HOLD"),
        ("UPDATE batches SET product = 'x' WHERE batch = 'P1'", "row-differs", "batches", "P1"),
        ("UPDATE stock SET amount = amount + 1 WHERE batch = 'P1'", "row-differs", "stock", "P1,"),
        (
            "INSERT INTO edges SELECT seq, child, parent, flow, dimension, amount, occurred_ms, NULL FROM edges",
            "row-superfluous",
            "edges",
            "",
        ),
        ("UPDATE register SET data = CAST(x'ff' AS TEXT)", "row-differs", "register", ""),
    ],
)
def test_an_edited_read_table_is_named_with_its_row(
    county: County, statement: str, kind: str, table: str, row: str
) -> None:
    county.harvest("A1")
    county.make("packaging", {"A1": "40"}, {"P1": "40"})
    county.record("hold", "regulator", batches=["A1"], details={"reason": "核查"})
    tamper(county.service, statement)
    with county.service.store.read() as connection:
        faults = check_projections(connection, county.size, lambda _done: None)
    assert faults
    assert {(fault.kind, fault.table) for fault in faults} == {(kind, table)}
    assert (faults[0].row or "").startswith(row)
    with county.service.store.write() as connection:
        project.rebuild(connection, ledger.read_all(connection, county.size), lambda _done: None)


def test_nothing_of_a_refused_bulk_is_in_the_tables(county: County) -> None:
    events = [county.harvesting("A1"), county.harvesting("A1"), county.harvesting("A2")]
    with pytest.raises(BulkRefused):
        county.recorder.submit_all(events, county.authors["producer"])
    with county.service.store.read() as connection:
        assert connection.execute(select(tables.batches)).first() is None
        assert (
            connection.execute(select(tables.harvests).where(tables.harvests.c.cycle == CYCLE)).first()
            is None
        )
