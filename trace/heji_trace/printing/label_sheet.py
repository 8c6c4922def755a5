"""A4 sheets of trace labels as PDF: the QR code, the product, the batch and the codes that people type.

Each distinct label is one form object, drawn once however many copies the sheet shows. The typeface is the subset in
`fonts/`; a character that it lacks is shown as 〓, the printers' sign for a missing type.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from heji_trace.errors import InvalidEvent, Problem
from heji_trace.identifiers import codes
from heji_trace.printing import labels
from heji_trace.sentences import say

MAX_LABELS: Final = 20_000
MISSING_TYPE: Final = "〓"

FONT = "HejiNotoSansSC"
_PADDING = 2 * mm
_GREY = 0.35
_LEADING = 1.25
_FULL_HEIGHT = (2 * 9.5 + 3 * 7 + 3 * 5.5 + 2 * 8) * _LEADING  # a label with all the lines that it may have


@dataclass(frozen=True, slots=True)
class Label:
    """What one label says; `url` is what its QR code carries."""

    product: str
    batch_number: str
    trace_code: str
    phone_code: str
    url: str
    copies: int = 1


@dataclass(frozen=True, slots=True)
class Layout:
    """A grid of labels on A4, in millimetres from the top left corner; the default is the common 24 of 70 × 37.

    A label is at least 60 wide and 30 high. A printer that prints beside the grid is corrected by `left` and `top`,
    which may be negative.
    """

    columns: int = 3
    rows: int = 8
    width: float = 70
    height: float = 37
    left: float = 0
    top: float = 0.5
    gap: float = 0
    outlined: bool = False

    def fits(self) -> bool:
        """Whether the grid lies on the sheet, a correction of 5 mm allowed for, and a code stays readable in it."""
        across = self.columns * (self.width + self.gap) - self.gap
        down = self.rows * (self.height + self.gap) - self.gap
        page_width, page_height = A4[0] / mm, A4[1] / mm
        return (
            min(self.columns, self.rows) >= 1
            and self.gap >= 0
            and self.width >= 60
            and self.height >= 30
            and min(self.left, self.top) >= -5
            and across + self.left <= page_width + 5
            and down + self.top <= page_height + 5
        )


DEFAULT_LAYOUT: Final = Layout()


@cache
def load_font() -> TTFont:
    """The typeface of everything that is printed, registered under `FONT`."""
    data = files(__package__).joinpath("fonts", "NotoSansSC-Regular-subset.ttf").read_bytes()
    font = TTFont(FONT, io.BytesIO(data))
    pdfmetrics.registerFont(font)
    return font


def printable(text: str) -> str:
    """The text as a label shows it: one line, each character that the typeface lacks replaced by `MISSING_TYPE`."""
    glyphs = load_font().face.charToGlyph
    return "".join(one if ord(one) in glyphs else MISSING_TYPE for one in " ".join(text.split()))


# What belongs to the words behind it and does not end a line.
_OPENING = "√（(“《"


def wrapped(text: str, width: float, size: float, most: int) -> list[str]:
    """At most so many lines of that width, broken between any two characters but behind a tick or an opening bracket.

    What is left over ends in ….
    """
    lines = [""]
    for character in text:
        if lines[-1] and pdfmetrics.stringWidth(lines[-1] + character, FONT, size) > width:
            kept = lines[-1].rstrip(_OPENING) or lines[-1]
            lines[-1:] = [kept, lines[-1][len(kept) :]]
        lines[-1] += character
    if len(lines) > most:
        lines = [*lines[: most - 1], lines[most - 1][:-1] + "…"]
    return lines


class _Pen:
    """Writes lines downwards in a column, every size scaled alike."""

    def __init__(self, canvas: Canvas, x: float, y: float, width: float, scale: float) -> None:
        self.canvas, self.x, self.y, self.width, self.scale = canvas, x, y, width, scale

    def write_words(self, words: str, size: float, most: int = 1) -> None:
        """In black, wrapped, cut off after `most` lines."""
        self._draw(wrapped(printable(words), self.width, size * self.scale, most), size * self.scale, 0)

    def write_code(self, caption: str, code: str) -> None:
        """A grey caption, and a code that is made smaller rather than wrapped or cut."""
        self.write_caption(caption)
        size = 8 * self.scale
        self._draw([code], min(size, size * self.width / pdfmetrics.stringWidth(code, FONT, size)), 0)

    def write_caption(self, caption: str) -> None:
        """In small grey letters."""
        self._draw([caption], 5.5 * self.scale, _GREY)

    def _draw(self, lines: list[str], size: float, grey: float) -> None:
        self.canvas.setFillGray(grey)
        self.canvas.setFont(FONT, size)
        for line in lines:
            self.y -= size * _LEADING
            self.canvas.drawString(self.x, self.y + size * (_LEADING - 1), line)


def draw_code(canvas: Canvas, url: str, x: float, y: float, side: float) -> None:
    """The QR code of an address, with its quiet zone, in a square whose lower left corner is (x, y)."""
    matrix = labels.qr_matrix(url)
    modules = len(matrix) + 2 * labels.QUIET_ZONE
    module = side / modules
    path = canvas.beginPath()
    for column, row, length in labels.dark_runs(matrix):
        left = x + (column + labels.QUIET_ZONE) * module
        path.rect(left, y + side - (row + 1 + labels.QUIET_ZONE) * module, length * module, module)
    canvas.setFillGray(0)
    canvas.drawPath(path, stroke=0, fill=1)


def _draw_label(canvas: Canvas, label: Label, layout: Layout, language: str) -> None:
    width, height = layout.width * mm, layout.height * mm
    side = min(height - 2 * _PADDING, 0.44 * width)
    draw_code(canvas, label.url, _PADDING, (height - side) / 2, side)
    left = side + _PADDING
    scale = min(1, (height - 2 * _PADDING) / _FULL_HEIGHT)
    pen = _Pen(canvas, left, height - _PADDING, width - left - _PADDING, scale)
    pen.write_words(label.product, 9.5, most=2)
    pen.write_words(f"{say('label-batch', language)} {label.batch_number}", 7, most=3)
    pen.write_code(say("label-trace-code", language), codes.dump_trace_code(label.trace_code))
    pen.write_code(say("label-phone-code", language), codes.dump_phone_code(label.phone_code))
    pen.write_caption(say("label-scan", language))


def _check_printable(sheet: Sequence[Label], layout: Layout) -> None:
    if not layout.fits():
        raise InvalidEvent([Problem("", "bad-layout")])
    if not 1 <= sum(label.copies for label in sheet) <= MAX_LABELS or any(
        label.copies < 1 for label in sheet
    ):
        raise InvalidEvent([Problem("", "too-many-labels", {"limit": MAX_LABELS})])


def dump_sheet(sheet: Sequence[Label], layout: Layout = DEFAULT_LAYOUT, language: str = "zh") -> bytes:
    """A PDF of A4 pages with every copy of every label, in order; the same labels give the same bytes.

    Raises InvalidEvent for a layout off the page, no copies or over `MAX_LABELS`, Untrusted for a code that does not
    read back.
    """
    _check_printable(sheet, layout)
    load_font()
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4, pageCompression=1, invariant=1)
    canvas.setTitle(printable(sheet[0].product))
    canvas.setCreator("Heji 禾迹")
    printed = [at for at, label in enumerate(sheet) for _ in range(label.copies)]
    for at, label in enumerate(sheet):
        canvas.beginForm(f"label{at}", 0, 0, layout.width * mm, layout.height * mm)
        _draw_label(canvas, label, layout, language)
        canvas.endForm()
    per_page = layout.columns * layout.rows
    for start in range(0, len(printed), per_page):
        for cell, at in enumerate(printed[start : start + per_page]):
            _place(canvas, f"label{at}", cell, layout)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def _place(canvas: Canvas, form: str, cell: int, layout: Layout) -> None:
    row, column = divmod(cell, layout.columns)
    x = layout.left + column * (layout.width + layout.gap)
    y = A4[1] / mm - layout.top - layout.height - row * (layout.height + layout.gap)
    canvas.saveState()
    canvas.translate(x * mm, y * mm)
    canvas.doForm(form)
    if layout.outlined:
        canvas.setStrokeGray(0.8)
        canvas.rect(0, 0, layout.width * mm, layout.height * mm)
    canvas.restoreState()
