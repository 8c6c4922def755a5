from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from county import PRODUCT, County
from heji_trace.events.schemas import parse_event
from heji_trace.tracing.balance import Balance, balance_of
from heji_trace.tracing.tracing import Holding, holdings_of
from ledger_check import check_ledger

pytestmark = pytest.mark.both_databases

ASKED = ["OVER_CONSUMPTION", "COUNT_BELOW", "COUNT_ABOVE", "CHAIN_BROKEN", "UNKNOWN_ORIGIN", "MASS_BALANCE"]


def seen(county: County, as_of_seq: int | None = None) -> tuple[dict[str, tuple[Holding, ...]], Balance]:
    with county.service.store.read() as connection:
        held = holdings_of(connection, ["B1", "P1"], as_of_seq)
        return held, balance_of(connection, "B1", as_of_seq=as_of_seq)


@dataclass
class Diary:
    """What was seen at each entry, when it was the newest."""

    county: County
    pages: dict[int, Any] = field(default_factory=dict)

    def say(self, kind: str, who: str = "producer", **parts: Any) -> dict[str, Any]:
        """Record an event, and keep what is seen after it."""
        raw = self.county.raw(kind, who, acknowledged=ASKED, **parts)
        receipt = self.county.recorder.submit(parse_event(raw), self.county.authors[who])
        self.pages[receipt.seq] = seen(self.county)
        return raw

    def goods(self, kind: str, quantity: str, who: str = "producer", **parts: Any) -> dict[str, Any]:
        """The same of so many kg of the batch."""
        line = {"batch": "B1", "quantity": quantity, "unit": "kg"}
        if "to" in parts:
            line["to_organisation"] = self.county.code(parts.pop("to"))
        return self.say(kind, who, moves=[line], **parts)

    def put_right(self, wrong: dict[str, Any], quantity: str | None, who: str = "producer") -> dict[str, Any]:
        """Correct the quantity of the batch, or take the event back; what may be corrected again."""
        replacement = None
        if quantity is not None:
            part = "outputs" if wrong["kind"] == "harvest" else "moves"
            lines = [{**line, "quantity": quantity} for line in wrong[part]]
            replacement = {**wrong, "id": self.county.new_id(), part: lines}
        details = {"corrects": [wrong["id"]], "reason": "数量写错", "replacement": replacement}
        return wrong | {"id": self.say("correction", who, details=details)["id"]}


@pytest.fixture
def diary(county: County) -> Iterator[Diary]:
    kept = Diary(county)
    yield kept
    for seq, page in kept.pages.items():
        assert seen(county, seq) == page, seq
    check_ledger(county.service)


def harvested(diary: Diary, quantity: str) -> dict[str, Any]:
    outputs = [{"batch": "B1", "product": PRODUCT, "quantity": quantity, "unit": "kg"}]
    return diary.say("harvest", cycles=["2026-litchi-031"], outputs=outputs)


def test_a_count_before_a_correction_is_seen_as_it_then_stood(diary: Diary) -> None:
    harvest = harvested(diary, "100")
    count = diary.goods("stock_count", "80")
    diary.goods("sale", "10", details={"counterparty": "散客"})
    second = diary.goods("stock_count", "60")
    corrected = diary.put_right(harvest, "90")
    diary.put_right(count, "85")
    diary.put_right(second, None)
    diary.put_right(corrected, "95")


def test_goods_received_before_their_shipping_was_recorded_are_seen_unsent_until_then(diary: Diary) -> None:
    harvested(diary, "100")
    received = diary.goods("receiving", "30", "shop")
    diary.goods("receiving", "5", "shop")
    sent = diary.goods("shipping", "40", to="shop")
    diary.put_right(received, "20", "shop")
    diary.put_right(sent, "30")
    diary.goods("stock_count", "22", "shop")


def test_what_was_rejected_is_seen_on_its_way_back_from_when_it_was_known(diary: Diary) -> None:
    harvested(diary, "100")
    sent = diary.goods("shipping", "50", to="shop")
    rejected = [{"batch": "B1", "quantity": "8", "unit": "kg"}]
    received = diary.goods("receiving", "40", "shop", details={"shipping": sent["id"], "rejected": rejected})
    diary.goods("receiving", "8")
    diary.put_right(sent, "45")
    corrected = diary.put_right(received, "30", "shop")
    inputs = [{"batch": "B1", "quantity": "10", "unit": "kg"}]
    outputs = [{"batch": "P1", "product": PRODUCT, "quantity": "10", "unit": "kg"}]
    diary.say("packaging", inputs=inputs, outputs=outputs)
    diary.put_right(corrected, "35", "shop")
