from __future__ import annotations

from datetime import date

import pytest

from county import County
from heji_trace.errors import InvalidEvent, NotAllowed, Unknown
from heji_trace.events.schemas import parse_event
from heji_trace.recalls.recall import RecallReport, parse_recall, recall_of
from heji_trace.vocabulary.working_days import Calendar

KG = 1_000 * 10**6
RECALL = {
    "level": 1,
    "ordered": True,
    "reason": "超标",
    "document": "佛市监召 3 号",
    "scope": "停止销售，退回发货单位",
}


def report(county: County, event_id: str, who: str = "regulator") -> RecallReport:
    with county.service.store.read() as connection:
        return recall_of(connection, county.authors[who], event_id)


def spread(county: County) -> None:
    county.harvest("B1", "100")
    county.harvest("B2", "10")
    county.hand_over("B1", "60", "producer", "packer")
    county.make("packaging", {"B1": "50"}, {"P1": "50"}, "packer")
    county.hand_over("P1", "30", "packer", "shop")
    county.move("sale", "P1", "12", "shop")


def test_a_recall_freezes_what_was_made_and_takes_in_what_is_made_later(county: County) -> None:
    spread(county)
    recalled = county.record("recall", "regulator", batches=["P1"], details=RECALL)
    county.make("processing", {"P1": "5"}, {"Q1": "5"}, "packer", acknowledged=["HELD_MOVED"])
    found = report(county, recalled.event_id)
    assert {row.batch: row.standing for row in found.scope} == {
        "P1": "frozen",
        "Q1": "later",
        "B1": "upstream",
    }
    assert found.is_whole
    assert found.body["details"]["document"] == "佛市监召 3 号"


def test_the_report_says_who_has_the_goods_and_what_was_sold(county: County) -> None:
    spread(county)
    recalled = county.record("recall", "regulator", batches=["B1"], details=RECALL)
    found = report(county, recalled.event_id)
    told = {
        each.organisation: (each.batches, each.held, each.transit, each.sold) for each in found.consignees
    }
    assert told == {
        county.code("producer"): (("B1",), 40 * KG, 0, 0),
        county.code("packer"): (("B1", "P1"), 30 * KG, 0, 0),
        county.code("shop"): (("P1",), 18 * KG, 0, 12 * KG),
    }
    assert found.on_hand() == {"mass": 88 * KG}


def test_deadlines_follow_the_level(county: County) -> None:
    spread(county)
    for level, hours in ((1, 24), (2, 48), (3, 72)):
        details = {"level": level, "ordered": False, "reason": "标签错误"}
        recalled = county.record("recall", batches=["B1"], details=details)
        found = report(county, recalled.event_id)
        assert found.start_by_ms - found.opened_ms == hours * 3_600_000
        assert not found.holidays_known
        assert found.finish_by == Calendar().after(date(2026, 5, 29), {1: 10, 2: 20, 3: 30}[level])


def test_registered_holidays_move_the_day_by_which_a_recall_is_done(county: County) -> None:
    spread(county)
    recalled = county.record("recall", "regulator", batches=["B1"], details=RECALL)
    before = report(county, recalled.event_id)
    rows = [{"from": "2026-06-01", "to": "2026-06-02", "day": "off", "name": "演示假日"}]
    edition = {"table": "holidays", "edition": "2026-演示", "rows": rows, "source": "演示", "verified": False}
    county.record("edition", "operator", details=edition | {"effective_from": "2026-01-01"})
    after = report(county, recalled.event_id)
    assert after.holidays_known
    assert after.finish_by > before.finish_by


def test_others_see_their_own_part_and_strangers_nothing(county: County) -> None:
    spread(county)
    recalled = county.record("recall", "regulator", batches=["B1"], details=RECALL)
    found = report(county, recalled.event_id, "shop")
    assert not found.is_whole
    assert [row.batch for row in found.scope] == ["P1"]
    assert [each.organisation for each in found.consignees] == [county.code("shop")]
    assert "document" not in found.body["details"]
    # Whoever has the goods must know what to do with them.
    assert found.body["details"]["scope"] == RECALL["scope"]
    with pytest.raises(Unknown):
        report(county, recalled.event_id, "neighbour")
    with pytest.raises(Unknown):
        report(county, county.new_id())


def test_an_event_of_another_kind_is_no_recall(county: County) -> None:
    held = county.harvest("B1")
    with pytest.raises(Unknown):
        report(county, held.event_id, "operator")


def test_a_recall_taken_back_says_so_and_reaches_nothing(county: County) -> None:
    spread(county)
    recalled = county.record("recall", "regulator", batches=["B1"], details=RECALL)
    details = {"corrects": [recalled.event_id], "reason": "批次写错"}
    undone = county.record("correction", "regulator", details=details)
    found = report(county, recalled.event_id)
    assert found.withdrawn_seq == undone.seq
    assert found.scope == ()


def test_goods_of_others_are_neither_recalled_nor_held_by_who_had_no_part_in_them(county: County) -> None:
    spread(county)
    for kind, details in (("recall", RECALL), ("hold", {"reason": "待查"})):
        with pytest.raises(NotAllowed):
            county.record(kind, "neighbour", batches=["B1"], details=details)
    county.record("hold", "shop", batches=["P1"], details={"reason": "包装破损"})
    county.record("hold", "laboratory", batches=["B1"], details={"reason": "快检阳性"})


def test_a_short_statement_becomes_the_event_or_names_its_own_fields(county: County) -> None:
    author = county.authors["regulator"]
    event = parse_recall({"batches": ["B1"], **RECALL}, author, county.new_id(), 1_780_000_000_000)
    assert (event.kind, event.batches, event.organisation) == ("recall", ("B1",), author.organisation)
    with pytest.raises(InvalidEvent) as refused:
        parse_recall({"batches": [], "level": 4, "colour": "red"}, author, county.new_id(), 0)
    assert {problem.pointer for problem in refused.value.problems} >= {
        "/batches",
        "/level",
        "/colour",
        "/reason",
    }
    with pytest.raises(InvalidEvent):
        parse_recall([], author, county.new_id(), 0)


def corrected(county: County, said: str, details: dict[str, object] | None, who: str = "regulator") -> str:
    """Correct a recall, or take it back; the id of the correction."""
    what: dict[str, object] = {"corrects": [said], "reason": "级别写错"}
    if details is not None:
        what["replacement"] = county.raw("recall", who, batches=["P1"], details=details)
    return county.record("correction", who, details=what).event_id


def test_a_corrected_recall_is_found_and_conducted_under_its_first_id(county: County) -> None:
    spread(county)
    recalled = county.record("recall", "regulator", batches=["P1"], details=RECALL)
    county.record(
        "recall_update", "regulator", details={"recall": recalled.event_id, "status": "in_progress"}
    )
    opened = report(county, recalled.event_id)
    county.now.seconds += 3600
    correction = corrected(county, recalled.event_id, {**RECALL, "level": 3})
    for known in (recalled.event_id, correction):
        found = report(county, known)
        assert found.event_id == recalled.event_id
        assert (found.status, found.withdrawn_seq) == ("in_progress", None)
        assert (found.opened_ms, found.start_by_ms - found.opened_ms) == (opened.opened_ms, 72 * 3_600_000)
        assert {row.batch: row.standing for row in found.scope} == {"P1": "frozen", "B1": "upstream"}
        assert found.consignees == opened.consignees
    stated = {"recall": recalled.event_id, "status": "finished"}
    county.record("recall_update", "regulator", details=stated, acknowledged=["RECALL_UNFINISHED"])
    again = corrected(county, correction, {**RECALL, "level": 2})
    assert report(county, again).status == "finished"
    assert report(county, recalled.event_id).start_by_ms - opened.opened_ms == 48 * 3_600_000


def test_a_recall_that_was_taken_back_says_so_whatever_was_corrected_before(county: County) -> None:
    spread(county)
    recalled = county.record("recall", "regulator", batches=["P1"], details=RECALL)
    correction = corrected(county, recalled.event_id, {**RECALL, "level": 3})
    taken_back = corrected(county, correction, None)
    found = report(county, recalled.event_id)
    assert found.withdrawn_seq == county.size - 1
    assert found.body["details"]["replacement"]["details"]["level"] == 3
    with pytest.raises(Unknown):
        report(county, taken_back)


def test_a_note_on_an_earlier_update_does_not_open_a_finished_recall_again(county: County) -> None:
    spread(county)
    recalled = county.record("recall", "regulator", batches=["P1"], details=RECALL)
    update = county.raw(
        "recall_update", "regulator", details={"recall": recalled.event_id, "status": "in_progress"}
    )
    county.recorder.submit(parse_event(update), county.authors["regulator"])
    stated = {"recall": recalled.event_id, "status": "finished"}
    county.record("recall_update", "regulator", details=stated, acknowledged=["RECALL_UNFINISHED"])
    details = {
        "corrects": [update["id"]],
        "reason": "补充",
        "replacement": {**update, "id": county.new_id(), "note": "补充"},
    }
    county.record("correction", "regulator", details=details)
    assert report(county, recalled.event_id).status == "finished"
