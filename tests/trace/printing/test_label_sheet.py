from __future__ import annotations

import base64
import re
import zlib

import pytest
import zxingcpp
from PIL import Image, ImageDraw

from heji_trace.errors import InvalidEvent
from heji_trace.identifiers import codes
from heji_trace.printing import label_sheet, labels
from heji_trace.printing.label_sheet import Label, Layout

BASE = "https://heji.example.cn"


def label(
    number: int = 0, copies: int = 1, product: str = "佛冈桂味荔枝", batch: str = "20260612-A03-01"
) -> Label:
    code = codes.make_trace_code(lambda length: bytes([number]) * length)
    phone = codes.make_phone_code(lambda length: number.to_bytes(length, "big"))
    return Label(product, batch, code, phone, codes.trace_url(BASE, code), copies)


def streams(pdf: bytes) -> list[str]:
    """What the pages and forms draw, without fonts."""
    found = []
    for data in re.findall(rb"\sstream\r?\n(.*?)\r?\n?endstream", pdf, re.DOTALL):
        packed = base64.a85decode(data[:-2]) if data.endswith(b"~>") else data
        text = zlib.decompressobj().decompress(packed)
        if not text.startswith(b"\x00\x01\x00\x00"):
            found.append(text.decode("latin-1"))
    return found


def forms(pdf: bytes) -> list[str]:
    return [stream for stream in streams(pdf) if stream.count(" re") > 100]


def code_in(form: str) -> str:
    boxes = [tuple(map(float, box)) for box in re.findall(r"(\S+) (\S+) (\S+) (\S+) re", form)]
    picture = Image.new("L", (800, 500), 255)
    draw = ImageDraw.Draw(picture)
    for x, y, width, height in boxes:
        draw.rectangle((x * 4, 480 - (y + height) * 4, (x + width) * 4 - 1, 480 - y * 4 - 1), fill=0)
    (found,) = zxingcpp.read_barcodes(picture)
    return found.text


def test_a_thousand_copies_of_a_label_draw_it_once() -> None:
    pdf = label_sheet.dump_sheet([label(copies=1_000)])
    assert len(forms(pdf)) == 1
    assert len(pdf) < 100_000
    assert len(re.findall(rb"/Type /Page\b(?!s)", pdf)) == 42
    assert sum(stream.count(" Do") for stream in streams(pdf)) == 1_000


def test_every_code_on_the_sheet_reads_back() -> None:
    sheet = [label(number) for number in range(5)]
    assert sorted(map(code_in, forms(label_sheet.dump_sheet(sheet)))) == sorted(one.url for one in sheet)


def test_the_same_labels_give_the_same_bytes() -> None:
    sheet = [label(1, 3), label(2, 2)]
    assert label_sheet.dump_sheet(sheet) == label_sheet.dump_sheet(sheet)


def test_the_typeface_is_embedded_and_nothing_is_fetched() -> None:
    pdf = label_sheet.dump_sheet([label()])
    assert b"/FontFile2" in pdf
    assert b"/URI" not in pdf


def test_a_character_that_the_typeface_lacks_is_shown_as_the_missing_type() -> None:
    assert label_sheet.printable("佛冈𠮷荔枝😀") == "佛冈〓荔枝〓"
    assert (
        label_sheet.printable("石角镇 水头镇\n汤塘镇\t龙山镇 高岗镇 迳头镇")
        == "石角镇 水头镇 汤塘镇 龙山镇 高岗镇 迳头镇"
    )
    assert label_sheet.printable("噁唑菌酮 ≤0.05 mg/kg（合格）①") == "噁唑菌酮 ≤0.05 mg/kg（合格）①"


@pytest.mark.parametrize(
    "text", ["", "荔" * 500, "W" * 500, "\x00\x1d", "𠮷" * 50, "a\nb", "(\\)"], ids=lambda text: text[:3]
)
def test_any_words_fit_a_label(text: str) -> None:
    pdf = label_sheet.dump_sheet(
        [label(product=text, batch=text)], Layout(columns=1, rows=1, width=60, height=30)
    )
    assert pdf.startswith(b"%PDF-")


def test_a_batch_identifier_is_never_cut() -> None:
    label_sheet.dump_sheet([label()])
    words = "Batch " + "W" * 20
    assert "".join(label_sheet.wrapped(words, 84, 7, 3)) == words


def test_no_tick_stands_at_the_end_of_a_line_without_its_words() -> None:
    label_sheet.load_font()
    words = "承诺：√不使用禁用农药 √残留不超标 √对承诺负责"
    for width in range(40, 200):
        lines = label_sheet.wrapped(words, width, 7, 20)
        assert "".join(lines) == words
        assert not any(line.endswith("√") for line in lines)


@pytest.mark.parametrize(
    "layout",
    [
        Layout(columns=4),
        Layout(rows=9),
        Layout(columns=0),
        Layout(width=40),
        Layout(height=20, rows=2),
        Layout(left=20),
        Layout(top=-10),
        Layout(gap=-1),
        Layout(width=float("nan")),
        Layout(height=float("inf")),
    ],
)
def test_labels_that_fall_off_the_page_are_refused(layout: Layout) -> None:
    with pytest.raises(InvalidEvent) as refused:
        label_sheet.dump_sheet([label()], layout)
    assert refused.value.problems[0].code == "bad-layout"
    assert refused.value.problems[0].sentence("zh")


@pytest.mark.parametrize("copies", [0, -1, label_sheet.MAX_LABELS + 1])
def test_no_copies_and_too_many_are_refused(copies: int) -> None:
    with pytest.raises(InvalidEvent) as refused:
        label_sheet.dump_sheet([label(copies=copies)])
    assert refused.value.problems[0].code == "too-many-labels"
    with pytest.raises(InvalidEvent):
        label_sheet.dump_sheet([])


def test_a_sheet_can_be_outlined_shifted_and_in_english() -> None:
    sheet = [label(copies=2)]
    plain = label_sheet.dump_sheet(sheet)
    assert label_sheet.dump_sheet(sheet, Layout(outlined=True, left=1, top=-1)) != plain
    assert label_sheet.dump_sheet(sheet, language="en") != plain


def test_the_code_is_the_one_that_labels_checked() -> None:
    one = label(7)
    assert code_in(forms(label_sheet.dump_sheet([one]))[0]) == one.url
    assert len(labels.dark_runs(labels.qr_matrix(one.url))) > 100
