from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heji_trace.events.kinds import fields as types
from heji_trace.events.kinds import words
from heji_trace.events.sheets.cells import is_blank, plain_text, read_cell, safe_cell, split_quantity

CELLS = st.one_of(
    st.text(max_size=30), st.floats(), st.integers(), st.booleans(), st.none(), st.datetimes(), st.dates(), st.times(),
    st.timedeltas(),
    st.from_regex(r"2026-05-27 (凌晨|中午|傍晚|晚上|上午|PM)?[0-9]{1,2}(点|:)([0-9]{1,2}|半)?( ?[AP]M)?", fullmatch=True),
)  # fmt: skip


@pytest.mark.parametrize(
    "cell, text",
    [
        ("１２０．５０", "120.50"),
        ("1,250.5", "1250.5"),
        ("12,50", "12,50"),
        (120.0, "120"),
        (0.1 + 0.2, "0.3"),
        (1e-7, "0.0000001"),
        (7, "7"),
        ("007.50", "7.50"),
        (".5", "0.5"),
        ("0", "0"),
        ("3%", "3%"),
        ("-3", "-3"),
        ("约120", "约120"),
    ],
)
def test_amounts_are_read_as_people_write_them(cell: Any, text: str) -> None:
    assert read_cell(types.Amount(), cell) == text


@pytest.mark.parametrize(
    ("cell", "read"),
    [
        ("3.5", "3.5"),
        ("−0.50 ℃", "-0.5"),
        ("4度", "4"),
        ("-18°C", "-18"),
        ("+2.0", "2"),
        ("-0.0", "0"),
        (4.25, "4.25"),
        (-18, "-18"),
        ("冷", "冷"),
    ],
)
def test_a_temperature_is_read_as_loggers_and_people_write_it(cell: Any, read: str) -> None:
    assert read_cell(types.Temperature(), cell) == read


def test_a_percent_sign_belongs_to_a_share_and_yuan_to_money() -> None:
    assert read_cell(types.Amount(most=100), "3％") == "3"
    assert read_cell(types.Money(), "￥16.80元") == "16.80"
    assert read_cell(types.Amount(), "16.80元") == "16.80元"


@pytest.mark.parametrize("cell", [None, "", "  ", "\u3000", "-", "——", "/", "无", "N/A"])
def test_a_cell_without_anything_is_blank(cell: Any) -> None:
    assert read_cell(types.Amount(), cell) is None


@pytest.mark.parametrize(
    "cell, moment",
    [
        ("2026年6月12日", "2026-06-12T00:00:00+08:00"),
        ("2026年6月12日 7时40分", "2026-06-12T07:40:00+08:00"),
        ("2026年6月12日 下午2:05", "2026-06-12T14:05:00+08:00"),
        ("2026.06.12 07:40", "2026-06-12T07:40:00+08:00"),
        ("2026/6/12 9:05:07", "2026-06-12T09:05:07+08:00"),
        ("2026-6-12", "2026-06-12T00:00:00+08:00"),
        ("２０２６－６－１２", "2026-06-12T00:00:00+08:00"),
        ("2026-06-12T07:40", "2026-06-12T07:40:00+08:00"),
        ("2026-06-12 7:40 PM", "2026-06-12T19:40:00+08:00"),
        ("20260612", "2026-06-12T00:00:00+08:00"),
        (20260612.0, "2026-06-12T00:00:00+08:00"),
        ("2026年6月12号", "2026-06-12T00:00:00+08:00"),
        ("2026年6月12号 7点半", "2026-06-12T07:30:00+08:00"),
        ("2026年6月12日星期五", "2026-06-12T00:00:00+08:00"),
        ("2026-06-12（周五）下午2:05", "2026-06-12T14:05:00+08:00"),
        ("20260612 07:40", "2026-06-12T07:40:00+08:00"),
        ("20260612074005", "2026-06-12T07:40:05+08:00"),
        ("202606120740", "2026-06-12T07:40:00+08:00"),
        (20260612074005.0, "2026-06-12T07:40:05+08:00"),
        ("2026061225", "2026061225"),
        ("20260612 99", "20260612 99"),
        (43971.55, "2020-05-20T13:12:00+08:00"),
        ("43971.55", "2020-05-20T13:12:00+08:00"),
        (datetime(2026, 6, 12, 7, 39, 59, 999_600), "2026-06-12T07:40:00+08:00"),
        (date(2026, 6, 12), "2026-06-12T00:00:00+08:00"),
        ("2026-06-12T07:40:00Z", "2026-06-12T07:40:00Z"),
        ("2026-06-12T07:40:00+09:00", "2026-06-12T07:40:00+09:00"),
        ("2026-13-12", "2026-13-12"),
        ("6月12日", "6月12日"),
        ("昨天", "昨天"),
    ],
)
def test_moments_are_beijing_s_where_nothing_else_is_said(cell: Any, moment: str) -> None:
    assert read_cell(types.Moment(), cell) == moment


@pytest.mark.parametrize(
    "said, clock",
    [
        ("中午1:30", "13:30"),
        ("中午 2点", "14:00"),
        ("中午11:30", "11:30"),
        ("中午12:30", "12:30"),
        ("上午9:30", "09:30"),
        ("上午12:30", "00:30"),
        ("12:30 AM", "00:30"),
        ("12:30 pm", "12:30"),
        ("下午12:30", "12:30"),
        ("下午1点", "13:00"),
        ("下午14:20", "14:20"),
        ("晚上6点20分", "18:20"),
        ("晚上11:59:07", "23:59:07"),
        ("晚上20:15", "20:15"),
        ("凌晨3:10", "03:10"),
        ("凌晨0:10", "00:10"),
        ("早上7点", "07:00"),
        ("早晨 7:05", "07:05"),
        ("清晨5时", "05:00"),
        ("傍晚6:40", "18:40"),
        ("下午3点半", "15:30"),
        ("7点半", "07:30"),
        ("下午3点整", "15:00"),
        ("下午3点钟", "15:00"),
        ("晚上８点半", "20:30"),
    ],
)
def test_hours_are_those_of_the_part_of_the_day_that_is_named(said: str, clock: str) -> None:
    clock = clock if clock.count(":") == 2 else f"{clock}:00"
    for day in ("2026-05-27 ", "2026年5月27日"):
        assert read_cell(types.Moment(), day + said) == f"2026-05-27T{clock}+08:00"


@pytest.mark.parametrize(
    "said",
    [
        *("晚上12:30", "晚上12点", "晚上0:30", "晚上1:30", "晚上4点", "中午5点"),
        *("凌晨12:30", "凌晨7点", "早上12点", "傍晚11:00", "上午14:00", "13:30 AM", "下午24:00", "3点半20", "3点半AMPM"),
    ],
)  # fmt: skip
def test_an_hour_of_which_nobody_can_tell_what_is_meant_is_handed_on_as_text(said: str) -> None:
    assert read_cell(types.Moment(), f"2026-05-27 {said}") == f"2026-05-27 {said}"


@pytest.mark.parametrize(
    "cell", ["2026年10月12日", "2026.10.12", 46307, 46307.75, "20261012", date(2026, 10, 12)]
)
def test_days_are_read_in_all_their_forms(cell: Any) -> None:
    assert read_cell(types.Date(), cell) == "2026-10-12"


@pytest.mark.parametrize(
    "cell, value",
    [
        ("合作社", "cooperative"),
        ("Co-operative", "cooperative"),
        ("COOPERATIVE", "cooperative"),
        ("公社", "公社"),
    ],
)
def test_a_choice_is_read_by_slug_or_label(cell: str, value: str) -> None:
    assert read_cell(words.SUBJECT_TYPE, cell) == value


@pytest.mark.parametrize("cell", ["阴性", "阴性(-)", "阴性（－）", "Negative"])
def test_remarks_in_brackets_do_not_hide_a_choice(cell: str) -> None:
    assert read_cell(words.CONCLUSION, cell) == "negative"


@pytest.mark.parametrize(
    "cell, value", [("是", True), ("√", True), ("否", False), (True, True), (0, False), ("或", "或")]
)
def test_a_flag_is_read_by_the_words_for_yes_and_no(cell: Any, value: object) -> None:
    assert read_cell(types.Flag(), cell) == value


@pytest.mark.parametrize(
    "cell, value", [("250", 250), (250.0, 250), ("７天", 7), ("2级", 2), ("2.5", "2.5"), ("-1", "-1")]
)
def test_whole_numbers_may_carry_their_counter(cell: Any, value: object) -> None:
    assert read_cell(types.Whole(), cell) == value


def test_lists_are_split_at_the_signs_people_use_and_hold_each_value_once() -> None:
    assert read_cell(types.ListOf(types.Code("site")), "a、b，c; d\na") == ["a", "b", "c", "d"]
    assert read_cell(types.ListOf(words.SCHEME), "绿色食品、地理标志") == ["green_food", "geo_indication"]


def test_what_copying_brought_along_unseen_is_left_out() -> None:
    assert read_cell(types.Text(), "\ufeff荔枝\u200b合作\u2060社\u00ad ") == "荔枝合作社"
    assert read_cell(types.Amount(), "120\u200b.5") == "120.5"
    assert is_blank("\u200b")
    assert read_cell(types.Text(), "a\u200db") == "a\u200db"


def test_free_text_keeps_its_punctuation_and_loses_its_wide_digits() -> None:
    assert read_cell(types.Text(), " ２０ｍＬ／亩，喷雾（清晨） ") == "20mL／亩，喷雾（清晨）"


def test_a_number_that_excel_made_of_a_code_is_a_code_again() -> None:
    assert read_cell(types.Batch(), 20260613.0) == "20260613"


@pytest.mark.parametrize(
    "cell, found",
    [
        ("120.5斤", ("120.5", "jin")),
        ("1,200 公斤", ("1200", "kg")),
        ("３０枚", ("30", "piece")),
        ("120", None),
        ("5kg装", None),
    ],
)
def test_a_quantity_may_bring_its_unit(cell: str, found: tuple[str, str] | None) -> None:
    assert split_quantity(cell) == found


@pytest.mark.parametrize("text", ["=1+1", "+86", "-1", "@SUM(A1)", "\t=1", "＝1"])
def test_what_a_spreadsheet_would_run_is_kept_as_text(text: str) -> None:
    assert safe_cell(text) == "'" + text


def test_plain_text_is_left_as_it_is() -> None:
    assert safe_cell("LZ-1") == "LZ-1"
    assert safe_cell("") == ""
    assert plain_text(time(7, 40)) == "07:40:00"
    assert plain_text(timedelta(hours=1)) == "1:00:00"


@given(CELLS)
def test_no_cell_at_all_stops_a_reader(cell: Any) -> None:
    for kind in (
        types.Text(), types.Amount(), types.Money(), types.Date(), types.Moment(), types.Flag(), types.Whole(),
        types.Unit(), types.Batch(), words.CONCLUSION, types.ListOf(types.Code("site")), types.Identifier("uuid"),
    ):  # fmt: skip
        read_cell(kind, cell)
    split_quantity(cell)


@given(st.datetimes(datetime(1955, 1, 1), datetime(2170, 1, 1)).map(lambda each: each.replace(microsecond=0)))
def test_a_serial_gives_the_second_it_stands_for(moment: datetime) -> None:
    serial = (moment - datetime(1899, 12, 30)) / timedelta(days=1)
    assert read_cell(types.Moment(), serial) == moment.isoformat() + "+08:00"
