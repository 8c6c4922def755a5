from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from heji_trace import sentences
from heji_trace.effects.suspicion import Suspicion
from heji_trace.errors import Question
from heji_trace.judging.levels import LEVELS
from heji_trace.judging.wording import day_said, joined, name_said, said, same, say_short, say_warning, told

INTERVAL = {
    "active": "克百威",
    "days": 14,
    "clear": "2026-06-20",
    "short": 3,
    "edition": "e",
    "verified": False,
}
# What rules, sense and dated put into the data of each warning.
DATA: dict[str, dict[str, Any]] = {
    "TAMPERED": {"entry": 18342},
    "TEST_FAILED": {"sample": "S1"},
    "USE_BY_PASSED": {"date": "2026-06-12"},
    "BEST_BEFORE_PASSED": {"date": "2026-06-12"},
    "NEAR_EXPIRY": {"date": "2026-06-12", "days": 1},
    "PHI_VIOLATION": INTERVAL,
    "PHI_UNPROVEN": {**INTERVAL, "late_hours": 100},
    "VET_WITHDRAWAL": {"drug": "x", "clear": "2026-06-20", "days": 7},
    "CERT_FALSE": {"scheme": "green_food"},
    "CERT_EXPIRED": {"scheme": "green_food", "number": "LB-1"},
    "CERT_UNVERIFIED": {"scheme": "green_food", "number": "LB-1"},
    "CHAIN_BROKEN": {"gap": "origin"},
    "TEST_OVERDUE": {"sample": "S1", "hours": 24, "waited": 30},
    "TEST_PENDING": {"sample": "S1", "hours": 24, "waited": 3},
    "LATE_RECORD": {"hours": 80, "kind": "harvest"},
    "MASS_BALANCE": {"in": 100_000_000_000, "out": 120_000_000_000, "dimension": "mass"},
    "OVER_CONSUMPTION": {"short": 2_500_000_000, "dimension": "mass"},
    "HELD_MOVED": {"codes": "ON_HOLD, RECALLED"},
    "COLD_CHAIN_SEVERE": {"minutes": 5, "peak": "18.5", "band": "0–5 ℃", "from_ms": 0},
    "COLD_CHAIN_BREACH": {"minutes": 80, "peak": "7.5", "band": "0–5 ℃", "from_ms": 0},
    "COLD_CHAIN_GAP": {"minutes": 130},
    "ORIGIN_RISK": {"medium": "soil", "analyte": "镉", "value": "0.5", "limit": "0.3", "unit": "mg/kg"},
    "MIXED_LOT_UNCERTIFIED": {"parties": 3},
    "TEST_SCOPE_GAP": {"actives": "克百威"},
    "INSTRUMENT_DUE": {"instrument": "DY-1", "until": "2026-03-31"},
    "RETURN_UNGIVEN": {"short": 2_500_000_000, "dimension": "mass"},
    "OTHER_COMMODITY": {"made": "猪肉", "sources": "荔枝"},
    "FRESHER_THAN_SOURCE": {"stated": "2026-06-20", "date": "2026-06-12"},
    "COUNT_ABOVE": {"counted": 2_500_000_000, "had": 2_000_000_000, "dimension": "mass"},
    "COUNT_BELOW": {"counted": 0, "had": 2_000_000_000, "dimension": "mass"},
}


@pytest.mark.parametrize("code", LEVELS)
@pytest.mark.parametrize("source", [None, "LZ-7"])
def test_every_warning_is_told_from_what_it_is_stored_with(code: str, source: str | None) -> None:
    sentence = say_warning(code, DATA.get(code, {}), source)
    assert all(text and "{" not in text for text in sentence.values())


@pytest.mark.parametrize(
    "code",
    [
        "PHI_VIOLATION",
        "VET_WITHDRAWAL",
        "OVER_CONSUMPTION",
        "HELD_MOVED",
        "USE_BY_PASSED",
        "BEST_BEFORE_PASSED",
        "MASS_BALANCE",
        "UNKNOWN_ORIGIN",
        "CHAIN_BROKEN",
        "RETURN_UNGIVEN",
        "COUNT_ABOVE",
        "COUNT_BELOW",
        "OTHER_COMMODITY",
        "FRESHER_THAN_SOURCE",
    ],
)
def test_every_question_is_asked_in_both_languages(code: str) -> None:
    question = Suspicion(code, "LZ-7", dict(DATA.get(code, {}))).question()
    assert isinstance(question, Question)
    assert all(question.sentence(language) for language in sentences.LANGUAGES)


def test_a_question_about_another_s_stock_is_asked_without_its_figures() -> None:
    question = Suspicion("OVER_CONSUMPTION", "LZ", DATA["OVER_CONSUMPTION"], foreign=True).question()
    assert question.names == {"batch": "LZ"}
    for language in sentences.LANGUAGES:
        assert "LZ" in question.sentence(language)
        assert not any(sign.isdigit() for sign in question.sentence(language))


def test_a_harvest_inside_the_interval_is_asked_about_with_the_first_clear_day() -> None:
    question = Suspicion("PHI_VIOLATION", "LZ-7", dict(INTERVAL)).question()
    assert "2026-06-20" in question.sentence("zh")
    assert "示例数据" in question.sentence("zh")


def test_an_amount_is_told_in_a_unit_that_people_use() -> None:
    assert told(DATA["OVER_CONSUMPTION"])["short_zh"].startswith("2.5 ")
    assert "kg" in told(DATA["OVER_CONSUMPTION"])["short_en"]


def test_days_short_of_an_interval_are_no_amount() -> None:
    assert told(INTERVAL)["short"] == 3
    assert "short_zh" not in told(INTERVAL)


def test_a_verified_interval_carries_no_mark() -> None:
    assert "示例" not in say_warning("PHI_VIOLATION", {**INTERVAL, "verified": True})["zh"]


def test_a_gap_in_the_chain_says_which_link_is_missing() -> None:
    assert "第 1 环" in say_warning("CHAIN_BROKEN", {"gap": "origin"})["zh"]


def test_a_name_in_both_languages_is_put_in_by_language() -> None:
    assert said("warning-lifted", date=day_said(date(2026, 6, 12))) == {
        "zh": "已解除（2026年6月12日）",
        "en": "Lifted on 12 June 2026",
    }


@pytest.mark.parametrize(
    "hours, zh, en",
    [(30, "30 小时", "30 h"), (48, "48 小时", "48 h"), (49, "2 天", "2 days"), (80, "3 天", "3 days")],
)
def test_a_delay_is_told_in_hours_up_to_two_days_and_then_in_days(hours: int, zh: str, en: str) -> None:
    sentence = say_warning("LATE_RECORD", {"hours": hours, "kind": "harvest"})
    assert f"迟于发生时间 {zh}" in sentence["zh"]
    assert f"{en} after" in sentence["en"]


@pytest.mark.parametrize(
    "name, zh, en",
    [
        ("高效氯氟氰菊酯 lambda-cyhalothrin", "高效氯氟氰菊酯", "lambda-cyhalothrin"),
        ("2,4-滴 2,4-D butylate", "2,4-滴", "2,4-D butylate"),
        ("克百威", "克百威", "carbofuran"),
        ("不知名药剂", "不知名药剂", "不知名药剂"),
        ("abamectin", "abamectin", "abamectin"),
        ("苏云金杆菌 Bt 8000 IU/mg 可湿性粉剂", *["苏云金杆菌 Bt 8000 IU/mg 可湿性粉剂"] * 2),
    ],
)
def test_a_name_that_a_table_gives_in_both_languages_is_told_in_the_reader_s(
    name: str, zh: str, en: str
) -> None:
    assert name_said(name) == {"zh": zh, "en": en}


def test_an_interval_of_a_group_says_whose_it_is() -> None:
    sentence = say_warning("PHI_VIOLATION", {**INTERVAL, "group": "叶菜 leafy vegetables"})
    assert "14 天（按叶菜）" in sentence["zh"]
    assert "14 days (as for leafy vegetables)" in sentence["en"]


def test_an_interval_s_active_substance_is_named_in_the_reader_s_language() -> None:
    sentence = say_warning("PHI_VIOLATION", {**INTERVAL, "active": "克百威 carbofuran"})
    assert "carbofuran" not in sentence["zh"]
    assert "克百威" not in sentence["en"]


def test_a_list_names_each_member_once() -> None:
    assert joined([same("甲"), same("乙"), same("甲")])["zh"] == "甲、乙"


def test_a_short_text_names_the_batch() -> None:
    assert "LZ-7" in say_short("RECALLED", "LZ-7")["en"]


def test_a_name_from_right_to_left_keeps_its_place_in_a_sentence_and_in_a_list() -> None:
    assert "“\u2068שלום 12\u2069”" in sentences.say("bad-number", "zh", value="שלום 12")
    assert joined([same("שלום"), same("甲")])["zh"] == "\u2068שלום\u2069、甲"


@pytest.mark.parametrize("text", ["", "LZ-1", "甲乙", "é 👨\u200d👩", "a\u200bb"])
def test_any_other_name_stands_in_a_sentence_as_it_is(text: str) -> None:
    assert sentences.isolated(text) == text


@pytest.mark.parametrize("text", ["שלום", "ئۇيغۇر", "12\u200f", "\u061c1", "\U0001e900", "甲 ﷺ"])
def test_letters_and_marks_from_right_to_left_are_isolated(text: str) -> None:
    assert sentences.isolated(text) == f"\u2068{text}\u2069"
