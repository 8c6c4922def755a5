from __future__ import annotations

import pytest

from county import PRODUCT, County
from heji_trace.known.state import State
from labelled import label, look, release_result, state_result
from ledger_check import check_ledger


@pytest.mark.both_databases
def test_a_result_awaits_its_release_as_the_purpose_of_its_sample_now_says(county: County) -> None:
    county.harvest("A1")
    code = label(county, "A1", PRODUCT).trace_code
    drawn = {"samples": [{"sample": "S1", "batch": "A1"}]}

    def levels_after(purpose: str, corrected: str | None) -> tuple[str, str]:
        details = drawn | {"purpose": purpose}
        sampling = county.raw("sampling", "other_laboratory", details=details)
        if corrected is None:
            said = county.record("sampling", "other_laboratory", details=details).event_id
            state_result(county, "S1", "nonconforming", formal=True)
        else:
            correction = {"corrects": [corrected], "reason": "目的写错", "replacement": sampling}
            said = county.record("correction", "other_laboratory", details=correction).event_id
        return said, look(county, code).verdict.level

    said, level = levels_after("commissioned", None)
    assert level == "red"
    said, level = levels_after("supervised", said)
    assert level == "orange"
    said, level = levels_after("commissioned", said)
    assert level == "red"
    said, level = levels_after("supervised", said)
    assert level == "orange"
    release_result(county, "S1", "nonconforming")
    assert look(county, code).verdict.level == "red"
    check_ledger(county.service)


def test_what_was_hidden_stays_so_when_its_sampling_is_taken_back(county: County) -> None:
    county.harvest("A1")
    code = label(county, "A1", PRODUCT).trace_code
    details = {"purpose": "supervised", "samples": [{"sample": "S1", "batch": "A1"}]}
    said = county.record("sampling", "other_laboratory", details=details).event_id
    state_result(county, "S1", "nonconforming", formal=True)
    county.record("correction", "other_laboratory", details={"corrects": [said], "reason": "未抽样"})
    passport = look(county, code)
    assert [notice.code for notice in passport.lifted] == ["ON_HOLD"]
    assert passport.lifted[0].by is None
    with county.service.store.read() as connection:
        [row] = State(connection).tests.of("sample", "S1")
    assert row["released"] == 0
    check_ledger(county.service)
