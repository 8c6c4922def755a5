from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heji_trace.identifiers import licences

UNIT = "1" + "080005" + "1" + "001" + "123456789012345678901"


@pytest.mark.parametrize(
    "number",
    ["PD20080005", "LS20071573", "WP20080001", "WL20120001", "PD84111-5", "EX20210001", "PD20080005F080042"],
)
def test_pesticide_registrations_are_known_by_their_form(number: str) -> None:
    assert licences.is_pesticide_registration(number)
    assert licences.find_licence(number.lower()) == licences.Licence(
        "pesticide-registration", number, sound=True
    )


@pytest.mark.parametrize("text", ["PD", "PD2008", "XX20080005", "PD20080005\n", "PD２００８０００５", ""])
def test_other_text_is_no_pesticide_registration(text: str) -> None:
    assert not licences.is_pesticide_registration(text)


@pytest.mark.parametrize("text", [UNIT, f"https://www.icama.cn/q?c={UNIT}", f"单元识别代码：{UNIT}。"])
def test_the_unit_code_of_a_pesticide_package_is_found_in_its_address(text: str) -> None:
    found = licences.find_pesticide_unit(text)
    assert found == licences.PesticideUnit(UNIT, "PD", "080005", "own", "001")


@pytest.mark.parametrize("text", [UNIT[:-1], UNIT + "1", "4" + UNIT[1:], UNIT[:7] + "9" + UNIT[8:], "hello"])
def test_other_digits_are_no_unit_code(text: str) -> None:
    assert licences.find_pesticide_unit(text) is None


def test_the_four_lines_of_a_seed_package_are_told_apart() -> None:
    lines = "华优 1 号\r\n某种业有限公司\r\n44182112300000000001\r\nhttp://www.example.cn/s/1"
    assert licences.find_seed_label(lines) == licences.SeedLabel(
        "华优 1 号", "某种业有限公司", "44182112300000000001", "http://www.example.cn/s/1"
    )
    assert licences.find_seed_label("a\nb\nc") is None
    assert licences.find_seed_label("a\nb\n441821123000000000011\nhttp://x.cn") is None
    assert licences.find_seed_label("a\nb\n1\nc") is None


@pytest.mark.parametrize(
    "text, kind, sound",
    [
        ("SC10644182100010", "sc", True),
        ("SC10644182100011", "sc", False),
        ("sc 106 4418 2100 010", "sc", True),
        ("91533123MA6QTE5T7P", "uscc", True),
        ("91533123MA6QTE5T7Q", "uscc", False),
        ("N2441821MF00TE5T0L", "uscc", True),
    ],
)
def test_licences_are_told_with_the_verdict_of_their_check(text: str, kind: str, *, sound: bool) -> None:
    found = licences.find_licence(text)
    assert found is not None
    assert (found.kind, found.sound) == (kind, sound)


def test_a_residents_number_is_never_taken_for_a_mistyped_credit_code() -> None:
    assert licences.find_licence("441821199001010016") is None
    assert licences.find_licence("110101199001010016") is None


@given(st.text())
def test_any_text_may_be_asked_about(text: str) -> None:
    for find in (licences.find_licence, licences.find_pesticide_unit, licences.find_seed_label):
        find(text)
