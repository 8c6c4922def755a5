from __future__ import annotations

from typing import Any

import pytest

from county import PACKED, PRODUCT, County
from heji_trace.errors import NeedsAcknowledgement
from heji_trace.events.schemas import parse_event
from heji_trace.known.state import State
from labelled import label, look, register_product
from ledger_check import check_ledger

pytestmark = pytest.mark.both_databases

DAY = 86_400


def days(county: County, batch: str) -> tuple[str | None, str | None]:
    with county.service.store.read() as connection:
        row = State(connection).find_batch(batch)
    assert row is not None
    return row["best_before"], row["use_by"]


def packing(county: County, sources: list[str], batch: str, product: str = PACKED, **details: Any) -> Any:
    each = 20 if sources == ["A1"] else 5
    inputs = [{"batch": source, "quantity": str(each), "unit": "kg"} for source in sources]
    outputs = [{"batch": batch, "product": product, "quantity": str(each * len(sources)), "unit": "kg"}]
    return county.raw("packaging", inputs=inputs, outputs=outputs, details=details)


def pack(county: County, sources: list[str], batch: str, product: str = PACKED, **details: Any) -> Any:
    raw = packing(county, sources, batch, product, **details)
    county.recorder.submit(parse_event(raw), county.authors["producer"])
    return raw


def correct(county: County, corrected: Any, replacement: Any) -> None:
    details = {"corrects": [corrected["id"]], "reason": "写错", "replacement": replacement}
    county.record("correction", details=details)


def test_goods_that_are_repacked_get_no_fresh_days(county: County) -> None:
    register_product(county, shelf_life_days=10)
    county.harvest("A1")
    pack(county, ["A1"], "OLD")
    county.now.seconds += 6 * DAY
    pack(county, ["A1"], "NEW")
    pack(county, ["OLD"], "SPLIT")
    pack(county, ["NEW", "SPLIT"], "MIXED")
    # What comes from goods of another product is packed for the first time: its days begin now.
    assert days(county, "NEW") == (None, None)
    assert days(county, "SPLIT") == days(county, "MIXED") == (county.at(-24 * 4)[:10], None)
    codes = [label(county, batch).trace_code for batch in ("MIXED", "NEW")]
    county.now.seconds += 5 * DAY
    over, fresh = [look(county, code).verdict.code for code in codes]
    assert over == "BEST_BEFORE_PASSED"
    assert fresh != "BEST_BEFORE_PASSED"
    with pytest.raises(NeedsAcknowledgement) as asked:
        county.move("sale", "MIXED", "1", details={"counterparty": "散客"})
    assert [each.code for each in asked.value.questions] == ["BEST_BEFORE_PASSED"]
    check_ledger(county.service)


def test_the_earliest_stated_day_counts_unless_the_repacking_states_its_own(county: County) -> None:
    county.harvest("A1")
    pack(county, ["A1"], "P1", use_by="2026-06-20", best_before="2026-06-15")
    pack(county, ["A1"], "P2", use_by="2026-06-10")
    pack(county, ["P1", "P2"], "MIXED")
    pack(county, ["MIXED"], "STATED", best_before="2026-06-05")
    inputs = [{"batch": "P1", "quantity": "1", "unit": "kg"}]
    outputs = [{"batch": "JUICE", "product": PACKED, "quantity": "1", "unit": "kg"}]
    county.record("processing", inputs=inputs, outputs=outputs)
    pack(county, ["P2"], "OTHER", product=PRODUCT)
    assert days(county, "MIXED") == ("2026-06-15", "2026-06-10")
    assert days(county, "STATED") == ("2026-06-05", None)
    assert days(county, "JUICE") == days(county, "OTHER") == (None, None)
    check_ledger(county.service)


def test_a_corrected_day_reaches_what_was_repacked_already(county: County) -> None:
    county.harvest("A1")
    first = pack(county, ["A1"], "P1", use_by="2027-06-20")
    pack(county, ["P1"], "P2")
    pack(county, ["P2"], "P3")
    assert days(county, "P3") == (None, "2027-06-20")
    again = packing(county, ["A1"], "P1", use_by="2026-06-20")
    correct(county, first, again)
    assert days(county, "P2") == days(county, "P3") == (None, "2026-06-20")
    check_ledger(county.service)


def test_a_corrected_day_reaches_what_was_repacked_in_the_same_file(county: County) -> None:
    county.harvest("A1")
    first = packing(county, ["A1"], "P1", use_by="2027-06-20")
    second = packing(county, ["P1"], "P2")
    replacement = packing(county, ["A1"], "P1", use_by="2026-06-20")
    details = {"corrects": [first["id"]], "reason": "写错", "replacement": replacement}
    correction = county.raw("correction", details=details)
    answer = county.post("/api/v1/events/bulk", [first, second, correction])
    assert answer.status_code == 201, answer.json
    assert days(county, "P2") == (None, "2026-06-20")
    check_ledger(county.service)
