from __future__ import annotations

from county import CYCLE, PRODUCT, County
from labelled import label, look
from ledger_check import change


def test_when_a_corrected_record_was_made_is_told_from_an_entry_that_is_proved(county: County) -> None:
    outputs = [{"batch": "B1", "product": PRODUCT, "quantity": "10", "unit": "kg"}]
    said = county.raw("harvest", hours_ago=1, cycles=[CYCLE], outputs=outputs)
    first = county.harvest("B1", "10", hours_ago=1)
    county.now.seconds += 7 * 86_400
    county.record(
        "correction",
        details={
            "corrects": [first.event_id],
            "reason": "补充备注",
            "replacement": {**said, "note": "早采"},
        },
    )
    code = label(county, "B1", PRODUCT).trace_code
    [harvest] = [step for step in look(county, code).journey if step.step == "harvest"]
    assert harvest.late_hours == 0
    # The correction alone stands on the page, and the hour of what it corrects may not be another all the same.
    change(county.service, "entries", "entry", first.seq, lambda entry: entry[:-1] + b" ")
    assert look(county, code).verdict.level == "red"
