from __future__ import annotations

import pytest

from heji_trace.proving.origins import goes_on, next_origin


@pytest.mark.parametrize(
    ("origin", "taken", "expected"),
    [
        ("h.cn/log", [], "h.cn/log-2"),
        ("h.cn/log-2", [], "h.cn/log-3"),
        ("h.cn/log-9", [], "h.cn/log-10"),
        ("h.cn/log", ["h.cn/log"], "h.cn/log-2"),
        ("h.cn/log", ["h.cn/log-2"], "h.cn/log-3"),
        ("h.cn/log", ["h.cn/log-4", "other.cn/log-9"], "h.cn/log-5"),
        ("county-1.cn:8443/log", [], "county-1.cn:8443/log-2"),
    ],
)
def test_a_new_name_is_one_that_nobody_has_signed_under(origin: str, taken: list[str], expected: str) -> None:
    assert next_origin(origin, taken) == expected


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ("h.cn/log", "h.cn/log-2", True),
        ("h.cn/log-2", "h.cn/log-4", True),
        ("h.cn/log", "h.cn/log", False),
        ("h.cn/log-3", "h.cn/log-2", False),
        ("h.cn/log", "other.cn/log-2", False),
        ("h.cn/log", "h.cn/logs-2", False),
    ],
)
def test_a_later_number_behind_the_same_name_is_the_same_log(before: str, now: str, expected: bool) -> None:
    assert goes_on(before, now) is expected
