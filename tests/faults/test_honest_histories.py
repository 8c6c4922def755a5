"""No false alarm: whatever people of all roles say of all kinds, true or muddled, the ledger verifies afterwards."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from county import CYCLE, PACKED, PEOPLE, PLOT, PRODUCT, County
from faults.history import open_county, say, tell_examples
from faults.length import LONG, lasting
from heji_trace.errors import Refused
from heji_trace.events.kinds import KINDS
from heji_trace.events.kinds.examples import example_event
from ledger_check import check_ledger

BATCHES = ("HA", "HB", "HC", "HD")
# What examples name is exchanged for names that the statements of one history share, so that they speak of each other.
NAMES = {
    "batch": st.sampled_from(BATCHES),
    "product": st.sampled_from([PRODUCT, PACKED]),
    "quantity": st.sampled_from(["0.5", "3", "40.25", "900"]),
    "cycle": st.just(CYCLE),
    "cycles": st.just(CYCLE),
    "batches": st.sampled_from(BATCHES),
    "composite_of": st.sampled_from(BATCHES),
    "site": st.just(PLOT),
    "sample": st.sampled_from(["HS1", "HS2"]),
    "to_organisation": st.sampled_from([code for code, _, _ in PEOPLE.values()]),
    "conclusion": st.sampled_from(["positive", "negative"]),
    "trace_code": st.just("3K7TQ9W2MX4RA6BC"),
}
# Statements about statements: they name one of those that stand.
_UUID = 36
EARLIER = ("hold", "shipping", "corrects", "recall", "event", "to", "of")


class Muddle:
    """Draws statements: each an example of its kind, with names, amounts and references drawn anew."""

    def __init__(self, data: st.DataObject) -> None:
        self.data = data
        self.told: list[str] = []

    def statement(self, county: County, who: str) -> dict[str, Any]:
        kind = KINDS[self.data.draw(st.sampled_from(sorted(KINDS)), "kind")]
        raw: dict[str, Any] = self._exchanged(example_event(kind))
        # A moment that is past, an end that follows it, and no team that nobody knows.
        raw |= {"id": county.new_id(), "occurred_at": county.at(self.data.draw(st.integers(0, 72), "hours"))}
        for part in ("ended_at", "performed_by"):
            raw.pop(part, None)
        raw["organisation"] = county.code(who)
        replacement = raw["details"].get("replacement")
        if isinstance(replacement, dict):
            replacement |= {
                "id": county.new_id(),
                "organisation": raw["organisation"],
                "occurred_at": county.at(),
            }
            for part in ("ended_at", "performed_by"):
                replacement.pop(part, None)
        return raw

    def _exchanged(self, value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {key: self._exchanged(part, key) for key, part in value.items()}
        if isinstance(value, list):
            if name in EARLIER and self.told:
                return [self.data.draw(st.sampled_from(self.told), name)]
            return [self._exchanged(part, name) for part in value]
        if name in EARLIER and self.told and isinstance(value, str) and len(value) == _UUID:
            return self.data.draw(st.sampled_from(self.told), name)
        if name in NAMES and isinstance(value, str):
            return self.data.draw(NAMES[name], name)
        return value


@settings(
    max_examples=lasting(8, 400),
    deadline=None,
    derandomize=not LONG,
    # A county is made for each history: making the failing one shorter would take longer than reading it.
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
@given(data=st.data())
def test_an_honest_history_verifies_whatever_was_said(data: st.DataObject) -> None:
    muddle = Muddle(data)
    with tempfile.TemporaryDirectory() as folder, open_county(Path(folder) / "data") as county:
        tell_examples(county)
        for batch in BATCHES[:2]:
            say(county, county.harvesting(batch).body, "producer")
        for _ in range(data.draw(st.integers(5, 25), "statements")):
            who = data.draw(st.sampled_from(sorted(county.authors)), "who")
            county.now.seconds += data.draw(st.sampled_from([0, 61, 86_400]), "later")
            try:
                muddle.told.append(say(county, muddle.statement(county, who), who).event_id)
            except Refused:
                continue
        check_ledger(county.service)
