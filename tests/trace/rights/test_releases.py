from __future__ import annotations

from typing import Any

import pytest

from county import PRODUCT, County
from heji_trace.errors import Conflict, HejiError
from heji_trace.rights.releases import AwaitingRelease, draft_release, results_awaiting
from heji_trace.vocabulary.times import BEIJING, moment_of
from labelled import CONFORMING, label, look, release_result, sample, state_result


@pytest.fixture
def tested(county: County) -> County:
    """A batch with an official sample, whose result a laboratory has stated."""
    county.harvest("H1")
    sample(county, "S1", "H1", purpose="supervised", who="regulator")
    state_result(county, "S1", "conforming", formal=True)
    return county


def awaiting(county: County) -> list[AwaitingRelease]:
    with county.service.store.read() as connection:
        return results_awaiting(connection)


def refusal(county: County, **changes: Any) -> str:
    with pytest.raises(HejiError) as refused:
        release_result(county, "S1", **{"conclusion": "conforming", **changes})
    return refused.value.code


def test_an_official_result_awaits_its_release_with_what_was_found(tested: County) -> None:
    [found] = awaiting(tested)
    assert (found.sample, found.targets, found.drawn_by) == ("S1", ("H1",), tested.code("regulator"))
    assert found.details["results"] == [dict(row) for row in CONFORMING]


@pytest.mark.parametrize("status", ["registered", "in_progress", "preliminary"])
def test_a_result_that_is_not_reviewed_awaits_nothing_yet(county: County, status: str) -> None:
    county.harvest("H1")
    sample(county, "S1", "H1", purpose="supervised", who="regulator")
    state_result(county, "S1", "conforming", formal=True, status=status)
    assert awaiting(county) == []
    assert refusal(county) == "nothing-to-release"


def test_a_commissioned_result_is_public_by_itself(county: County) -> None:
    county.harvest("H1")
    sample(county, "S1", "H1")
    state_result(county, "S1", "conforming", formal=True)
    assert awaiting(county) == []


def test_once_released_the_public_sees_it_and_it_awaits_nothing(tested: County) -> None:
    code = label(tested, "H1", PRODUCT).trace_code
    hidden = look(tested, code)
    assert hidden.tests is not None
    assert (hidden.tests.results, hidden.verdict.level) == ((), "grey")
    release_result(tested, "S1", "conforming")
    shown = look(tested, code)
    assert shown.verdict.level == "green"
    assert shown.tests is not None
    [result] = shown.tests.results
    assert result.laboratory["zh"].startswith(tested.code("other_laboratory"))
    assert awaiting(tested) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"conclusion": "nonconforming"},
        {"results": [{**CONFORMING[0], "value": "0.019"}]},
        {"method": "another"},
        {"status": "reviewed"},
    ],
)
def test_a_release_says_exactly_what_the_laboratory_said(tested: County, changes: dict[str, Any]) -> None:
    assert refusal(tested, **changes) == "released-otherwise"


def test_what_is_released_is_not_released_again(tested: County) -> None:
    release_result(tested, "S1", "conforming")
    assert refusal(tested) == "nothing-to-release"


def test_nobody_but_a_regulator_releases(tested: County) -> None:
    with pytest.raises(HejiError) as refused:
        state_result(tested, "S1", "conforming", formal=True, released_at=tested.at())
    assert refused.value.code == "release-by-regulator"


def test_a_release_that_was_taken_back_hides_the_result_again(tested: County) -> None:
    code = label(tested, "H1", PRODUCT).trace_code
    [found] = awaiting(tested)
    release = released(tested, found.event_id)
    assert look(tested, code).verdict.level == "green"
    details = {"corrects": [release], "reason": "公布有误", "replacement": None}
    tested.record("correction", "regulator", details=details)
    assert look(tested, code).verdict.level == "grey"
    assert [each.sample for each in awaiting(tested)] == ["S1"]


def test_a_newer_step_of_the_laboratory_awaits_a_release_of_its_own(tested: County) -> None:
    release_result(tested, "S1", "conforming")
    state_result(tested, "S1", "nonconforming", formal=True)
    assert [each.details["conclusion"] for each in awaiting(tested)] == ["nonconforming"]


def test_the_same_form_sent_twice_releases_once(tested: County) -> None:
    [found] = awaiting(tested)
    event_id, at = tested.new_id(), tested.at()
    before = tested.size
    for _ in range(2):
        released(tested, found.event_id, event_id, at)
    assert tested.size == before + 1


def test_a_step_that_states_no_result_is_not_drafted(tested: County) -> None:
    drawn = tested.record("hold", "regulator", batches=["H1"], details={"reason": "待查"})
    with pytest.raises(HejiError):
        released(tested, drawn.event_id)


def test_another_regulator_s_stale_form_is_refused(tested: County) -> None:
    [found] = awaiting(tested)
    released(tested, found.event_id)
    with pytest.raises(Conflict):
        released(tested, found.event_id)


def released(county: County, step: str, event_id: str = "", at: str = "") -> str:
    """Release a step as the desk does; answers the id of the release."""
    author = county.authors["regulator"]
    now = moment_of(county.service.clock.now_ms()).astimezone(BEIJING).isoformat(timespec="seconds")
    with county.service.store.read() as connection:
        event = draft_release(
            connection, author, step, event_id=event_id or county.new_id(), occurred_at=at or now
        )
    return county.recorder.submit(event, author).event_id


def test_a_released_failure_is_told_until_another_result_is_released(county: County) -> None:
    county.harvest("B1")
    code = label(county, "B1", PRODUCT).trace_code
    sample(county, "S9", "B1", purpose="supervised", who="regulator")
    state_result(county, "S9", "nonconforming", formal=True)
    release_result(county, "S9", "nonconforming")
    state_result(county, "S9", "conforming", formal=True)
    page = look(county, code)
    assert page.verdict.code == "TEST_FAILED"
    assert page.tests is not None
    assert [(each.conclusion, each.replaced) for each in page.tests.results] == [("nonconforming", False)]
    assert page.tests.awaited == ()
    release_result(county, "S9", "conforming")
    page = look(county, code)
    assert (page.verdict.level, page.verdict.code) == ("green", "")
