from __future__ import annotations

import pytest

from county import County
from heji_trace.desks.samples import match_result
from heji_trace.desks.targets import Target


@pytest.fixture
def drawn(county: County) -> County:
    county.harvest("LZ-01")
    county.harvest("LZ-02")
    details = {"purpose": "commissioned", "samples": [{"sample": "S-001", "batch": "LZ-01"}]}
    county.record("sampling", "laboratory", details=details)
    return county


@pytest.mark.parametrize(
    "named, target",
    [
        ({"sample": "S-001"}, Target("S-001", ("LZ-01",))),
        ({"batch": "LZ-02"}, Target(None, ("LZ-02",))),
        ({"note": "上午送样，样品S-001，已封样"}, Target("S-001", ("LZ-01",))),
        ({"note": "批次：LZ-02 LZ-02"}, Target(None, ("LZ-02",))),
        ({"note": "LZ-01 与 LZ-02 混合"}, None),
        ({"note": "上午送样"}, None),
        ({"sample": "NONE", "note": "LZ-02"}, None),
        ({}, None),
    ],
)
def test_a_result_is_matched_by_what_it_names_and_never_by_guessing(
    drawn: County, named: dict[str, str], target: Target | None
) -> None:
    wanted = {"sample": "", "batch": "", "note": "", **named}
    with drawn.service.store.read() as connection:
        assert match_result(connection, None, **wanted) == target
