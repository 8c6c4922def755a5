from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heji_trace.identifiers import checks

USCC_VALID = [
    *("91440300708461136T", "914403001922038216", "91110000802100433B", "91110000600037341L"),
    *("93441821MA00TE5T2T", "91533123MA6QTE5T7P", "N2441821MF00TE5T0L", "12441821MB2TE5T05F"),
    "11441821007000003Y",
]


def changed(text: str, alphabet: str) -> Iterator[str]:
    for at, was in enumerate(text):
        yield from (text[:at] + one + text[at + 1 :] for one in alphabet if one != was)


def swapped(text: str) -> Iterator[str]:
    for at in range(len(text) - 1):
        if text[at] != text[at + 1]:
            yield text[:at] + text[at + 1] + text[at] + text[at + 2 :]


@pytest.mark.parametrize(
    "check, payload, expected",
    [
        (checks.mod11_10_check, "00200667308", "5"),
        (checks.mod37_36_check, "A12425GABC1234002", "M"),
        (checks.mod37_36_check, "FG2026LZ0001", "L"),
        (checks.gs1_check, "692116850925", "6"),
        (checks.gs1_check, "690208388140", "5"),
        (checks.gs1_check, "690123456789", "2"),
        (checks.uscc_check, "91440300708461136", "T"),
        (checks.organisation_check, "70846113", "6"),
    ],
)
def test_published_examples_have_their_check_character(
    check: Callable[[str], str], payload: str, expected: str
) -> None:
    assert check(payload) == expected


@given(st.text(checks.BASE32, min_size=15, max_size=15))
def test_base_32_finds_each_changed_and_each_swapped_character(payload: str) -> None:
    code = payload + checks.base32_check(payload)

    def sound(text: str) -> bool:
        return checks.base32_check(text[:-1]) == text[-1]

    assert sound(code)
    assert not any(map(sound, changed(code, checks.BASE32)))
    for one, other in combinations(range(len(code)), 2):
        if code[one] != code[other]:
            text = list(code)
            text[one], text[other] = text[other], text[one]
            assert not sound("".join(text))


@pytest.mark.parametrize(
    "check, alphabet",
    [
        (checks.mod11_10_check, checks.DIGITS),
        (checks.mod37_36_check, checks.LETTERS_AND_DIGITS),
        (checks.gs1_check, checks.DIGITS),
    ],
)
@given(st.data())
def test_a_changed_character_is_always_found(
    check: Callable[[str], str], alphabet: str, data: st.DataObject
) -> None:
    payload = data.draw(st.text(alphabet, min_size=1, max_size=17))
    code = payload + check(payload)
    assert all(check(text[:-1]) != text[-1] for text in changed(code, alphabet))


@pytest.mark.parametrize("code", USCC_VALID)
def test_credit_codes_are_known_by_both_checks(code: str) -> None:
    assert checks.is_uscc(code)
    assert not any(map(checks.is_uscc, swapped(code)))
    assert not any(map(checks.is_uscc, changed(code, checks.LETTERS_AND_DIGITS)))


def test_a_credit_code_whose_inner_check_fails_is_refused_though_the_outer_fits() -> None:
    payload = "91440300708461135"
    assert not checks.is_uscc(payload + checks.uscc_check(payload))


@pytest.mark.parametrize("digits", ["6921168509256", "6902083881405", "6901234567892", "6930000000004"])
def test_gs1_keys_are_known_by_length_and_check_digit(digits: str) -> None:
    assert checks.is_gs1_key(digits, checks.GLN_LENGTHS)
    assert checks.is_gs1_key("0" + digits, checks.GTIN_LENGTHS)
    assert not checks.is_gs1_key(digits, checks.SSCC_LENGTHS)
    assert not any(checks.is_gs1_key(text, checks.GTIN_LENGTHS) for text in changed(digits, checks.DIGITS))


def test_a_food_production_licence_is_known_by_its_check_digit() -> None:
    assert checks.is_sc_number("SC10644182100010")
    assert not any(map(checks.is_sc_number, changed("SC10644182100010", checks.LETTERS_AND_DIGITS)))


@given(st.text())
def test_any_text_at_all_may_be_asked_about(text: str) -> None:
    assert not (checks.is_uscc(text) and checks.is_sc_number(text))
    assert not checks.is_gs1_key(text + "６", checks.GTIN_LENGTHS)


@pytest.mark.parametrize("text", ["91440300708461136T\n", " 91440300708461136T", "91440300708461136t", ""])
def test_a_line_feed_or_lower_case_is_no_part_of_a_code(text: str) -> None:
    assert not checks.is_uscc(text)
