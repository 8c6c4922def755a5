from __future__ import annotations

import re
from dataclasses import replace

import pytest

from heji_trace.events.kinds.words import BASIS, PROMISE
from heji_trace.printing.certificate_sheet import Certificate, dump_certificates
from heji_trace.printing.label_sheet import MISSING_TYPE, load_font, printable

SAID = Certificate(
    product="妃子笑荔枝 5 千克装",
    quantity="1230 千克",
    origin="广东省清远市佛冈县高岗镇三江口村",
    party="佛冈县高岗荔枝专业合作社",
    contact="0763-0000000",
    issued_on="2026-06-12",
    promise=("no_banned_inputs", "residues_within_limits", "truthful"),
    basis=("quality_control", "commissioned_test"),
    batches=("LZ5KG-20260612",),
    number="HGZ-20260612-03",
    signer="黄理事长",
    url="https://heji.example.cn/t/3K7TQ9W2MX4RA6F5",
)


def pages(pdf: bytes) -> int:
    return len(re.findall(rb"/Type /Page\b(?!s)", pdf))


def boxes(pdf: bytes) -> set[tuple[float, float]]:
    found = re.findall(rb"/MediaBox \[ 0 0 ([0-9.]+) ([0-9.]+) \]", pdf)
    return {(round(float(width)), round(float(height))) for width, height in found}


@pytest.mark.parametrize(("copies", "on_a4"), [(1, 1), (8, 1), (9, 2), (16, 2)])
def test_eight_copies_go_on_a_page_of_a4(copies: int, on_a4: int) -> None:
    pdf = dump_certificates(SAID, copies)
    assert pages(pdf) == on_a4
    assert boxes(pdf) == {(595, 842)}


def test_a_label_is_a_page_of_its_own_of_the_size_a7() -> None:
    pdf = dump_certificates(SAID, 3, on_label=True)
    assert pages(pdf) == 3
    assert boxes(pdf) == {(298, 210)}


def test_the_same_certificate_gives_the_same_bytes_and_another_one_others() -> None:
    assert dump_certificates(SAID, 1) == dump_certificates(SAID, 1)
    assert dump_certificates(SAID, 1) != dump_certificates(replace(SAID, quantity="1231 千克"), 1)


def test_every_legal_word_stands_in_the_typeface() -> None:
    load_font()
    words = "承诺达标合格证产品名称数量（重量）产地承诺主体联系方式开具时间批次承诺依据编号签名√："
    words += "".join(option.zh for choice in (BASIS, PROMISE) for option in choice.options)
    assert MISSING_TYPE not in printable(words)


def test_a_certificate_without_a_code_and_with_long_words_is_printed_too() -> None:
    long = replace(SAID, url="", origin="很长的产地" * 30, product="很长的名称" * 30, number="", signer="")
    assert pages(dump_certificates(long, 1)) == 1
