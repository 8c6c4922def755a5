from __future__ import annotations

from county import County
from heji_trace.ledger.ledger import read_stored
from heji_trace.proving.merkle import leaf_hash
from heji_trace.tracing.tracing import Direction, Trace, TraceRow, seq_at, trace_of

KG = 1_000 * 10**6


def trace(county: County, batch: str, direction: Direction = "both", as_of: int | None = None) -> Trace:
    with county.service.store.read() as connection:
        found = trace_of(connection, batch, direction, as_of)
    assert found is not None
    return found


def row(found: Trace, batch: str) -> TraceRow:
    return next(each for each in found.rows if each.batch == batch)


def spread(county: County) -> None:
    """B1 and B2 go into P1; 30 of P1 are sent to the shop, which sells 12; 20 more are still on their way."""
    county.harvest("B1", "60")
    county.harvest("B2", "40")
    county.hand_over("B1", "60", "producer", "packer")
    county.hand_over("B2", "40", "producer", "packer")
    county.make("packaging", {"B1": "60", "B2": "30"}, {"P1": "90"}, "packer")
    county.hand_over("P1", "30", "packer", "shop")
    county.move("sale", "P1", "12", "shop", details={"counterparty": "门店零售", "market": "江南市场"})
    county.move("shipping", "P1", "20", "packer", to="shop")


def test_rows_say_who_holds_what_and_what_was_sold_to_whom(county: County) -> None:
    spread(county)
    found = trace(county, "B1")
    assert [each.batch for each in found.rows] == ["B1", "P1"]
    assert (row(found, "P1").up, row(found, "P1").down) == (None, 1)
    shop, packer = county.code("shop"), county.code("packer")
    held = {(each.holder, each.state): each.amount for each in row(found, "P1").holdings}
    assert held == {(packer, "held"): 40 * KG, (shop, "held"): 18 * KG, (shop, "transit"): 20 * KG}
    [sold] = row(found, "P1").sold
    assert (sold.seller, sold.amount, sold.counterparty, sold.market) == (
        shop,
        12 * KG,
        "门店零售",
        "江南市场",
    )
    assert row(found, "B1").holdings == ()
    assert found.gaps.not_received == 1


def test_every_row_cites_the_entries_that_prove_it(county: County) -> None:
    spread(county)
    found = trace(county, "P1", "up")
    assert {each.batch for each in found.rows} == {"P1", "B1", "B2"}
    seqs = {edge.seq for edge in found.edges}
    for each in found.rows:
        cited = dict(each.proofs)
        assert each.made_seq in cited
        assert seqs <= cited.keys()
    with county.service.store.read() as connection:
        for seq, proof in row(found, "P1").proofs:
            [stored] = read_stored(connection, [seq])
            assert leaf_hash(stored.entry) == proof


def test_an_earlier_trace_shows_what_was_known_then(county: County) -> None:
    county.harvest("B1", "100")
    made = county.make("grading", {"B1": "50"}, {"G1": "50"})
    county.now.seconds += 3600
    details = {"corrects": [made.event_id], "reason": "写错了批次"}
    county.record("correction", details=details)
    county.make("grading", {"B1": "20"}, {"G2": "20"})
    assert {each.batch for each in trace(county, "B1").rows} == {"B1", "G2"}
    then = trace(county, "B1", "down", made.seq)
    assert {each.batch for each in then.rows} == {"B1", "G1"}
    assert row(then, "B1").holdings[0].amount == 50 * KG
    assert row(then, "G1").unknown_origin is False
    assert row(then, "G1").organisation == county.code("producer")
    with county.service.store.read() as connection:
        assert seq_at(connection, county.service.clock.now_ms() - 1) == made.seq
        assert seq_at(connection, 0) == -1
        assert trace_of(connection, "G2", "up", made.seq) is None
        assert trace_of(connection, "NONE", "up") is None


def test_gaps_are_counted(county: County) -> None:
    line = [{"batch": "X1", "quantity": "10", "unit": "kg", "product": "litchi-fresh"}]
    county.record("receiving", "packer", moves=line, acknowledged=["UNKNOWN_ORIGIN"])
    county.harvest("B1", "100")
    county.move("receiving", "B1", "5", "packer")
    county.make("packaging", {"X1": "10", "B1": "5"}, {"P1": "15"}, "packer")
    found = trace(county, "P1")
    assert found.gaps.unknown_origin == 1
    assert found.gaps.not_shipped == 1
    assert row(found, "X1").unknown_origin
