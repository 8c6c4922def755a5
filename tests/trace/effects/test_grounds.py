from __future__ import annotations

from collections.abc import Iterator

import pytest

from county import CYCLE, PRODUCT, County
from heji_trace.errors import NeedsAcknowledgement
from heji_trace.events.schemas import parse_event
from labelled import look_at, state_result
from ledger_check import check_ledger


@pytest.fixture(autouse=True)
def rebuilt_equals_live(county: County) -> Iterator[None]:
    yield
    check_ledger(county.service)


def draw_from_the_plot(county: County, name: str) -> None:
    drawn = {"purpose": "commissioned", "samples": [{"sample": name, "cycles": [CYCLE]}]}
    county.record("sampling", "laboratory", details=drawn)


def treat(county: County) -> None:
    drug = {"input_type": "pesticide", "name": "代森锰锌"}
    county.record("input_application", cycles=[CYCLE], details=drug)


def test_a_plot_s_sample_speaks_for_what_is_harvested_there_until_the_next_treatment(county: County) -> None:
    county.harvest("BEFORE")
    draw_from_the_plot(county, "S1")
    county.harvest("A1")
    county.make("packaging", {"A1": "10"}, {"P1": "10"})
    treat(county)
    county.harvest("AFTER")
    state_result(county, "S1", "positive")
    positive = county.warned("A1")
    assert positive != []
    assert county.warned("P1") != []
    assert county.warned("BEFORE") == county.warned("AFTER") == []
    # What is harvested after the next sample is as that one found it.
    draw_from_the_plot(county, "S2")
    county.harvest("A2")
    state_result(county, "S2", "negative")
    assert [*map(county.warned, ("A1", "A2"))] == [positive, []]


def test_a_use_that_is_recorded_after_the_harvest_ends_a_good_result_and_no_bad_one(county: County) -> None:
    drawn = {"purpose": "commissioned", "samples": [{"sample": name, "cycles": [CYCLE]} for name in "12"]}
    county.record("sampling", "laboratory", hours_ago=24 * 9, details=drawn)
    state_result(county, "1", "conforming", formal=True)
    county.harvest("A1", hours_ago=24)
    assert look_at(county, "A1", PRODUCT).verdict.level == "green"
    drug = {"input_type": "pesticide", "name": "代森锰锌"}
    county.record("input_application", hours_ago=24 * 5, cycles=[CYCLE], details=drug)
    passport = look_at(county, "A1", PRODUCT)
    assert passport.tests is not None
    assert (passport.verdict.level, passport.tests.results) == ("grey", ())
    state_result(county, "2", "positive")
    assert county.warned("A1") == ["RAPID_POSITIVE"]


def test_a_plot_s_sample_that_is_recorded_late_speaks_for_what_was_harvested_after_it(county: County) -> None:
    county.harvest("BEFORE", hours_ago=50)
    county.harvest("A1", hours_ago=5)
    drawn = {"purpose": "commissioned", "samples": [{"sample": "S1", "cycles": [CYCLE]}]}
    county.record("sampling", "laboratory", hours_ago=24, details=drawn)
    state_result(county, "S1", "positive")
    assert [*map(county.warned, ("BEFORE", "A1"))] == [[], ["RAPID_POSITIVE"]]


def test_a_course_of_a_medicine_counts_from_its_last_day(county: County) -> None:
    drug = {"input_type": "veterinary", "name": "土霉素", "withdrawal_days": 5}
    given = county.record(
        "input_application", hours_ago=24 * 7, ended_at=county.at(24 * 3), cycles=[CYCLE], details=drug
    )
    county.harvest("A1", acknowledged=["VET_WITHDRAWAL"])
    assert county.warned("A1") == ["VET_WITHDRAWAL"]
    shorter = county.raw("input_application", hours_ago=24 * 7, cycles=[CYCLE], details=drug)
    correction = {"corrects": [given.event_id], "reason": "只用了一天", "replacement": shorter}
    county.record("correction", details=correction)
    assert county.warned("A1") == []


def test_manure_and_feed_do_not_end_what_a_plot_s_sample_speaks_for(county: County) -> None:
    draw_from_the_plot(county, "S1")
    for input_type in ("fertiliser", "feed"):
        county.record("input_application", cycles=[CYCLE], details={"input_type": input_type, "name": "尿素"})
    county.harvest("A1")
    state_result(county, "S1", "positive")
    assert county.warned("A1") == ["RAPID_POSITIVE"]


def test_a_plot_s_sample_speaks_for_so_many_days_as_the_thresholds_say(county: County) -> None:
    day = 86_400
    rows = [{"name": "plot_sample_days", "value": "20"}]
    facts = {"table": "thresholds", "edition": "wide", "rows": rows, "source": "试", "verified": True}
    dates = {"effective_from": county.at(-24 * 30)[:10]}
    county.record("edition", "operator", details={**facts, **dates})
    sampling = county.raw(
        "sampling",
        "laboratory",
        details={"purpose": "commissioned", "samples": [{"sample": "S1", "cycles": [CYCLE]}]},
    )
    county.recorder.submit(parse_event(sampling), county.authors["laboratory"])
    county.now.seconds += 14 * day
    county.harvest("DAY14")
    county.now.seconds += day
    county.harvest("DAY15")
    county.now.seconds += 20 * day
    draw_from_the_plot(county, "S2")
    county.now.seconds += 20 * day
    county.harvest("DAY20")
    state_result(county, "S1", "positive")
    state_result(county, "S2", "positive")
    assert [*map(county.warned, ("DAY14", "DAY15", "DAY20"))] == [["RAPID_POSITIVE"], [], ["RAPID_POSITIVE"]]
    # A corrected day of drawing counts, and not the day of its correction.
    earlier = {**sampling, "id": county.new_id(), "occurred_at": county.at(24 * 56)}
    correction = {"corrects": [sampling["id"]], "reason": "日期写错", "replacement": earlier}
    county.record("correction", "laboratory", details=correction)
    assert [*map(county.warned, ("DAY14", "DAY15", "DAY20"))] == [[], [], ["RAPID_POSITIVE"]]
    check_ledger(county.service)


FIVE_DAYS = {"input_type": "veterinary", "name": "土霉素", "withdrawal_days": 5}


def test_a_use_amid_a_harvest_of_days_is_judged_whichever_is_recorded_first(county: County) -> None:
    end, asked = county.at(24), ["VET_WITHDRAWAL"]
    county.harvest("A1", hours_ago=24 * 4, ended_at=end)
    assert county.warned("A1") == []
    used = county.record("input_application", hours_ago=48, cycles=[CYCLE], details=FIVE_DAYS)
    assert used.warnings == ("VET_WITHDRAWAL",)
    county.harvest("A2", hours_ago=24 * 4, ended_at=end, acknowledged=asked)
    assert [*map(county.warned, ("A1", "A2"))] == [["VET_WITHDRAWAL"]] * 2
    [shown] = look_at(county, "A1", PRODUCT).uses
    assert shown.standing == "short"


def test_who_picks_on_after_a_use_is_asked(county: County) -> None:
    county.record("input_application", hours_ago=48, cycles=[CYCLE], details=FIVE_DAYS)
    with pytest.raises(NeedsAcknowledgement) as asked:
        county.harvest("A1", hours_ago=24 * 4, ended_at=county.at(24))
    assert [question.code for question in asked.value.questions] == ["VET_WITHDRAWAL"]
    county.harvest("A1", hours_ago=24 * 4, ended_at=county.at(24 * 3))
    assert county.warned("A1") == []


def test_after_a_use_amid_a_harvest_a_good_result_of_the_plot_does_not_speak_for_it_and_a_bad_one_does(
    county: County,
) -> None:
    drawn = {"purpose": "commissioned", "samples": [{"sample": name, "cycles": [CYCLE]} for name in "12"]}
    county.record("sampling", "laboratory", hours_ago=24 * 9, details=drawn)
    drug = {"input_type": "pesticide", "name": "代森锰锌"}
    county.record("input_application", hours_ago=48, cycles=[CYCLE], details=drug)
    county.harvest("BEFORE", hours_ago=72, ended_at=county.at(60))
    county.harvest("ON", hours_ago=72, ended_at=county.at(24))
    state_result(county, "1", "conforming", formal=True)
    assert [look_at(county, batch, PRODUCT).verdict.level for batch in ("BEFORE", "ON")] == ["green", "grey"]
    state_result(county, "2", "positive")
    assert [*map(county.warned, ("BEFORE", "ON"))] == [["RAPID_POSITIVE"]] * 2
