from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
from contextlib import suppress

import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from heji_trace.errors import InvalidEvent, Untrusted
from heji_trace.printing import labels

URL = "https://heji.example.cn/t/248HAH2YJGKRKMG6"
PRINTABLE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=120)


def read(picture: Image.Image) -> list[str]:
    return [code.text for code in zxingcpp.read_barcodes(picture, text_mode=zxingcpp.TextMode.Plain)]


def drawn(rows: list[list[bool]]) -> Image.Image:
    """A picture of rows of dark modules, four pixels each."""
    picture = Image.new("L", (len(rows[0]), len(rows)), 255)
    for y, row in enumerate(rows):
        for x, dark in enumerate(row):
            if dark:
                picture.putpixel((x, y), 0)
    return picture.resize((picture.width * 4, picture.height * 4), Image.Resampling.NEAREST)


@given(PRINTABLE)
@settings(max_examples=40, deadline=None)
def test_what_is_drawn_is_read_back(text: str) -> None:
    assert read(Image.open(io.BytesIO(labels.dump_png(text, 3)))) == [text]


@given(st.binary(min_size=1, max_size=40).map(lambda data: data.decode("latin-1")))
@settings(max_examples=40, deadline=None)
def test_a_text_that_would_not_read_back_never_leaves(text: str) -> None:
    with suppress(Untrusted):
        matrix = labels.qr_matrix(text)
        quiet = [[False] * (len(matrix) + 8)] * 4
        assert read(drawn([*quiet, *([False] * 4 + list(row) + [False] * 4 for row in matrix), *quiet])) == [
            text
        ]


def test_a_code_that_reads_otherwise_is_not_to_be_relied_on() -> None:
    with pytest.raises(Untrusted) as untrusted:
        labels._check_reads_back(Image.open(io.BytesIO(labels.dump_png("hello"))), URL)
    assert untrusted.value.code == "qr-unreadable"
    assert URL in untrusted.value.sentence("zh")


@pytest.mark.parametrize("text", ["", "x" * 1_001, "荔" * 400, "\ud800"])
def test_a_text_that_fits_no_code_is_refused(text: str) -> None:
    with pytest.raises(InvalidEvent) as refused:
        labels.qr_matrix(text)
    assert refused.value.problems[0].code == "bad-qr-text"
    assert refused.value.problems[0].sentence("zh")


def test_the_png_has_a_quiet_zone_and_the_scale_that_was_asked_for() -> None:
    picture = Image.open(io.BytesIO(labels.dump_png(URL, 5)))
    size = len(labels.qr_matrix(URL)) + 8
    assert picture.size == (size * 5, size * 5)
    assert picture.convert("L").crop((0, 0, size * 5, 20)).getextrema() == (255, 255)


def test_the_svg_draws_the_same_modules() -> None:
    svg = labels.dump_svg(URL)
    root = ET.fromstring(svg)
    size = int(root.attrib["viewBox"].split()[2])
    rows = [[False] * size for _ in range(size)]
    path = root[1].attrib["d"]
    for x, y, length in (map(int, run) for run in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\d+z", path)):
        rows[y][x : x + length] = [True] * length
    assert read(drawn(rows)) == [URL]
    assert "style" not in svg
    assert "<script" not in svg


@pytest.mark.parametrize("text", [URL, "A" * 100])
def test_the_terminal_shows_the_same_modules(text: str) -> None:
    lines = labels.dump_terminal(text).splitlines()
    rows: list[list[bool]] = []
    for line in lines:
        rows.append([one not in "▀█" for one in line])
        rows.append([one not in "▄█" for one in line])
    assert len({len(line) for line in lines}) == 1
    assert read(drawn(rows[: len(rows[0])])) == [text]


def test_the_coloured_terminal_sets_light_on_dark_and_resets_it_on_each_line() -> None:
    plain, coloured = labels.dump_terminal(URL), labels.dump_terminal(URL, colour=True)
    assert [f"\x1b[97;40m{line}\x1b[0m" for line in plain.splitlines()] == coloured.splitlines()
