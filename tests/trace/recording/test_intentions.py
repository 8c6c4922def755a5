from __future__ import annotations

import pytest

from county import County
from heji_trace.errors import Conflict, InvalidEvent, NotAllowed
from heji_trace.passport.passport import Passport
from heji_trace.recording.recorder import Receipt
from labelled import label, look
from ledger_check import check_ledger


@pytest.fixture
def packed(county: County) -> County:
    county.harvest("B1", "100")
    county.make("packaging", {"B1": "50"}, {"P1": "25", "P2": "25"})
    return county


def bind(county: County, run: str, batch: str, who: str = "producer") -> Receipt:
    return county.record("label_bind", who, details={"run": run, "batch": batch})


def void(county: County, run: str, who: str = "producer") -> Receipt:
    return county.record("label_void", who, details={"run": run, "reason": "印刷错误"})


def page(county: County, code: str) -> Passport:
    return look(county, code)


def test_a_code_issued_without_batch_leads_to_it_once_it_is_bound(packed: County) -> None:
    issued = label(packed, None)
    assert page(packed, issued.trace_code).standing == "unbound"
    bound = bind(packed, issued.event_id, "P1")
    found = page(packed, issued.trace_code)
    assert (found.standing, found.batch) == ("bound", "P1")
    assert found.integrity is not None
    assert bound.seq + 1 in found.integrity.entries
    check_ledger(packed.service)


def test_a_code_is_bound_once_and_to_a_batch_of_its_product(packed: County) -> None:
    issued = label(packed, None)
    with pytest.raises(InvalidEvent) as refused:
        bind(packed, issued.event_id, "B1")
    [problem] = refused.value.problems
    assert (problem.pointer, problem.code) == ("/details/batch", "label-of-another-product")
    said = "批次“B1”的产品是“鲜荔枝”，标签是“荔枝 5 千克装”的，不能用于该批次。"
    assert problem.sentence("zh") == said
    bind(packed, issued.event_id, "P1")
    with pytest.raises(Conflict) as twice:
        bind(packed, issued.event_id, "P2")
    assert twice.value.code == "label-already-bound"


def test_a_void_code_says_so_and_stays_void(packed: County) -> None:
    issued = label(packed, "P1")
    void(packed, issued.event_id)
    found = page(packed, issued.trace_code)
    assert (found.standing, found.verdict.code, found.verdict.level) == ("void", "CODE_VOID", "orange")
    with pytest.raises(Conflict):
        void(packed, issued.event_id)
    check_ledger(packed.service)


def test_a_void_code_is_not_bound(packed: County) -> None:
    issued = label(packed, None)
    void(packed, issued.event_id)
    with pytest.raises(Conflict) as refused:
        bind(packed, issued.event_id, "P1")
    assert refused.value.code == "label-already-void"


def test_binding_and_voiding_are_taken_back_by_corrections(packed: County) -> None:
    issued = label(packed, None)
    bound = bind(packed, issued.event_id, "P1")
    voided = void(packed, issued.event_id)
    for receipt, standing in ((voided, "bound"), (bound, "unbound")):
        packed.record("correction", details={"corrects": [receipt.event_id], "reason": "误操作"})
        assert page(packed, issued.trace_code).standing == standing
        check_ledger(packed.service)
    bind(packed, issued.event_id, "P2")
    assert page(packed, issued.trace_code).batch == "P2"


def test_a_code_is_not_bound_to_a_stopped_batch(packed: County) -> None:
    issued = label(packed, None)
    packed.record("hold", "regulator", batches=["P1"], details={"reason": "待检"})
    with pytest.raises(Conflict) as refused:
        bind(packed, issued.event_id, "P1")
    assert refused.value.code == "labels-for-a-stopped-batch"
    assert refused.value.sentence("zh") == "批次“P1”不能发放标签：暂停销售。"


def test_only_who_issued_a_run_binds_or_voids_it(packed: County) -> None:
    issued = label(packed, None)
    with pytest.raises(NotAllowed):
        void(packed, issued.event_id, "packer")
    with pytest.raises(NotAllowed):
        bind(packed, issued.event_id, "P1", "packer")


def test_a_run_that_does_not_exist_is_neither_bound_nor_voided(packed: County) -> None:
    with pytest.raises(InvalidEvent) as refused:
        void(packed, packed.new_id())
    assert [problem.code for problem in refused.value.problems] == ["unknown-label-run"]


def release(county: County, hold: Receipt, who: str) -> Receipt:
    return county.record("release", who, details={"hold": hold.event_id, "reason": "复检合格"})


def test_a_hold_is_released_once_by_who_set_it_or_by_the_regulator(packed: County) -> None:
    hold = packed.record("hold", "laboratory", batches=["P1", "P2"], details={"reason": "快检阳性"})
    with pytest.raises(Conflict) as another:
        release(packed, hold, "other_laboratory")
    assert another.value.code == "release-by-another"
    release(packed, hold, "laboratory")
    for who in ("laboratory", "regulator"):
        with pytest.raises(Conflict) as twice:
            release(packed, hold, who)
        assert twice.value.code == "already-released"
    again = packed.record("hold", "laboratory", batches=["P1"], details={"reason": "快检阳性"})
    release(packed, again, "regulator")
    assert packed.get("/api/v1/batches/P1/warnings").get_json()["live"] == []
    check_ledger(packed.service)


def test_what_is_no_hold_cannot_be_released(packed: County) -> None:
    harvest = packed.harvest("B2")
    for event_id in (harvest.event_id, packed.new_id()):
        with pytest.raises(InvalidEvent) as refused:
            packed.record("release", "regulator", details={"hold": event_id, "reason": "合格"})
        assert refused.value.problems[0].pointer == "/details/hold"
