from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from county import County
from heji_trace.errors import InvalidEvent, NotAllowed
from heji_trace.recalls.recall import RecallReport, recall_of
from heji_trace.recalls.recall_updates import newest_figures
from heji_trace.vocabulary.working_days import Calendar
from ledger_check import check_ledger

KG = 1_000 * 10**6
RECALL = {"level": 1, "ordered": True, "reason": "超标"}


@pytest.fixture
def recall(county: County) -> str:
    county.harvest("B1", "100")
    county.hand_over("B1", "60", "producer", "shop")
    county.hand_over("B1", "20", "producer", "packer")
    return county.record("recall", "regulator", batches=["B1"], details=RECALL).event_id


def report(county: County, recall: str, who: str = "regulator") -> RecallReport:
    with county.service.store.read() as connection:
        return recall_of(connection, county.authors[who], recall)


def tell(county: County, recall: str, who: str, *rows: dict[str, Any], status: str = "in_progress") -> str:
    details = {"recall": recall, "status": status, "consignees": list(rows)}
    confirmed = ["RECALL_UNFINISHED"] if status == "finished" else []
    return county.record("recall_update", who, details=details, acknowledged=confirmed).event_id


def of(county: County, who: str, **figures: str) -> dict[str, str]:
    return {"organisation": county.code(who), "batch": "B1", "unit": "kg"} | figures


def test_the_newest_figures_of_each_consignee_are_shown_with_who_states_them(
    county: County, recall: str
) -> None:
    tell(county, recall, "regulator", of(county, "shop", sold="40"), of(county, "packer", on_hand="20"))
    tell(county, recall, "shop", of(county, "shop", sold="45", returned="15", finish_on="2026-06-09"))
    found = report(county, recall)
    told = {row["organisation"]: (update.organisation, row) for update, row in newest_figures(found.updates)}
    assert told[county.code("shop")][0] == county.code("shop")
    assert told[county.code("shop")][1]["sold"] == "45"
    assert told[county.code("packer")][1]["on_hand"] == "20"
    check_ledger(county.service)


def test_the_status_is_what_the_conductor_says_and_no_consignee_ends_a_recall(
    county: County, recall: str
) -> None:
    assert report(county, recall).status == ""
    tell(county, recall, "regulator", status="notified")
    tell(county, recall, "shop", of(county, "shop", returned="60"))
    assert report(county, recall).status == "notified"
    with pytest.raises(NotAllowed) as refused:
        tell(county, recall, "shop", of(county, "shop"), status="finished")
    assert refused.value.code == "recall-ended-by-consignee"
    tell(county, recall, "regulator", status="finished")
    assert report(county, recall).status == "finished"


def test_a_consignee_speaks_of_itself_alone_and_a_stranger_not_at_all(county: County, recall: str) -> None:
    def refusal(who: str, *rows: dict[str, Any]) -> str:
        with pytest.raises(NotAllowed) as refused:
            tell(county, recall, who, *rows)
        return refused.value.code

    assert refusal("shop", of(county, "packer", returned="1")) == "recall-update-of-another"
    assert refusal("neighbour", of(county, "neighbour", returned="1")) == "recall-of-another"
    assert refusal("shop") == "recall-update-without-figures"


def test_a_consignee_reads_its_own_figures_and_not_those_of_others(county: County, recall: str) -> None:
    tell(county, recall, "regulator", of(county, "shop", sold="40"), of(county, "packer", sold="5"))
    tell(county, recall, "packer", of(county, "packer", sold="6"))
    seen = report(county, recall, "shop").updates
    assert [row["organisation"] for each in seen for row in each.consignees] == [county.code("shop")]


def test_what_is_returned_and_destroyed_is_counted_from_the_ledger(county: County, recall: str) -> None:
    back = {"reason": "召回", "recall": recall}
    county.move("return", "B1", "25", "shop", to="producer", details=back)
    county.move("disposal", "B1", "10", "shop", details=back | {"method": "destruction"})
    [shop] = [each for each in report(county, recall).consignees if each.organisation == county.code("shop")]
    assert (shop.held, shop.returned, shop.disposed, shop.sold) == (25 * KG, 25 * KG, 10 * KG, 0)


def test_an_update_of_no_recall_or_of_unknown_consignees_is_refused(county: County, recall: str) -> None:
    with pytest.raises(InvalidEvent) as refused:
        tell(county, county.new_id(), "regulator", {"organisation": "nobody", "batch": "NONE"})
    assert {problem.code for problem in refused.value.problems} == {
        "unknown-recall",
        "unknown-organisation",
        "unknown-batch",
    }


def test_a_corrected_update_is_no_longer_told(county: County, recall: str) -> None:
    wrong = tell(county, recall, "regulator", of(county, "shop", sold="400"))
    county.record("correction", "regulator", details={"corrects": [wrong], "reason": "录错"})
    assert report(county, recall).updates == ()
    check_ledger(county.service)


def test_a_recall_that_is_made_more_urgent_counts_from_then_and_gets_no_more_time(county: County) -> None:
    county.harvest("B1")
    mild = {"level": 3, "ordered": True, "reason": "标签错误"}
    recall = county.record("recall", "regulator", batches=["B1"], details=mild).event_id

    def state(level: int, who: str = "regulator", **more: Any) -> None:
        details = {"recall": recall, "status": "in_progress", "level": level, **more}
        county.record("recall_update", who, details=details)

    first = report(county, recall)
    county.now.seconds += 24 * 3600
    state(1, "producer", consignees=[{"organisation": county.code("producer")}])
    assert report(county, recall).level == 3
    state(1)
    sharper = report(county, recall)
    assert (first.level, sharper.level) == (3, 1)
    # 24 hours from the day after the opening come before its own 72.
    assert sharper.start_by_ms == first.opened_ms + 48 * 3_600_000
    assert sharper.finish_by < first.finish_by
    county.now.seconds += 24 * 3600 * 30
    state(2)
    state(1)
    assert report(county, recall).finish_by <= Calendar().after(date(2026, 5, 29), 20)
    state(3)
    assert (report(county, recall).level, report(county, recall).finish_by) == (3, first.finish_by)
    check_ledger(county.service)
