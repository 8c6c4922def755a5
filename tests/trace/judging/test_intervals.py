from __future__ import annotations

from datetime import date

import pytest

from heji_trace.judging.intervals import Interval, find_group, find_interval, first_clear_day, parse_intervals

ROWS = [
    {"active": "代森锰锌 mancozeb", "crop": "荔枝 litchi", "formulation": "80% WP", "days": "10"},
    {"active": "阿维菌素 abamectin", "crop": "柑橘 citrus", "formulation": "1.8% EC", "days": "14"},
    {"active": "阿维菌素", "crop": "柑橘 citrus", "formulation": "", "days": "20"},
    {"active": "稻瘟灵", "crop": "水稻 rice", "formulation": "40% EC", "days": "早稻14 / 晚稻28"},
    {"active": "阿维菌素", "crop": "叶菜 leafy vegetables", "formulation": "1.8% EC 乳油", "days": "7"},
    {"active": "阿维菌素", "crop": "蔬菜 vegetables", "formulation": "", "days": "30"},
    {"active": "氯氰菊酯", "crop": "蔬菜", "formulation": "10% EC", "days": "2-5"},
    {"active": "高效氯氟氰菊酯", "crop": "蔬菜", "formulation": "", "days": "7"},
    {"active": "高效氯氟氰菊酯", "crop": "小白菜 pak choi", "formulation": "10% EW", "days": "5"},
    {"active": "多菌灵", "crop": "水稻 rice", "formulation": "50% WP", "days": "-"},
]
TABLE = parse_intervals(ROWS, "2026-example", verified=False)


def test_a_range_counts_as_its_largest_number() -> None:
    found = find_interval(TABLE, "稻瘟灵", "水稻", "")
    assert found is not None
    assert found.days == 28


def test_a_row_without_a_number_is_left_out() -> None:
    assert find_interval(TABLE, "多菌灵", "水稻", "") is None


@pytest.mark.parametrize("active", ["代森锰锌", "mancozeb", "代森锰锌 mancozeb"])
def test_either_name_of_a_substance_finds_its_row(active: str) -> None:
    assert find_interval(TABLE, active, "荔枝", "") == Interval(
        "代森锰锌 mancozeb", "荔枝 litchi", "80% WP", 10, "2026-example", verified=False
    )


def test_a_part_of_a_name_is_not_the_name() -> None:
    assert find_interval(TABLE, "代森", "荔枝", "") is None


def test_the_row_of_the_formulation_decides_before_the_longest() -> None:
    found = find_interval(TABLE, "阿维菌素", "柑橘", "1.8% EC")
    assert found is not None
    assert found.days == 14


def test_without_a_known_formulation_the_longest_interval_decides() -> None:
    found = find_interval(TABLE, "阿维菌素", "柑橘", "5% SC")
    assert found is not None
    assert found.days == 20


@pytest.mark.parametrize(
    "active, crop, days",
    [
        ("阿维菌素", "菜心", 7),  # the narrowest group that has a row, though a wider one waits longer
        ("阿维菌素", "黄瓜", 30),
        ("氯氰菊酯", "菜心", 5),  # the larger of a range
        ("阿维菌素", "砂糖橘", 20),
        ("高效氯氟氰菊酯", "小白菜", 5),  # the crop's own row before any group's
        ("高效氯氟氰菊酯", "普通白菜", 5),  # the same crop by another name
        ("高效氯氟氰菊酯", "菜心", 7),
        ("阿维菌素", "荔枝", None),
        ("阿维菌素", "不知名作物", None),
    ],
)
def test_a_group_s_row_counts_where_no_row_names_the_crop(active: str, crop: str, days: int | None) -> None:
    found = find_interval(TABLE, active, crop, "")
    assert (None if found is None else found.days) == days


def test_an_interval_by_a_group_says_which() -> None:
    by_group, own = find_interval(TABLE, "阿维菌素", "菜心", ""), find_interval(TABLE, "阿维菌素", "柑橘", "")
    assert by_group is not None
    assert own is not None
    assert find_group(by_group, "菜心") == "叶菜 leafy vegetables"
    assert find_group(own, "柑橘") is None


def test_the_day_of_use_is_day_zero() -> None:
    assert first_clear_day(date(2026, 6, 10), 10) == date(2026, 6, 20)
