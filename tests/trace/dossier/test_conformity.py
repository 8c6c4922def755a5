from __future__ import annotations

from typing import Any

import pytest

from county import PRODUCT, County
from heji_trace.dossier.conformity import certificate_of, uncertified
from heji_trace.errors import InvalidEvent, NotAllowed, Unknown
from heji_trace.known.state import State
from heji_trace.tracing.trail import trail_of
from labelled import label, look_at

BASE = "https://heji.example.cn"
DETAILS = {
    "quantity": "100",
    "unit": "kg",
    "origin": "佛冈县高岗镇",
    "contact": "0763-0000000",
    "promise": ["no_banned_inputs", "residues_within_limits", "truthful"],
    "basis": ["self_test"],
    "issued_at": "2026-05-28T09:00:00+08:00",
}


def absent(county: County, batch: str) -> list[str]:
    with county.service.store.read() as connection:
        state = State(connection)
        return [raised.code for raised in uncertified(state, trail_of(state, batch))]


def test_goods_given_on_by_a_cooperative_without_certificate_are_warned_about(county: County) -> None:
    county.harvest("B1", "100")
    assert absent(county, "B1") == []
    county.hand_over("B1", "10", "producer", "shop")
    assert absent(county, "B1") == ["NO_CERTIFICATE_OF_CONFORMITY"]
    notice = next(each for each in look_at(county, "B1", PRODUCT).live if each.code.startswith("NO_CERT"))
    assert (notice.level, notice.sentence["zh"]) == ("yellow", "未附承诺达标合格证")
    county.certify("B1", "100")
    assert absent(county, "B1") == []


def test_a_withdrawn_certificate_certifies_nothing(county: County) -> None:
    county.harvest("B1", "100")
    county.move("sale", "B1", "5")
    issued = county.certify("B1", "100")
    county.record("correction", details={"corrects": [issued.event_id], "reason": "开错"})
    assert absent(county, "B1") == ["NO_CERTIFICATE_OF_CONFORMITY"]


def test_what_a_household_or_a_shop_sells_needs_none(county: County) -> None:
    county.record(
        "organisation",
        "operator",
        details={
            "code": county.code("neighbour"),
            "name": "农户",
            "subject_type": "farm_household",
            "roles": ["producer"],
        },
    )
    county.record(
        "planting", "neighbour", hours_ago=24, site="fg-plot-031", details={"cycle": "h-1", "crop": "荔枝"}
    )
    outputs = [{"batch": "H1", "product": PRODUCT, "quantity": "10", "unit": "kg"}]
    county.record("harvest", "neighbour", cycles=["h-1"], outputs=outputs)
    county.hand_over("H1", "10", "neighbour", "shop")
    county.move("sale", "H1", "5", "shop")
    assert absent(county, "H1") == []


def test_a_certificate_holds_for_what_its_giver_packs_and_not_for_what_a_buyer_divides(
    county: County,
) -> None:
    county.harvest("B1", "100")
    county.certify("B1", "100")
    county.make("packaging", {"B1": "40"}, {"P1": "40"})
    county.move("sale", "P1", "5")
    assert absent(county, "P1") == []
    county.hand_over("B1", "50", "producer", "packer")
    county.make("packaging", {"B1": "50"}, {"P2": "50"}, "packer")
    county.hand_over("P2", "10", "packer", "shop")
    assert absent(county, "P2") == ["NO_CERTIFICATE_OF_CONFORMITY"]
    county.certify("P2", "50", "packer")
    assert absent(county, "P2") == []


def test_a_mixture_of_two_promising_parties_needs_a_certificate_of_its_own(county: County) -> None:
    county.harvest("B1", "100")
    county.certify("B1", "100")
    county.record(
        "planting", "neighbour", hours_ago=24, site="fg-plot-031", details={"cycle": "n-1", "crop": "荔枝"}
    )
    outputs = [{"batch": "N1", "product": PRODUCT, "quantity": "100", "unit": "kg"}]
    county.record("harvest", "neighbour", cycles=["n-1"], outputs=outputs)
    for batch, who in (("B1", "producer"), ("N1", "neighbour")):
        county.hand_over(batch, "50", who, "packer")
    county.make("packaging", {"B1": "50", "N1": "50"}, {"M1": "100"}, "packer")
    assert absent(county, "M1") == ["MIXED_LOT_UNCERTIFIED"]
    details = {
        "code": county.code("neighbour"),
        "name": "李合作社",
        "subject_type": "cooperative",
        "roles": ["producer"],
        "member_of": [{"organisation": county.code("producer"), "from": "2024-01-01"}],
    }
    county.record("organisation", "operator", details=details)
    assert absent(county, "M1") == []
    # Who has left promises for himself again.
    details["member_of"] = [
        {"organisation": county.code("producer"), "from": "2020-01-01", "until": "2024-01-01"}
    ]
    county.record("organisation", "operator", details=details)
    assert absent(county, "M1") == ["MIXED_LOT_UNCERTIFIED"]


def test_processed_food_needs_none(county: County) -> None:
    county.harvest("B1", "100")
    county.make("processing", {"B1": "100"}, {"D1": "25"})
    county.move("sale", "D1", "5")
    assert absent(county, "D1") == []


def certify(county: County, who: str = "producer", batch: str = "B1", **changes: Any) -> str:
    details = {name: value for name, value in (DETAILS | changes).items() if value is not None}
    return county.record("conformity_certificate", who, batches=[batch], details=details).event_id


def test_a_certificate_says_what_the_rules_ask_for(county: County) -> None:
    county.harvest("B1", "100")
    issued = label(county, "B1", PRODUCT)
    event_id = certify(county)
    with county.service.store.read() as connection:
        said = certificate_of(connection, county.authors["producer"], event_id, BASE)
    assert (said.product, said.quantity, said.origin) == ("鲜荔枝", "100 千克", "佛冈县高岗镇")
    assert (said.party, said.contact) == ("fg-litchi-coop 单位", "0763-0000000")
    assert (said.issued_on, said.batches) == ("2026-05-28", ("B1",))
    assert said.url == f"{BASE}/t/{issued.trace_code}"


def test_whoever_has_the_goods_reads_the_certificate_whole_and_nobody_else_at_all(county: County) -> None:
    county.harvest("B1", "100")
    event_id = certify(county)
    county.hand_over("B1", "10", "producer", "shop")
    with county.service.store.read() as connection:
        assert certificate_of(connection, county.authors["shop"], event_id, BASE).quantity == "100 千克"
        with pytest.raises(Unknown):
            certificate_of(connection, county.authors["carrier"], event_id, BASE)


def test_no_other_event_is_a_certificate(county: County) -> None:
    made = county.harvest("B1", "100")
    with county.service.store.read() as connection, pytest.raises(Unknown):
        certificate_of(connection, county.authors["producer"], made.event_id, BASE)


def test_a_certificate_names_the_product_of_its_batches_and_how_to_reach_who_promises(county: County) -> None:
    county.harvest("B1", "100")
    with pytest.raises(InvalidEvent) as refused:
        certify(county, product="litchi-5kg", contact=None)
    assert {problem.pointer: problem.code for problem in refused.value.problems} == {
        "/details/product": "certificate-of-another-product",
        "/details/contact": "missing-field",
    }


def test_nobody_promises_for_the_goods_of_others(county: County) -> None:
    county.harvest("B1", "100")
    with pytest.raises(NotAllowed):
        certify(county, "neighbour")
