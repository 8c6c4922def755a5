from __future__ import annotations

from itertools import count

import pytest
from sqlalchemy import select

from county import PACKED, PRODUCT, County
from heji_trace.errors import Conflict, NotAllowed
from heji_trace.identifiers import codes
from heji_trace.known.state import State
from heji_trace.labelling.label_issue import IssuedLabel, issue_label
from heji_trace.store.tables import entries


def issue(
    county: County, batch: str | None = "LZ5KG-01", who: str = "packer", copies: int = 250
) -> IssuedLabel:
    service = county.service
    return issue_label(
        county.recorder,
        county.authors[who],
        product=PACKED,
        batch=batch,
        copies=copies,
        now_ms=service.clock.now_ms(),
        random=service.random,
    )


@pytest.fixture
def packed(county: County) -> County:
    county.harvest("LZ-01", "100")
    county.hand_over("LZ-01", "100", "producer", "packer")
    county.make("packaging", {"LZ-01": "100"}, {"LZ5KG-01": "100"}, "packer")
    return county


def test_a_batch_gets_a_sound_code_for_the_phone_and_one_for_the_telephone(packed: County) -> None:
    label = issue(packed)
    assert codes.is_trace_code(label.trace_code)
    assert codes.is_phone_code(label.phone_code)
    with packed.service.store.read() as connection:
        [row] = State(connection).labels.of("trace_code", label.trace_code)
    assert (row["run"], row["batch"], row["product"], row["copies"]) == (
        label.event_id,
        "LZ5KG-01",
        PACKED,
        250,
    )
    assert row["seq"] == label.receipt.seq


def test_each_run_has_its_own_codes(packed: County) -> None:
    assert issue(packed).trace_code != issue(packed).trace_code


def test_a_label_may_be_issued_before_its_batch_is_known(packed: County) -> None:
    label = issue(packed, batch=None)
    with packed.service.store.read() as connection:
        [row] = State(connection).labels.of("run", label.event_id)
    assert row["batch"] is None


def test_the_codes_are_sealed_in_the_record(packed: County) -> None:
    label = issue(packed)
    with packed.service.store.read() as connection:
        record = connection.execute(
            select(entries.c.record).where(entries.c.seq == label.receipt.seq)
        ).scalar_one()
    assert label.trace_code.encode() not in record
    assert label.phone_code.encode() not in record


def test_no_label_is_issued_for_a_batch_that_is_held(packed: County) -> None:
    packed.record("hold", "laboratory", batches=["LZ5KG-01"], details={"reason": "等待复检"})
    size = packed.size
    with pytest.raises(Conflict) as refused:
        issue(packed)
    assert refused.value.code == "labels-for-a-stopped-batch"
    assert packed.size == size


def test_a_shop_issues_no_labels(packed: County) -> None:
    with pytest.raises(NotAllowed):
        issue(packed, who="shop")


def test_the_codes_come_from_the_randomness_that_is_handed_in(packed: County) -> None:
    calls = count(1)
    label = issue_label(
        packed.recorder,
        packed.authors["packer"],
        product=PRODUCT,
        batch=None,
        copies=1,
        now_ms=packed.service.clock.now_ms(),
        random=lambda size: bytes([next(calls)]) * size,
    )
    assert label.trace_code == codes.make_trace_code(lambda size: b"\x01" * size)
