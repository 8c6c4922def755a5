from __future__ import annotations

import random
import secrets
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heji_trace.errors import InvalidEvent
from heji_trace.identifiers import checks, codes, gs1

GTIN = "06901234567892"
BYTES = st.binary(min_size=10, max_size=10)


def trace_code(drawn: bytes) -> str:
    return codes.make_trace_code(lambda length: drawn[:length])


def phone_code(seed: int) -> str:
    return codes.make_phone_code(random.Random(seed).randbytes)


def problem_of(refused: pytest.ExceptionInfo[InvalidEvent]) -> str:
    (problem,) = refused.value.problems
    assert problem.sentence("zh")
    assert problem.sentence("en")
    return problem.code


@given(BYTES)
def test_a_trace_code_is_sixteen_characters_that_nobody_confuses(drawn: bytes) -> None:
    code = trace_code(drawn)
    assert len(code) == codes.TRACE_CODE_LENGTH
    assert not set(code) & set("ILOU")
    assert codes.is_trace_code(code)
    assert codes.parse_trace_code(code) == code


def test_every_one_of_seventy_five_bits_changes_the_trace_code() -> None:
    made = {trace_code((1 << bit).to_bytes(10, "big")) for bit in range(75)}
    assert len(made | {trace_code(bytes(10))}) == 76


@given(BYTES)
def test_a_trace_code_is_read_as_people_write_it(drawn: bytes) -> None:
    code = trace_code(drawn)
    shown = codes.dump_trace_code(code)
    assert [len(group) for group in shown.split("-")] == [4, 4, 4, 4]
    for written in (
        *(shown, shown.lower(), shown.replace("-", " "), shown.replace("-", "—"), f" {code} "),
        *(code.replace("0", "O").replace("1", "I"), code.replace("1", "l").lower().replace("0", "o")),
        "".join(chr(ord(one) + 0xFEE0) for one in code),
    ):
        assert codes.parse_trace_code(written) == code


@given(BYTES, st.integers(0, 15), st.sampled_from(checks.BASE32))
def test_a_mistyped_trace_code_is_refused(drawn: bytes, at: int, typed: str) -> None:
    code = trace_code(drawn)
    wrong = code[:at] + typed + code[at + 1 :]
    assert (codes.find_trace_code(wrong) == code) is (wrong == code)
    assert codes.find_trace_code(wrong) in (code, None)


@given(BYTES, st.integers(0, 14))
def test_a_trace_code_with_two_neighbours_swapped_is_refused(drawn: bytes, at: int) -> None:
    code = trace_code(drawn)
    wrong = code[:at] + code[at + 1] + code[at] + code[at + 2 :]
    assert codes.is_trace_code(wrong) is (wrong == code)


@pytest.mark.parametrize(
    "text", ["", "ABCD", "0" * 15, "U" * 16, "0000-0000-0000-0001", "０" * 15, "荔" * 16]
)
def test_what_is_no_trace_code_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(InvalidEvent) as refused:
        codes.parse_trace_code(text)
    assert problem_of(refused) == "bad-trace-code"


@given(st.integers())
def test_a_phone_code_is_ten_digits_in_which_every_slip_is_found(seed: int) -> None:
    code = phone_code(seed)
    assert len(code) == 10
    assert code[0] != "0"
    assert codes.is_phone_code(code)
    for at in range(10):
        for typed in checks.DIGITS:
            wrong = code[:at] + typed + code[at + 1 :]
            assert codes.is_phone_code(wrong) is (wrong == code)
    for at in range(9):
        wrong = code[:at] + code[at + 1] + code[at] + code[at + 2 :]
        assert codes.is_phone_code(wrong) is (wrong == code)


@given(st.integers())
def test_a_phone_code_is_read_in_groups(seed: int) -> None:
    code = phone_code(seed)
    shown = codes.dump_phone_code(code)
    assert len(shown) == 12
    assert codes.parse_phone_code(shown) == codes.parse_phone_code(shown.replace(" ", "-")) == code


@pytest.mark.parametrize("text", ["", "0123456789", "12345", "1234567890", "abcdefghij", "12345678901"])
def test_what_is_no_phone_code_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(InvalidEvent) as refused:
        codes.parse_phone_code(text)
    assert problem_of(refused) == "bad-phone-code"


@pytest.mark.parametrize("text", ["A", "20260612-A03-01", "a" * 20, "-"])
def test_letters_digits_and_hyphens_name_a_batch(text: str) -> None:
    assert codes.is_batch_identifier(text)


@pytest.mark.parametrize("text", ["", "a" * 21, "批次", "A_1", "A 1", "A\n", "Ａ", "A/1", "é"])
def test_other_text_names_no_batch(text: str) -> None:
    assert not codes.is_batch_identifier(text)


@given(BYTES)
def test_an_own_address_is_read_back(drawn: bytes) -> None:
    code = trace_code(drawn)
    for base in ("https://heji.example.cn", "https://heji.example.cn/", "http://127.0.0.1:8000"):
        url = codes.trace_url(base, code)
        assert url.endswith(f"/t/{code}")
        for address in (url, url + ".json", url + "/proof", url + "/", url + "?lang=en", url.lower()):
            assert codes.parse_scan(address) == codes.OwnCode(code, address)
        assert codes.parse_scan(f"]Q1{url}\r\n") == codes.OwnCode(code, url)


def test_an_own_address_with_a_wrong_check_character_is_refused() -> None:
    code = trace_code(b"0123456789")
    wrong = ("0" if code[0] != "0" else "1") + code[1:]
    with pytest.raises(InvalidEvent) as refused:
        codes.parse_scan(codes.trace_url("https://heji.example.cn", wrong))
    assert problem_of(refused) == "bad-trace-code"


@given(BYTES, st.text("ABCabc0123456789-", min_size=1, max_size=20))
def test_a_digital_link_is_read_back(drawn: bytes, batch: str) -> None:
    serial = trace_code(drawn)
    url = codes.digital_link("https://heji.example.cn/", GTIN[1:], batch, serial)
    assert url == f"https://heji.example.cn/01/{GTIN}/10/{batch}/21/{serial}"
    scan = codes.parse_scan(url)
    assert isinstance(scan, codes.Gs1)
    assert (scan.find("01"), scan.find("10"), scan.find_trace_code(), scan.url) == (GTIN, batch, serial, url)


def test_a_digital_link_without_serial_names_no_trace_code() -> None:
    scan = codes.parse_scan(codes.digital_link("https://heji.example.cn", GTIN, "A/1 b"))
    assert isinstance(scan, codes.Gs1)
    assert scan.find("10") == "A/1 b"
    assert scan.find("21") is scan.find_trace_code() is None


def test_no_digital_link_is_made_of_a_wrong_gtin() -> None:
    with pytest.raises(InvalidEvent) as refused:
        codes.digital_link("https://heji.example.cn", "6901234567893", "A")
    assert problem_of(refused) == "bad-gtin"


@pytest.mark.parametrize(
    "text",
    [
        f"]C101{GTIN}10A03-01\x1d3103000500",
        f"]d2\x1d01{GTIN}10A03-01\x1d3103000500",
        f"]Q301{GTIN}10A03-01\x1d3103000500\x1d",
        f"01{GTIN}10A03-01\x1d3103000500",
        f"(01){GTIN}(10)A03-01(3103)000500",
        f"(01) {GTIN} (10) A03-01 (3103) 000500",
    ],
)
def test_element_strings_are_read_with_every_mark_that_scanners_give(text: str) -> None:
    expected = (gs1.Element("01", GTIN), gs1.Element("10", "A03-01"), gs1.Element("3103", "000500"))
    assert codes.parse_scan(text) == codes.Gs1(expected)


@pytest.mark.parametrize(
    "text",
    [GTIN, GTIN[1:], "]E0" + GTIN[1:], "]E0" + GTIN[1:] + "12345", f"01{GTIN}", "\t" + GTIN[1:] + "\r\n"],
)
def test_a_bare_gtin_is_gs1_data(text: str) -> None:
    assert codes.parse_scan(text) == codes.Gs1((gs1.Element("01", GTIN),))


def test_eight_digits_are_a_gtin_only_where_their_bar_code_says_so() -> None:
    assert codes.parse_scan("]E496385074") == codes.Gs1((gs1.Element("01", "00000096385074"),))
    assert codes.parse_scan("96385074") == codes.PlainText("96385074")


@pytest.mark.parametrize("text", ["]C1", "]C1hello", "]Q3\x1d", "]E01234567890123", "A\x1dB"])
def test_what_claims_to_be_gs1_and_is_not_is_refused(text: str) -> None:
    with pytest.raises(InvalidEvent) as refused:
        codes.parse_scan(text)
    assert problem_of(refused) in ("gs1-unreadable", "bad-gtin")


@given(BYTES, st.integers())
def test_bare_codes_are_told_apart(drawn: bytes, seed: int) -> None:
    code, phone = trace_code(drawn), phone_code(seed)
    for written in (code, codes.dump_trace_code(code), code.lower()):
        assert codes.parse_scan(written) == codes.OwnCode(code)
    for written in (phone, codes.dump_phone_code(phone)):
        assert codes.parse_scan(written) == codes.PhoneCode(phone)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "hello",
            "荔枝",
            "20260612-A03-01",
            "6901234567893",
            "https://example.cn/about",
            "https://[bad",
        ),
        *("https://example.cn/t/short", "https://example.cn/t/", "(hello)", "ftp://x/t/ABC"),
    ],
)
def test_anything_else_is_plain_text(text: str) -> None:
    assert codes.parse_scan(text) == codes.PlainText(text)


@given(st.text())
def test_parsers_raise_only_the_projects_errors(text: str) -> None:
    for parse in (codes.parse_scan, codes.parse_trace_code, codes.parse_phone_code):
        for written in (text, f"https://h.cn/t/{text}", f"http://{text}", f"]C1{text}", f"({text}"):
            with suppress(InvalidEvent):
                parse(written)


def test_codes_from_the_systems_randomness_differ() -> None:
    assert len({codes.make_trace_code(secrets.token_bytes) for _ in range(100)}) == 100
    assert len({codes.make_phone_code(secrets.token_bytes) for _ in range(100)}) == 100
