from __future__ import annotations

from dataclasses import replace

from heji_trace.judging.facts import DAY_MS, HOUR_MS, ApplicationFact, HarvestFact, Raised, Thresholds
from heji_trace.judging.intervals import Interval
from heji_trace.judging.waits import Waits, waiting_warnings

NOON = 1_780_000_000_000 // DAY_MS * DAY_MS + 4 * HOUR_MS  # 12:00 in Beijing
TABLE = [Interval("代森锰锌", "荔枝", "", 10, "2026-example", verified=False)]
USUAL = Thresholds()
SPRAY = ApplicationFact(3, 3, "pesticide", "代森锰锌可湿粉", ("代森锰锌",), "80% WP", None, NOON, NOON)
PICKING = HarvestFact(5, 5, "荔枝", NOON + 10 * DAY_MS, NOON + 10 * DAY_MS, (SPRAY,))


def warnings_of(harvest: HarvestFact, thresholds: Thresholds = USUAL) -> list[Raised]:
    return waiting_warnings(harvest, lambda _: Waits(TABLE), thresholds)


def warnings_after(use: ApplicationFact, thresholds: Thresholds = USUAL) -> list[Raised]:
    """What is warned about where this was used before the harvest."""
    return warnings_of(replace(PICKING, applications=(use,)), thresholds)


def codes_after(use: ApplicationFact, thresholds: Thresholds = USUAL) -> list[str]:
    return [raised.code for raised in warnings_after(use, thresholds)]


def test_a_harvest_on_the_first_clear_day_is_fine() -> None:
    assert warnings_of(PICKING) == []


def test_a_harvest_one_day_early_is_inside_the_interval() -> None:
    early = replace(PICKING, occurred_ms=PICKING.occurred_ms - DAY_MS)
    [raised] = warnings_of(early)
    assert (raised.code, raised.data["short"], raised.data["verified"]) == ("PHI_VIOLATION", 1, False)


def test_an_application_after_the_harvest_does_not_concern_it() -> None:
    later = replace(SPRAY, occurred_ms=PICKING.occurred_ms + HOUR_MS)
    assert warnings_after(later) == []


def test_an_interval_rests_unproven_on_a_use_recorded_after_the_harvest() -> None:
    written_back = replace(SPRAY, seq=6, rank=6, recorded_ms=PICKING.recorded_ms)
    patient = Thresholds(late_record_hours=1000)
    assert codes_after(written_back, patient) == ["PHI_UNPROVEN"]
    assert codes_after(replace(written_back, seq=4, rank=4), patient) == []


def test_a_use_that_was_recorded_in_time_stays_so_when_its_note_is_corrected_after_the_harvest() -> None:
    assert codes_after(replace(SPRAY, seq=9)) == []


def test_an_interval_rests_unproven_on_a_use_recorded_days_late() -> None:
    late = replace(SPRAY, recorded_ms=SPRAY.occurred_ms + 73 * HOUR_MS)
    assert codes_after(late) == ["PHI_UNPROVEN"]


def test_eggs_before_the_end_of_a_withdrawal_period_are_warned_about() -> None:
    drug = replace(SPRAY, input_type="veterinary", name="土霉素", actives=(), withdrawal_days=11)
    [raised] = warnings_after(drug)
    assert (raised.code, raised.data["drug"]) == ("VET_WITHDRAWAL", "土霉素")
    assert warnings_after(replace(drug, withdrawal_days=10)) == []


def test_waiting_times_count_from_the_end_of_a_course() -> None:
    course = replace(
        SPRAY, ended_ms=SPRAY.occurred_ms + 4 * DAY_MS, recorded_ms=SPRAY.occurred_ms + 4 * DAY_MS
    )
    [raised] = warnings_after(course)
    assert (raised.code, raised.data["short"]) == ("PHI_VIOLATION", 4)
    drug = replace(course, input_type="veterinary", actives=(), withdrawal_days=7)
    [raised] = warnings_after(drug)
    assert raised.code == "VET_WITHDRAWAL"
    cleared = replace(drug, withdrawal_days=6)
    assert codes_after(cleared) == []


def test_what_is_collected_amid_a_course_is_inside_its_period() -> None:
    course = replace(
        SPRAY, input_type="veterinary", withdrawal_days=1, ended_ms=PICKING.occurred_ms + 3 * DAY_MS
    )
    assert codes_after(course) == ["VET_WITHDRAWAL"]
    without_wait = replace(course, withdrawal_days=0)
    assert codes_after(without_wait) == []


def test_a_course_recorded_at_its_end_is_not_late() -> None:
    end = SPRAY.occurred_ms + 5 * DAY_MS
    course = replace(SPRAY, ended_ms=end, recorded_ms=end)
    later = replace(PICKING, occurred_ms=end + 20 * DAY_MS, applications=(course,))
    assert warnings_of(later) == []


def test_of_a_harvest_that_lasts_days_what_is_taken_after_a_use_counts() -> None:
    lasting = replace(PICKING, ended_ms=PICKING.occurred_ms + 3 * DAY_MS)
    amid = replace(SPRAY, occurred_ms=PICKING.occurred_ms + DAY_MS, recorded_ms=PICKING.occurred_ms + DAY_MS)
    [raised] = warnings_of(replace(lasting, applications=(amid,)))
    assert (raised.code, raised.data["short"]) == ("PHI_VIOLATION", 10)
    drug = replace(amid, input_type="veterinary", actives=(), withdrawal_days=1)
    [raised] = warnings_of(replace(lasting, applications=(drug,)))
    assert raised.code == "VET_WITHDRAWAL"
    at_its_end, behind = (replace(amid, occurred_ms=lasting.last_ms + more) for more in (0, 1))
    assert [each.code for each in warnings_of(replace(lasting, applications=(at_its_end,)))] == [
        "PHI_VIOLATION"
    ]
    assert warnings_of(replace(lasting, applications=(behind,))) == []
    # What lay far enough before its beginning does not come nearer by its length.
    assert warnings_of(lasting) == []
