from __future__ import annotations

from typing import Any

import pytest

from county import County
from heji_trace.errors import BulkRefused, NeedsAcknowledgement
from heji_trace.events.event import Event
from heji_trace.recording.imported import Origin
from heji_trace.recording.recorder import Receipt


def sold(county: County, quantity: str, hours_ago: float = 1, **parts: Any) -> Event:
    """A sale as a row of a sheet says it; each time it is read it has an id of its own."""
    moves = [{"batch": "B1", "quantity": quantity, "unit": "kg"}]
    return county.event("sale", hours_ago=hours_ago, moves=moves, **parts)


def upload(
    county: County, *rows: Event, kind: str = "sale", confirmed: str = "", **wish: Any
) -> list[Receipt]:
    origin = Origin(county.new_id(), "销售.xlsx", county.new_id(), kind)
    codes = frozenset({confirmed} - {""})
    return county.recorder.submit_all(
        rows, county.authors["producer"], acknowledged=codes, origin=origin, **wish
    )


def asked(refused: pytest.ExceptionInfo[BulkRefused]) -> list[tuple[int, str, object]]:
    """Row, code and the entry that is told of each question."""
    return [
        (at, question.code, question.names["entry"])
        for at, error in refused.value.rows
        if isinstance(error, NeedsAcknowledgement)
        for question in error.questions
    ]


def test_a_row_that_an_earlier_sheet_had_is_asked_about_with_its_entry(county: County) -> None:
    county.harvest("B1")
    first = upload(county, sold(county, "3"), sold(county, "4"))
    with pytest.raises(BulkRefused) as refused:
        upload(county, sold(county, "3"), sold(county, "4"), sold(county, "5"), dry_run=True)
    assert asked(refused) == [(at, "SAID_BEFORE", first[at].seq + 1) for at in (0, 1)]
    assert county.size == first[1].seq + 1


def test_what_happened_once_more_is_recorded_when_it_is_confirmed(county: County) -> None:
    county.harvest("B1")
    upload(county, sold(county, "3"))
    [again] = upload(county, sold(county, "3"), confirmed="SAID_BEFORE")
    assert not again.repeated
    with pytest.raises(BulkRefused):
        upload(county, sold(county, "3"))


def test_another_time_amount_or_remark_is_another_row(county: County) -> None:
    county.harvest("B1")
    upload(county, sold(county, "3"))
    upload(county, sold(county, "3.5"), sold(county, "3", hours_ago=2), sold(county, "3", note="下午又来"))


def test_equal_rows_of_one_sheet_are_not_asked_about(county: County) -> None:
    county.harvest("B1")
    assert len(upload(county, sold(county, "3"), sold(county, "3"))) == 2


def test_what_was_taken_back_may_be_handed_in_again(county: County) -> None:
    county.harvest("B1")
    [first] = upload(county, sold(county, "3"))
    county.record("correction", details={"corrects": [first.event_id], "reason": "误传"})
    assert len(upload(county, sold(county, "3"))) == 1


def test_programs_and_single_statements_are_not_asked(county: County) -> None:
    county.harvest("B1")
    upload(county, sold(county, "3"))
    upload(county, sold(county, "3"), kind="json")
    county.recorder.submit(sold(county, "3"), county.authors["producer"])


def test_what_another_organisation_uploaded_is_not_told(county: County) -> None:
    county.harvest("B1")
    upload(county, sold(county, "3"))
    origin = Origin(county.new_id(), "销售.xlsx", county.new_id(), "sale")
    county.hand_over("B1", "20", "producer", "shop")
    rows = [county.event("sale", "shop", hours_ago=1, moves=[{"batch": "B1", "quantity": "3", "unit": "kg"}])]
    county.recorder.submit_all(rows, county.authors["shop"], origin=origin)


def test_facts_that_are_registered_again_are_not_asked_about(county: County) -> None:
    details = {
        "code": "plot-9",
        "name": "九号地",
        "site_type": "plot",
        "organisation": county.code("producer"),
    }
    for _ in range(2):
        upload(county, county.event("site", details=details), kind="site")
