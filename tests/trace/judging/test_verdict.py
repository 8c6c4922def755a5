from __future__ import annotations

import re

import pytest

from heji_trace import sentences
from heji_trace.judging.levels import LEVELS
from heji_trace.judging.verdict import SHAPES, Passed, judge_code, judge_warnings
from heji_trace.judging.wording import same, say_warning

GREEN = Passed(3, same("GB 2763-2021"))


def said(*codes: str) -> list[tuple[str, dict[str, str]]]:
    return [(code, same(code)) for code in codes]


def test_the_green_sentence_is_exactly_the_agreed_one() -> None:
    verdict = judge_warnings([], GREEN)
    assert verdict.sentence["zh"] == "本批次无生效警示；已检 3 项均符合 GB 2763-2021"
    assert (verdict.level, verdict.shape) == ("green", "circle")


def test_only_final_results_under_a_policy_that_is_met_are_green() -> None:
    assert judge_warnings([], Passed(0, same("GB 2763-2021"))).level == "grey"
    assert judge_warnings([], Passed(3, same("GB 2763-2021"), policy_met=False)).level == "grey"


def test_a_negative_screening_alone_says_so_and_is_not_green() -> None:
    verdict = judge_warnings([], Passed(otherwise="rapid"))
    assert verdict.sentence["zh"] == "本批次无生效警示；快检阴性（初筛）"
    assert verdict.level == "grey"


def test_a_screening_outside_its_method_s_scope_is_for_reference_only() -> None:
    assert "仅供参考" in judge_warnings([], Passed(otherwise="reference")).sentence["zh"]


def test_no_test_and_no_policy_is_grey() -> None:
    verdict = judge_warnings([], Passed())
    assert verdict.sentence["zh"] == "本批次无生效警示；无检测记录"
    assert verdict.level == "grey"


@pytest.mark.parametrize(
    "live, level, code",
    [
        (("NO_TEST", "RECALLED", "ON_HOLD"), "red", "RECALLED"),
        (("NO_TEST", "ON_HOLD"), "orange", "ON_HOLD"),
        (("CERT_EXPIRED", "NO_TEST"), "yellow", "NO_TEST"),
        (("RECALLED", "TAMPERED"), "red", "TAMPERED"),
    ],
)
def test_the_loudest_live_warning_decides(live: tuple[str, ...], level: str, code: str) -> None:
    verdict = judge_warnings(said(*live), GREEN)
    assert (verdict.level, verdict.shape, verdict.code) == (level, SHAPES[level], code)
    assert verdict.sentence == same(code)
    assert verdict.more == len(live) - 1


@pytest.mark.parametrize("paper, other", [("CERT_FALSE", "ORIGIN_RISK"), ("CERT_EXPIRED", "TEST_OVERDUE")])
def test_a_warning_about_a_paper_never_decides_before_one_about_the_food(paper: str, other: str) -> None:
    assert judge_warnings(said(paper, other), GREEN).code == other


def test_a_verdict_of_a_warning_says_what_to_do_and_one_without_says_nothing() -> None:
    verdict = judge_warnings(said("RAPID_POSITIVE"), GREEN)
    assert verdict.word == {"zh": "先别吃", "en": "Hold off"}
    assert verdict.act == {
        "zh": "结果出来前请先不要食用，保留包装。",
        "en": "Do not eat it until the result is known; keep the pack.",
    }
    assert judge_warnings([], GREEN).act is None


def test_a_claim_that_nothing_bears_out_does_not_say_that_the_food_is_left_uneaten() -> None:
    verdict = judge_warnings(said("CERT_FALSE"), GREEN)
    assert (verdict.level, verdict.word["zh"]) == ("orange", "存疑")
    assert verdict.act is not None
    assert "与能否食用无关" in verdict.act["zh"]


@pytest.mark.parametrize(
    "code", [code for code, level in LEVELS.items() if level.consumer in ("red", "orange")]
)
def test_red_and_orange_never_leave_it_to_the_reader_to_decide(code: str) -> None:
    act = sentences.say_both(f"act-{code}")
    assert "自行决定" not in act["zh"]
    assert "decide for yourself" not in act["en"].lower()


def test_blue_lines_and_what_only_regulators_see_change_no_verdict() -> None:
    assert judge_warnings(said("LATE_RECORD", "TEST_PENDING", "MASS_BALANCE"), GREEN).level == "green"


def test_each_level_has_a_shape_of_its_own() -> None:
    assert len(set(SHAPES.values())) == len(SHAPES)


def test_codes_that_lead_nowhere_differ_in_words() -> None:
    unknown, void, unbound, mistyped = map(judge_code, ("unknown", "void", "unbound", "mistyped"))
    assert (mistyped.word["zh"], mistyped.level) == ("输入有误", "grey")
    assert unknown.sentence["zh"] == "查无此码，可能是仿冒或录入错误"
    assert void.sentence["zh"] == "该码已作废"
    assert (unknown.level, void.level, unbound.level) == ("orange", "orange", "grey")


def test_every_warning_has_its_words_in_both_languages() -> None:
    known = sentences.catalogue()
    assert [
        f"{form}-{code}"
        for code in LEVELS
        for form in ("title", "warn", "act", "short")
        if f"{form}-{code}" not in known
    ] == []


def test_no_sentence_promises_safety_or_speaks_for_the_government() -> None:
    forbidden = re.compile(
        "安全(?!间隔)|放心|无农药|[红橙黄蓝]色预警|\\bsafe\\b|pesticide-free", re.IGNORECASE
    )
    offending = [
        code
        for code, sentence in sentences.catalogue().items()
        if code.startswith(
            ("warn-", "act-", "short-", "title-", "verdict-", "word-", "code-", "test-", "reading-", "use-")
        )
        and any(forbidden.search(text) for text in sentence.values())
    ]
    assert offending == []


@pytest.mark.parametrize("code", LEVELS)
def test_a_short_text_fits_into_seventy_characters(code: str) -> None:
    for text in sentences.say_both(f"short-{code}", batch="B" * 20).values():
        assert len(text) <= 70


def test_an_inherited_failure_names_the_batch_that_failed_and_not_this_one() -> None:
    sentence = say_warning("INGREDIENT_FAILED", {"sample": "S1"}, "LZ-7")
    assert sentence["zh"] == "所用原料批次 LZ-7 不合格"
