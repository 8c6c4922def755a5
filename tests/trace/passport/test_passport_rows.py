"""Whose word consumers are told of goods: that of those to whom they came hand to hand from their maker."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from county import County
from heji_trace.passport.passport import Passport
from labelled import look_at

HARMS = ("storage", "receiving", "shipping", "sale")


def packed(county: County) -> str:
    """A packed batch of one harvest."""
    county.harvest("H1", "100")
    county.make("grading", {"H1": "50"}, {"P1": "50"})
    return "P1"


def speak_of(county: County, batch: str, who: str, kind: str, *, hours_ago: float = 0) -> None:
    """One gram of somebody's goods, by whoever has read their number."""
    line = {"batch": batch, "quantity": "1", "unit": "g"}
    details = {
        "storage": {"temperature": "40"},
        "receiving": {"inspection": "发霉"},
        "sale": {"market": "地摊"},
        "shipping": {},
    }[kind]
    county.record(
        kind,
        who,
        hours_ago=hours_ago,
        moves=[line],
        details=details,
        acknowledged=["OVER_CONSUMPTION", "CHAIN_BROKEN"],
    )


def told(passport: Passport) -> tuple[object, ...]:
    return passport.verdict, passport.journey, passport.live, passport.lifted


@pytest.mark.parametrize("kind", HARMS)
def test_a_stranger_changes_nothing_on_the_page_of_another_s_goods(county: County, kind: str) -> None:
    batch = packed(county)
    county.hand_over(batch, "10", "producer", "station")
    before = look_at(county, batch)
    speak_of(county, batch, "shop", kind, hours_ago=200)
    assert told(look_at(county, batch)) == told(before)


@pytest.mark.parametrize("kind", HARMS)
def test_nor_by_speaking_of_what_the_goods_were_made_of(county: County, kind: str) -> None:
    batch = packed(county)
    before = look_at(county, batch)
    speak_of(county, "H1", "shop", kind)
    assert told(look_at(county, batch)) == told(before)


def sent_to_the_shop(county: County, batch: str) -> None:
    county.move("shipping", batch, "1", to="shop")


def sent_on_to_the_shop(county: County, batch: str) -> None:
    county.hand_over(batch, "10", "producer", "station")
    county.move("shipping", batch, "1", "station", to="shop")


@pytest.mark.parametrize("send", [sent_to_the_shop, sent_on_to_the_shop])
@pytest.mark.parametrize("kind, words", [("storage", "40 ℃"), ("receiving", "发霉"), ("sale", "地摊")])
def test_whom_they_were_sent_to_is_told_whenever_he_spoke(
    county: County, send: Callable[[County, str], None], kind: str, words: str
) -> None:
    batch = packed(county)
    speak_of(county, batch, "shop", kind)
    send(county, batch)
    assert any(words in step.words["zh"] for step in look_at(county, batch).journey)


def test_a_stranger_s_gap_does_not_hide_the_maker_s_own(county: County) -> None:
    batch = packed(county)
    speak_of(county, batch, "producer", "shipping")
    speak_of(county, batch, "shop", "receiving")
    [gap] = look_at(county, batch).live
    assert gap.code == "CHAIN_BROKEN"
    assert "去向" in gap.sentence["zh"]


def test_who_makes_something_of_goods_that_nobody_sent_him_has_the_gap_in_his_own_chain(
    county: County,
) -> None:
    county.harvest("H1", "100")
    county.move("receiving", "H1", "60", "packer")
    county.make("packaging", {"H1": "50"}, {"P1": "50"}, "packer")
    passport = look_at(county, "P1")
    assert passport.verdict.code == "CHAIN_BROKEN"


def test_the_regulator_still_sees_what_strangers_said(county: County) -> None:
    batch = packed(county)
    speak_of(county, batch, "shop", "receiving")
    answer = county.get(f"/api/v1/batches/{batch}/warnings", "regulator").get_json()
    assert "CHAIN_BROKEN" in [warning["code"] for warning in answer["live"]]
