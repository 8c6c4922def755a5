"""A clock that jumps: no jump is frozen into the ledger, and recorded times never decrease."""

from __future__ import annotations

import os
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from county import CYCLE, PRODUCT, found_county
from faults.length import LONG, lasting
from heji_trace.errors import Misconfigured
from heji_trace.events.schemas import parse_event
from heji_trace.ledger import ledger
from heji_trace.vocabulary.times import Clock
from heji_web.service.founding import found_log
from heji_web.service.service import open_service
from heji_web.service.settings import read_settings
from ledger_check import verified
from web.doors import CHEAP, Now

_TOLERATED = 5 * 60


@dataclass
class TwoClocks(Now):
    """A wall clock that can be set, and one that only goes on."""

    gone: float = 1000.0

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.seconds, lambda: self.gone)

    def pass_by(self, seconds: float) -> None:
        self.seconds += seconds
        self.gone += seconds

    def set_wall(self, seconds: float) -> None:
        self.seconds += seconds


# How the clock is treated before each statement: time that passes, and how far somebody sets the wall clock.
STEPS = st.lists(
    st.tuples(
        st.integers(0, 900),
        st.one_of(
            st.just(0),
            st.integers(-200, 200),
            st.sampled_from([-86_400, -3600, -_TOLERATED - 1, -_TOLERATED, _TOLERATED, _TOLERATED + 1, 3600]),
            st.sampled_from([31_536_000, -31_536_000]),
        ),
    ),
    min_size=1,
    max_size=30,
)


@settings(max_examples=lasting(8, 1000), deadline=None, derandomize=not LONG, phases=[Phase.generate])
@given(steps=STEPS)
def test_no_jump_of_the_wall_clock_gets_into_the_ledger(steps: list[tuple[int, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        now = TwoClocks()
        place = read_settings({"HEJI_DATA": folder})
        found_log(place, "log.heji.example/log", os.urandom)
        with closing(open_service(place, now.clock, passwords=CHEAP)) as service:
            service.start()
            county = found_county(service, now)
            moment, said = county.at(24), 0
            agreed = now.seconds - now.gone
            recorded = [now.seconds]
            for passes, jump in steps:
                now.pass_by(passes)
                now.set_wall(jump)
                outputs = [{"batch": f"K{said}", "product": PRODUCT, "quantity": "1", "unit": "kg"}]
                raw = county.raw("harvest", occurred_at=moment, cycles=[CYCLE], outputs=outputs)
                apart = abs(now.seconds - now.gone - agreed)
                size, refusal = county.size, None
                try:
                    county.recorder.submit(parse_event(raw), county.authors["producer"])
                except Misconfigured as error:
                    refusal = error.code
                if refusal is not None:
                    assert refusal in ("clock-jumped", "clock-behind-ledger")
                    assert apart > _TOLERATED or now.seconds < recorded[-1] - _TOLERATED
                    assert county.size == size
                    # Somebody sets the clock right again.
                    now.set_wall(agreed - (now.seconds - now.gone))
                else:
                    assert apart <= _TOLERATED
                    assert now.seconds >= recorded[-1] - _TOLERATED
                    agreed = now.seconds - now.gone
                    recorded.append(max(now.seconds, recorded[-1]))
                    said += 1
            with service.store.read() as connection:
                times = [each.recorded_ms for each in ledger.read_all(connection, county.size)]
            assert times == sorted(times)
            assert times[len(times) - said :] == [int(each * 1000) for each in recorded[1:]]
            assert verified(service).faults == ()


@pytest.mark.parametrize("jump", [-86_400, 86_400])
def test_a_jump_while_the_service_was_off_is_met_at_the_next_statement(tmp_path: Path, jump: int) -> None:
    """Backwards it is refused, because the ledger knows better; forwards nobody can tell it from a long rest."""
    now = TwoClocks()
    place = read_settings({"HEJI_DATA": str(tmp_path)})
    found_log(place, "log.heji.example/log", os.urandom)
    with closing(open_service(place, now.clock, passwords=CHEAP)) as service:
        service.start()
        county = found_county(service, now)
        event, author = county.harvesting("A1", hours_ago=48), county.authors["producer"]
    now.set_wall(jump)
    with closing(open_service(place, now.clock, passwords=CHEAP)) as service:
        service.start()
        if jump < 0:
            with pytest.raises(Misconfigured):
                service.recorder.submit(event, author)
        else:
            assert not service.recorder.submit(event, author).repeated
    if jump < 0:
        now.set_wall(-jump)
        with closing(open_service(place, now.clock, passwords=CHEAP)) as service:
            service.start()
            assert not service.recorder.submit(event, author).repeated
