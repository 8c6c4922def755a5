"""Whose certificates stand for goods: those of whom all of them come, from hand to hand."""

from __future__ import annotations

import pytest

from county import PACKED, PRODUCT, County
from heji_trace.known.state import State
from heji_trace.warnings.present import present_warnings
from labelled import look_at, register_product


@pytest.fixture
def certified(county: County) -> County:
    """A producer with a certificate for a product that anybody can name."""
    register_product(county, claims=["green_food"])
    facts = {"number": "LB-1", "scheme": "green_food", "holder": county.code("producer")}
    dates = {"valid_from": "2025-01-01", "checked_at": "2026-05-01"}
    county.record("certificate", "operator", details=facts | dates)
    county.harvest("H1", "100")
    return county


def shown(county: County, batch: str, product: str = PACKED) -> list[str]:
    """The certificates on the consumer's page; a claim without one is warned about there and at the desk."""
    passport = look_at(county, batch, product)
    with county.service.store.read() as connection:
        raised = present_warnings(State(connection), batch, county.service.clock.now_ms())
    is_false = not passport.certificates
    assert ("CERT_FALSE" in [notice.code for notice in passport.live]) is is_false
    assert ("CERT_FALSE" in [each.code for each in raised]) is is_false
    return [certificate.number for certificate in passport.certificates]


def test_of_the_holder_s_own_goods_and_of_what_others_made_of_them_alone(certified: County) -> None:
    certified.make("grading", {"H1": "50"}, {"G1": "50"})
    certified.hand_over("G1", "50", "producer", "station")
    certified.hand_over("G1", "40", "station", "packer")
    certified.make("packaging", {"G1": "40"}, {"P1": "40"}, "packer")
    assert [shown(certified, batch) for batch in ("G1", "P1")] == [["LB-1"], ["LB-1"]]


def test_of_what_was_collected_from_the_holder(certified: County) -> None:
    certified.make("collection", {"H1": "50"}, {"C1": "50"}, "station")
    certified.hand_over("C1", "50", "station", "packer")
    certified.make("packaging", {"C1": "50"}, {"P1": "50"}, "packer")
    assert shown(certified, "P1") == ["LB-1"]


def test_not_of_one_gram_of_them_among_goods_of_others(certified: County) -> None:
    neighbours_harvest(certified)
    certified.hand_over("H1", "1", "producer", "packer")
    certified.hand_over("N1", "99", "neighbour", "packer")
    certified.make("packaging", {"H1": "1", "N1": "99"}, {"P1": "100"}, "packer")
    assert shown(certified, "P1") == []


@pytest.mark.parametrize("amount", ["50", "0.001"])
def test_not_of_goods_that_he_never_gave(certified: County, amount: str) -> None:
    certified.make("packaging", {"H1": amount}, {"P1": amount}, "packer", acknowledged=["OVER_CONSUMPTION"])
    assert shown(certified, "P1") == []


def test_not_of_what_others_call_his_product(certified: County) -> None:
    own = {"code": "own-5kg", "name": "合作社荔枝", "commodity": "荔枝", "claims": ["green_food"]}
    certified.record("product", "producer", details=own)
    neighbours_harvest(certified)
    certified.hand_over("N1", "50", "neighbour", "packer")
    certified.make("packaging", {"N1": "50"}, {"P1": "50"}, "packer", product="own-5kg")
    assert shown(certified, "P1", "own-5kg") == []


def neighbours_harvest(county: County) -> None:
    """Litchi that the neighbour grew, as N1."""
    site, cycle, who = "plot-n", "2026-litchi-n", "neighbour"
    facts = {"code": site, "name": site, "site_type": "plot", "organisation": county.code(who)}
    county.record("site", who, details=facts)
    county.record("planting", who, hours_ago=24 * 60, site=site, details={"cycle": cycle, "crop": "荔枝"})
    outputs = [{"batch": "N1", "product": PRODUCT, "quantity": "100", "unit": "kg"}]
    county.record("harvest", who, cycles=[cycle], outputs=outputs)
