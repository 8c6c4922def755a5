from __future__ import annotations

from sqlalchemy import select

from county import County
from heji_trace.ledger.ledger import read_stored
from heji_trace.rights.disclosure import colleagues, disclosed_values, figures_withheld, shown_body
from heji_trace.store.tables import warnings


def disclosed(county: County, who: str, seq: int) -> dict[str, object]:
    with county.service.store.read() as connection:
        [stored] = read_stored(connection, [seq])
        author = county.authors[who]
        return disclosed_values(stored, author, colleagues(connection, author))


def withheld(county: County, who: str, batch: str) -> set[str]:
    """The codes of the warnings of a batch whose amounts are not told to a person."""
    with county.service.store.read() as connection:
        rows = connection.execute(select(warnings).where(warnings.c.batch == batch)).all()
        keys = [(row.batch, row.code, row.cause_seq) for row in rows]
        return {code for _, code, _ in figures_withheld(connection, county.authors[who], keys)}


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
    assert "/outputs/0/quantity" in disclosed(county, "station", seq)
    assert "/details/kinds" in disclosed(county, "station", mandate.seq)
