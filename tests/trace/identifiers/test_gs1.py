from __future__ import annotations

from datetime import date
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heji_trace.errors import InvalidEvent
from heji_trace.identifiers import checks, gs1
from heji_trace.identifiers.gs1 import Element

GTIN = "06901234567892"
CHARSET_82 = "!\"%&'*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"


def with_check(digits: str) -> str:
    return digits + checks.gs1_check(digits)


def digits(length: int) -> st.SearchStrategy[str]:
    return st.text(checks.DIGITS, min_size=length, max_size=length)


DAYS = st.dates(date(2000, 1, 1), date(2099, 12, 31)).map(lambda day: day.strftime("%y%m%d"))
WORDS = st.text(CHARSET_82, min_size=1, max_size=20)
ELEMENTS = st.lists(
    st.one_of(
        st.builds(Element, st.just("01"), digits(13).map(with_check)),
        st.builds(Element, st.just("00"), digits(17).map(with_check)),
        st.builds(Element, st.sampled_from(["414", "410"]), digits(12).map(with_check)),
        st.builds(Element, st.sampled_from(["11", "13", "15", "17", "7006"]), DAYS),
        st.builds(Element, st.sampled_from(["10", "21", "254"]), WORDS),
        st.builds(Element, st.sampled_from(["3100", "3103", "3305"]), digits(6)),
        st.builds(Element, st.just("422"), st.sampled_from(["156", "704", "999"])),
        st.builds(Element, st.sampled_from(["30", "37"]), st.integers(0, 99_999_999).map(str)),
        st.builds(Element, st.sampled_from(["240", "91"]), WORDS),
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda element: element.ai,
).map(tuple)


def dump_raw(elements: tuple[Element, ...]) -> str:
    """As a bar code carries them: FNC1 after all but those of predefined length."""
    rules = [(element, gs1.find_rule(element.ai)) for element in elements]
    return "".join(
        element.ai + element.value + ("" if rule and not rule.separator else gs1.SEPARATOR)
        for element, rule in rules
    )


def codes_of(elements: tuple[Element, ...]) -> list[str]:
    problems = gs1.problems_of(elements)
    for problem in problems:
        assert problem.sentence("zh")
        assert problem.sentence("en")
    return [problem.code for problem in problems]


@given(ELEMENTS)
def test_what_a_bar_code_carries_is_read_back(elements: tuple[Element, ...]) -> None:
    assert gs1.parse_elements(dump_raw(elements)) == elements
    assert gs1.parse_elements(gs1.SEPARATOR + dump_raw(elements).removesuffix(gs1.SEPARATOR)) == elements
    assert codes_of(elements) == []


@given(ELEMENTS)
def test_the_printed_form_is_read_back(elements: tuple[Element, ...]) -> None:
    assert gs1.parse_elements(gs1.dump_elements(elements)) == elements


@given(WORDS, WORDS, DAYS)
def test_a_digital_link_is_read_back(batch: str, serial: str, day: str) -> None:
    url = f"https://id.example.cn/any/where/01/{GTIN}/10/{quote(batch, safe='')}/21/{quote(serial, safe='')}?17={day}&x=1"
    assert gs1.find_link_elements(url) == (
        Element("01", GTIN),
        Element("10", batch),
        Element("21", serial),
        Element("17", day),
    )


@pytest.mark.parametrize(
    "url",
    [
        *(
            "https://h.cn/",
            "https://h.cn/01/index.html",
            "https://h.cn/t/ABC",
            "https://[bad",
            "https://h.cn/10/ABC",
        ),
        "https://h.cn/01",
    ],
)
def test_other_addresses_are_no_digital_link(url: str) -> None:
    assert gs1.find_link_elements(url) is None


@pytest.mark.parametrize("path", [f"/01/{GTIN}/10", f"/01/{GTIN}/zz/5", f"/01/{GTIN}/10/A/21"])
def test_a_digital_link_cut_short_is_refused(path: str) -> None:
    with pytest.raises(InvalidEvent) as refused:
        gs1.find_link_elements("https://h.cn" + path)
    assert refused.value.problems[0].code == "gs1-bad-link"


def test_a_short_gtin_in_a_digital_link_is_told_in_fourteen_digits() -> None:
    assert gs1.find_link_elements(f"https://h.cn/01/{GTIN[1:]}") == (Element("01", GTIN),)


@pytest.mark.parametrize("text", ["", "AB", "0", gs1.SEPARATOR, "10ABC\x1dX", "７0", "10AB\x1d3"])
def test_what_has_no_application_identifier_is_refused(text: str) -> None:
    with pytest.raises(InvalidEvent) as refused:
        gs1.parse_elements(text)
    assert refused.value.problems[0].code == "gs1-unreadable"
    assert refused.value.problems[0].sentence("zh")


def test_an_identifier_without_its_value_is_a_fault() -> None:
    assert codes_of(gs1.parse_elements("010")) == ["gs1-bad-form"]
    assert codes_of(gs1.parse_elements("10\x1d21A")) == ["gs1-bad-form"]


@given(st.text())
def test_parsers_raise_only_the_projects_errors(text: str) -> None:
    for parse in (gs1.parse_elements, gs1.find_link_elements, gs1.parse_gtin, gs1.find_unmarked_elements):
        for given_text in (text, f"01{GTIN}{text}", f"(10){text}", f"https://h.cn/01/{GTIN}/10/{text}"):
            try:
                found = parse(given_text)
            except InvalidEvent:
                continue
            if isinstance(found, tuple):
                gs1.problems_of(found)


@pytest.mark.parametrize(
    "ai, value, code",
    [
        ("01", "06901234567893", "gs1-bad-check"),
        ("01", "6901234567892", "gs1-bad-form"),
        ("01", "0690123456789X", "gs1-bad-form"),
        ("414", "6930000000005", "gs1-bad-check"),
        ("8006", "069012345678930102", "gs1-bad-check"),
        ("10", "", "gs1-bad-form"),
        ("10", "A" * 21, "gs1-bad-form"),
        ("10", "荔枝", "gs1-bad-form"),
        ("10", "A B", "gs1-bad-form"),
        ("17", "261331", "gs1-bad-date"),
        ("17", "260230", "gs1-bad-date"),
        ("17", "260000", "gs1-bad-date"),
        ("7007", "2606120", "gs1-bad-date"),
        ("7003", "2606122460", "gs1-bad-date"),
        ("8008", "260612070", "gs1-bad-date"),
        ("423", "1567", "gs1-bad-form"),
        ("3103", "00050", "gs1-bad-form"),
    ],
)
def test_each_fault_of_a_value_is_named(ai: str, value: str, code: str) -> None:
    assert codes_of((Element(ai, value),)) == [code]


def test_the_same_identifier_with_two_values_is_a_fault_and_repeated_alike_is_none() -> None:
    assert codes_of((Element("10", "A"), Element("10", "B"))) == ["gs1-twice"]
    assert codes_of((Element("10", "A"), Element("10", "A"))) == []


@pytest.mark.parametrize(
    "ai, value, zh, en",
    [
        ("17", "261231", "2026-12-31", "2026-12-31"),
        ("15", "260200", "2026-02-28", "2026-02-28"),
        ("15", "261200", "2026-12-31", "2026-12-31"),
        ("3103", "000500", "0.500 kg", "0.500 kg"),
        ("3100", "000012", "12 kg", "12 kg"),
        ("3152", "000150", "1.50 L", "1.50 L"),
        ("3922", "1250", "12.50", "12.50"),
        ("422", "156", "中国 (156)", "China (156)"),
        ("423", "156999", "中国 (156), 999", "China (156), 999"),
        ("7007", "260612260614", "2026-06-12 – 2026-06-14", "2026-06-12 – 2026-06-14"),
        ("7003", "2606121830", "2026-06-12 18:30", "2026-06-12 18:30"),
        ("8008", "26061207", "2026-06-12 07:00", "2026-06-12 07:00"),
        ("8008", "260612073015", "2026-06-12 07:30:15", "2026-06-12 07:30:15"),
        ("37", "0012", "12", "12"),
        ("10", "A03-01", "A03-01", "A03-01"),
        ("99", "x", "x", "x"),
    ],
)
def test_values_are_told_to_people(ai: str, value: str, zh: str, en: str) -> None:
    assert gs1.dump_value(Element(ai, value), "zh") == zh
    assert gs1.dump_value(Element(ai, value), "en") == en


def test_identifiers_have_names_in_both_languages_and_unknown_ones_none() -> None:
    assert gs1.element_name("10", "zh") == "批号"
    assert gs1.element_name("3103", "en") == "net weight"
    assert gs1.element_name("99", "zh") is None


def test_an_unlisted_measure_does_not_swallow_what_follows() -> None:
    assert gs1.parse_elements("320200123410ABC") == (Element("3202", "001234"), Element("10", "ABC"))


def test_a_string_without_any_mark_is_gs1_only_if_nothing_in_it_is_wrong() -> None:
    assert gs1.find_unmarked_elements(f"01{GTIN}17261231") == (Element("01", GTIN), Element("17", "261231"))
    assert gs1.find_unmarked_elements(f"01{GTIN}17261331") is None
    assert gs1.find_unmarked_elements(f"01{GTIN[:-1]}317261231") is None
    assert gs1.find_unmarked_elements(f"01{GTIN}X") is None


def test_a_gtin_is_told_in_fourteen_digits() -> None:
    assert gs1.parse_gtin("6901234567892") == GTIN
    for text in ("6901234567893", "690123456789", "", "６901234567892"):
        with pytest.raises(InvalidEvent):
            gs1.parse_gtin(text)
