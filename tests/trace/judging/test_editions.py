from __future__ import annotations

import json
from typing import Any

import pytest

from county import CYCLE, PLOT, PRODUCT, County
from heji_trace.errors import InvalidEvent, NeedsAcknowledgement
from heji_trace.events.event import Event
from heji_trace.judging.editions import parse_thresholds, unreadable_rows
from heji_trace.judging.facts import Thresholds
from heji_trace.known.state import State
from labelled import look_at
from ledger_check import check_ledger

INTERVALS = [{"active": "代森锰锌", "crop": "荔枝", "days": "10"}]


def edition(county: County, table: str, name: str, rows: list[dict[str, str]], **facts: Any) -> Event:
    given = {"table": table, "edition": name, "rows": rows, "source": "试", "verified": True}
    return county.event("edition", "operator", details={**given, "effective_from": "2025-01-01", **facts})


def load(county: County, *args: Any, **facts: Any) -> Event:
    event = edition(county, *args, **facts)
    county.recorder.submit(event, county.authors["operator"])
    return event


def spray(county: County) -> None:
    details = {"input_type": "pesticide", "name": "大生", "active_substances": ["代森锰锌"]}
    county.record("input_application", hours_ago=48, cycles=[CYCLE], details=details)


@pytest.mark.parametrize(
    ("table", "row", "expected"),
    [
        ("intervals", {"active": "a", "crop": "b", "days": "早稻14 / 晚稻28"}, []),
        ("intervals", {"active": "a", "crop": "b", "days": "-"}, []),
        ("intervals", {"active": "a", "crop": "b", "days": "2-5 天"}, []),
        ("intervals", {"active": "a", "crop": "b", "days": "七天"}, ["edition-days"]),
        ("intervals", {"active": "a", "crop": "b", "days": "7.5"}, ["edition-days"]),
        ("withdrawals", {"drug": "a", "species": "b", "days": "60 h"}, ["edition-days"]),
        ("withdrawals", {"drug": "a", "species": "b", "days": "500 ℃·d"}, ["edition-days"]),
        ("intervals", {"substance": "a", "crop": "b", "days": "3"}, ["edition-column-missing"]),
        ("intervals", {"active": "a", "crop": "b", "days": "99999"}, ["edition-number"]),
        ("withdrawals", {"drug": "a", "species": "b", "days": "3"}, []),
        ("withdrawals", {"drug": "a", "days": "3"}, ["edition-column-missing"]),
        ("thresholds", {"name": "late_record_hours", "value": "72"}, []),
        ("thresholds", {"name": "late_record_hours", "value": "abc"}, ["edition-number"]),
        ("thresholds", {"name": "late_record_hours", "value": "-1"}, ["edition-number"]),
        ("thresholds", {"name": "late_record_hours", "value": "９"}, ["edition-number"]),
        ("thresholds", {"name": "late_record_hours", "value": "1000000"}, ["edition-number"]),
        ("thresholds", {"name": "late_hours", "value": "72"}, ["threshold-unknown"]),
        ("thresholds", {"value": "72"}, ["edition-column-missing"]),
        ("holidays", {"day": "off", "from": "2026-10-01", "to": "2026-10-07"}, []),
        ("holidays", {"day": "free", "from": "2026-10-01"}, ["holiday-kind"]),
        ("holidays", {"day": "off", "from": "2026-13-01"}, ["holiday-span"]),
        ("limits", {"anything": "goes"}, []),
    ],
)
def test_a_row_that_nothing_can_be_judged_by_is_refused(
    table: str, row: dict[str, str], expected: list[str]
) -> None:
    assert [problem.code for problem in unreadable_rows(table, [row])] == expected


def test_an_edition_with_such_a_row_is_not_recorded(county: County) -> None:
    size = county.size
    with pytest.raises(InvalidEvent) as refused:
        load(county, "thresholds", "e1", [{"name": "late_record_hours", "value": "three"}])
    [problem] = refused.value.problems
    assert problem.pointer == "/details/rows/0/value"
    assert county.size == size


def test_a_threshold_that_an_older_entry_left_unreadable_keeps_its_default() -> None:
    rows = [{"name": "late_record_hours", "value": "x"}, {"name": "near_expiry_days", "value": "5"}, {}]
    assert parse_thresholds(rows) == Thresholds(near_expiry_days=5)


@pytest.mark.both_databases
def test_an_edition_judges_nothing_that_was_recorded_before_it(county: County) -> None:
    spray(county)
    county.harvest("A1")
    load(county, "intervals", "e1", INTERVALS)
    hold = county.record("hold", batches=["A1"], details={"reason": "待查"})
    county.record("release", details={"hold": hold.event_id, "reason": "无事"})
    assert county.warned("A1") == []
    with pytest.raises(NeedsAcknowledgement):
        county.harvest("A2")
    county.harvest("A2", acknowledged=["PHI_VIOLATION"])
    load(county, "intervals", "e2", [{**INTERVALS[0], "days": "1"}])
    county.record("hold", batches=["A2"], details={"reason": "待查"})
    assert county.warned("A2") == ["ON_HOLD", "PHI_VIOLATION"]
    check_ledger(county.service)


@pytest.mark.both_databases
def test_a_corrected_edition_judges_what_it_judged_wrongly_anew(county: County) -> None:
    wrong = load(county, "intervals", "e1", [{**INTERVALS[0], "days": "100"}])
    spray(county)
    county.harvest("A1", acknowledged=["PHI_VIOLATION"])
    county.make("packaging", {"A1": "10"}, {"P1": "10"})
    assert county.warned("P1") == ["PHI_VIOLATION"]

    def correct(corrected: str, replacement: Event | None) -> str:
        details = {"corrects": [corrected], "reason": "写错", "replacement": replacement and replacement.body}
        return county.record("correction", "operator", details=details).event_id

    once = correct(wrong.id, edition(county, "intervals", "e1", [{**INTERVALS[0], "days": "1"}]))
    assert county.warned("A1") == county.warned("P1") == []
    away = edition(county, "intervals", "e1", INTERVALS, effective_to="2025-12-31")
    twice = correct(once, edition(county, "intervals", "e1", INTERVALS))
    assert county.warned("P1") == ["PHI_VIOLATION"]
    correct(twice, away)
    assert county.warned("P1") == []
    check_ledger(county.service)


@pytest.mark.parametrize(
    ("stated", "expected", "named"), [(None, 20, "i1"), (0, 20, "i1"), (20, 20, "i1"), (30, 30, None)]
)
def test_a_pesticide_is_judged_by_the_longer_of_its_label_and_the_table(
    county: County, stated: int | None, expected: int, named: str | None
) -> None:
    load(county, "intervals", "i1", [{**INTERVALS[0], "days": "20"}])
    details = {"input_type": "pesticide", "name": "大生", "active_substances": ["代森锰锌"]}
    used = {**details, "withdrawal_days": stated}
    county.record("input_application", hours_ago=24 * 15, cycles=[CYCLE], details=used)
    with pytest.raises(NeedsAcknowledgement) as asked:
        county.harvest("M1")
    [question] = asked.value.questions
    assert question.code == "PHI_VIOLATION"
    assert ("按产品标签" in question.sentence("zh")) is (named is None)
    county.harvest("M1", acknowledged=["PHI_VIOLATION"])
    with county.service.store.read() as connection:
        [warning] = State(connection).live_warnings("M1")
    data = json.loads(warning["data"])
    assert (data["active"], data["days"], data.get("edition")) == ("代森锰锌", expected, named)
    [use] = look_at(county, "M1", PRODUCT).uses
    assert f"安全间隔期 {expected} 天" in use.sentence["zh"]
    check_ledger(county.service)


def test_a_pesticide_is_judged_by_its_name_where_nobody_says_what_is_in_it(county: County) -> None:
    rows = [
        {"active": "氯氰菊酯 cypermethrin", "crop": "荔枝", "days": "5"},
        {"active": "高效氯氰菊酯 beta-cypermethrin", "crop": "荔枝", "days": "3"},
    ]
    load(county, "intervals", "i1", rows)
    used = {"input_type": "pesticide", "name": "高效氯氰菊酯乳油"}
    county.record("input_application", hours_ago=24 * 3, cycles=[CYCLE], details=used)
    county.harvest("A1")
    assert county.warned("A1") == []
    county.record("input_application", hours_ago=24 * 2, cycles=[CYCLE], details=used)
    county.harvest("A2", acknowledged=["PHI_VIOLATION"])
    # What a sealed name holds is told to nobody.
    [notice] = look_at(county, "A2", PRODUCT).live
    assert notice.sentence["zh"].startswith("采收早于安全间隔期：所用农药 应间隔 3 天")
    check_ledger(county.service)


@pytest.mark.parametrize("species", ["鸡 chicken", "家禽"])
def test_a_table_that_names_the_animal_means_the_hens_that_are_kept(county: County, species: str) -> None:
    load(county, "withdrawals", "w1", [{"drug": "土霉素", "species": species, "days": "7"}])
    kept = {"cycle": "hens", "species": "蛋鸡"}
    county.record("stocking", hours_ago=24 * 60, site=PLOT, details=kept)
    given = {"input_type": "veterinary", "name": "土霉素"}
    county.record("input_application", hours_ago=24, cycles=["hens"], details=given)
    eggs = [{"batch": "E1", "product": PRODUCT, "quantity": "5", "unit": "kg"}]
    with pytest.raises(NeedsAcknowledgement):
        county.record("harvest", cycles=["hens"], outputs=eggs)


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("stated", "expected", "verified"), [(None, 20, False), (0, 20, False), (30, 30, None)]
)
def test_a_medicine_is_judged_by_the_longer_of_what_is_stated_and_the_table(
    county: County, stated: int | None, expected: int, verified: bool | None
) -> None:
    load(county, "withdrawals", "w1", [{"drug": "氟苯尼考", "species": "荔枝", "days": "20"}], verified=False)
    details = {"input_type": "veterinary", "name": "氟苯尼考", "withdrawal_days": stated}
    county.record("input_application", hours_ago=24 * 15, cycles=[CYCLE], details=details)
    with pytest.raises(NeedsAcknowledgement) as asked:
        county.harvest("M1")
    assert [each.code for each in asked.value.questions] == ["VET_WITHDRAWAL"]
    county.harvest("M1", acknowledged=["VET_WITHDRAWAL"])
    with county.service.store.read() as connection:
        [warning] = State(connection).live_warnings("M1")
    data = json.loads(warning["data"])
    assert (warning["code"], data["days"], data.get("verified")) == ("VET_WITHDRAWAL", expected, verified)
    check_ledger(county.service)
