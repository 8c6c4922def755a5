from __future__ import annotations

import io
from contextlib import suppress
from decimal import Decimal
from typing import Any, cast

import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from heji_scanners import decode
from heji_trace.errors import InvalidEvent
from heji_trace.identifiers import codes
from heji_trace.printing import labels

GTIN = "06901234567892"
CODE = codes.make_trace_code(lambda length: b"\x5a" * length)
PHONE = codes.make_phone_code(lambda length: b"\x07" * length)
URL = codes.trace_url("https://heji.example.cn", CODE)


def barcode(text: str, form: zxingcpp.BarcodeFormat, **options: object) -> Image.Image:
    view = memoryview(cast("Any", zxingcpp.create_barcode(text, form, **options).to_image(scale=4)))
    assert view.shape is not None
    height, width = view.shape
    return Image.frombytes("L", (width, height), view.tobytes())


def saved(picture: Image.Image, form: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, form)
    return buffer.getvalue()


def said(text: str, language: str = "zh") -> dict[str, str]:
    return {fact.key: fact.value for fact in decode.explain(text, language).facts}


def problems(text: str) -> list[str]:
    found = decode.explain(text, "zh").problems
    for problem in found:
        assert problem.sentence("zh")
        assert problem.sentence("en")
    return [problem.code for problem in found]


def problem_in(data: bytes) -> str:
    with pytest.raises(InvalidEvent) as refused:
        decode.texts_of(data)
    (problem,) = refused.value.problems
    assert problem.sentence("zh")
    assert problem.sentence("en")
    return problem.code


def test_a_label_of_our_own_is_read_from_its_picture() -> None:
    (text,) = decode.texts_of(labels.dump_png(URL))
    meaning = decode.explain(text, "zh")
    assert (meaning.kind, meaning.title, meaning.problems) == ("own-code", "本系统的追溯码", ())
    assert {fact.key: fact.value for fact in meaning.facts} == {
        "trace-code": codes.dump_trace_code(CODE),
        "address": URL,
    }


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "BMP", "GIF"])
def test_pictures_of_every_common_form_are_read(form: str) -> None:
    picture = Image.open(io.BytesIO(labels.dump_png(URL))).convert("RGB")
    assert decode.texts_of(saved(picture, form)) == (f"]Q1{URL}",)


def test_black_on_nothing_is_read_as_black_on_white() -> None:
    dark = Image.open(io.BytesIO(labels.dump_png(URL))).convert("L").point(lambda level: 255 - level)
    picture = Image.new("RGBA", dark.size, (0, 0, 0, 0))
    picture.putalpha(dark)
    assert decode.texts_of(saved(picture)) == (f"]Q1{URL}",)


def test_a_turned_and_scaled_photo_is_read() -> None:
    picture = Image.open(io.BytesIO(labels.dump_png(URL))).convert("L")
    turned = picture.rotate(17, expand=True, fillcolor=255).resize((500, 500))
    assert decode.texts_of(saved(turned, "JPEG")) == (f"]Q1{URL}",)


def test_two_codes_in_one_picture_are_both_read_and_a_repeated_one_once() -> None:
    one = Image.open(io.BytesIO(labels.dump_png(URL))).convert("L")
    other = Image.open(io.BytesIO(labels.dump_png("hello"))).convert("L")
    sheet = Image.new("L", (one.width * 3, one.height), 255)
    for at, picture in enumerate((one, other, one)):
        sheet.paste(picture, (at * one.width, 0))
    assert sorted(decode.texts_of(saved(sheet))) == sorted((f"]Q1{URL}", "]Q1hello"))


@pytest.mark.parametrize(
    "form, symbology",
    [(zxingcpp.BarcodeFormat.QRCode, "]Q3"), (zxingcpp.BarcodeFormat.DataMatrix, "]d2")],
)
def test_a_gs1_symbol_is_read_with_its_separators(form: zxingcpp.BarcodeFormat, symbology: str) -> None:
    picture = barcode(f"(01){GTIN}(10)A03-01(17)261231", form, gs1=True)
    (text,) = decode.texts_of(saved(picture))
    assert text.startswith(symbology)
    assert list(said(text)) == ["01", "10", "17"]
    assert said(text)["10"] == "A03-01"
    assert said(text)["17"] == "2026-12-31"


def test_the_bar_code_of_a_shop_is_read() -> None:
    picture = barcode("6901234567892", zxingcpp.BarcodeFormat.EAN13)
    framed = Image.new("L", (picture.width + 80, picture.height + 80), 255)
    framed.paste(picture, (40, 40))
    (text,) = decode.texts_of(saved(framed))
    assert said(text) == {"01": f"{GTIN}（校验位相符）"}


def test_an_element_string_is_told_in_both_languages() -> None:
    text = f"(01){GTIN}(10)A03-01(3103)005000(422)156(414)6930000000004(9912)x"
    zh, en = decode.explain(text, "zh"), decode.explain(text, "en")
    assert [fact.label for fact in zh.facts][:3] == ["商品条码 GTIN（01）", "批号（10）", "净重（3103）"]
    assert [fact.label for fact in en.facts][:3] == [
        "GTIN (trade item) (01)",
        "batch (10)",
        "net weight (3103)",
    ]
    assert [fact.value for fact in en.facts][2:4] == ["5.000 kg", "China (156)"]
    assert zh.facts[-1].label == "未收录的应用标识符（9912）"
    assert zh.problems == en.problems == ()
    assert Decimal(zh.facts[2].value.split()[0]) == 5


@pytest.mark.parametrize("mark", ["<GS>", "{GS}", "␝", "\x1d"])
def test_a_separator_may_be_typed(mark: str) -> None:
    assert said(f"01{GTIN}10A03{mark}3103005000")["10"] == "A03"


def test_a_digital_link_names_the_trace_code_in_its_serial() -> None:
    url = codes.digital_link("https://heji.example.cn", GTIN, "A03", CODE)
    assert said(url)["serial-is-trace-code"] == codes.dump_trace_code(CODE)
    assert said(url)["address"] == url


@pytest.mark.parametrize(
    "text, kind",
    [
        (CODE, "own-code"),
        (PHONE, "phone-code"),
        ("914403001922038216", "uscc"),
        ("93441821MA00TE5T2T", "uscc"),
        ("SC10644182100010", "sc"),
        ("PD20080005", "pesticide-registration"),
        ("http://x.cn/q?c=1" + "080005" + "1" + "001" + "1" * 21, "pesticide-unit"),
        ("华优 1 号\n某种业公司\n44182112300000000001\nhttp://x.cn/1", "seed-label"),
        ("20260612-A03-01", "plain"),
        ("https://example.cn/", "plain"),
        ("荔枝", "plain"),
    ],
)
def test_each_kind_of_text_is_told_apart_without_problem(text: str, kind: str) -> None:
    for language in ("zh", "en"):
        meaning = decode.explain(text, language)
        assert (meaning.kind, meaning.problems) == (kind, ())
        assert meaning.facts
        assert meaning.title


@pytest.mark.parametrize(
    "text, code",
    [
        ("6901234567893", "gtin-check"),
        ("93441821MA00TE5T2U", "uscc-check"),
        ("SC10644182100011", "sc-check"),
        ("0000-0000-0000-0001", "bad-trace-code"),
        ("123 456 7890", "bad-phone-code"),
        (URL[:-1] + ("0" if URL[-1] != "0" else "1"), "bad-trace-code"),
        (f"(01){GTIN[:-1]}3", "gs1-bad-check"),
        (f"(01){GTIN}(17)261331", "gs1-bad-date"),
        ("]C1hello", "gs1-unreadable"),
        (f"https://x.cn/01/{GTIN}/10", "gs1-bad-link"),
    ],
)
def test_a_fault_is_told_with_its_sentence(text: str, code: str) -> None:
    assert problems(text) == [code]


def test_the_digit_that_a_mistyped_gtin_would_need_is_named() -> None:
    (problem,) = decode.explain("6901234567893", "zh").problems
    assert "末位应为 2" in problem.sentence("zh")


def test_a_text_file_is_read_line_by_line_and_separators_do_not_end_a_line() -> None:
    data = f"\ufeff{CODE}\r\n\n01{GTIN}10A\x1d2112\n荔枝".encode()
    assert decode.texts_of(data) == (CODE, f"01{GTIN}10A\x1d2112", "荔枝")


def test_a_picture_without_a_code_is_told() -> None:
    assert problem_in(saved(Image.new("L", (100, 100), 255))) == "picture-without-code"


@pytest.mark.parametrize(
    "data",
    [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"RIFF1234WEBP", b"BM", b"GIF89a", labels.dump_png(URL)[:80]],
)
def test_a_broken_picture_is_told(data: bytes) -> None:
    assert problem_in(data) == "picture-unreadable"


def test_a_picture_of_too_many_pixels_is_not_unpacked() -> None:
    huge = saved(Image.new("1", (8_001, 8_000)))
    assert len(huge) < 100_000
    assert problem_in(huge) == "picture-unreadable"


def test_what_is_neither_picture_nor_text_is_told() -> None:
    assert problem_in("追溯".encode("gb18030")) == "neither-picture-nor-text"
    assert problem_in(b"x" * (decode.MAX_BYTES + 1)) == "too-large"


@given(st.one_of(st.binary(), st.binary().map(lambda data: b"\x89PNG\r\n\x1a\n" + data)))
@settings(deadline=None)
def test_arbitrary_bytes_raise_only_the_projects_errors(data: bytes) -> None:
    with suppress(InvalidEvent):
        decode.texts_of(data)


@given(st.data())
@settings(deadline=None, max_examples=60)
def test_a_damaged_picture_raises_only_the_projects_errors(data: st.DataObject) -> None:
    picture = bytearray(labels.dump_png(URL, 2))
    at = data.draw(st.integers(0, len(picture) - 1))
    picture[at] ^= data.draw(st.integers(1, 255))
    with suppress(InvalidEvent):
        decode.texts_of(bytes(picture))


@given(st.text())
def test_any_text_is_explained(text: str) -> None:
    for language in ("zh", "en"):
        assert decode.explain(text, language).title
