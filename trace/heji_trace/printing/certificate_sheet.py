"""The certificate of conformity (承诺达标合格证) as PDF: eight on A4, or one on a label of the same size, A7.

It shows what the rules of 2026 ask for: product, quantity, origin, who promises and how to reach them, the promise and
its basis, and when it was issued. The words are Chinese, whatever the reader's language, for it is a legal paper.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from heji_trace.events.kinds.fields import Choice
from heji_trace.events.kinds.words import BASIS, PROMISE
from heji_trace.printing.label_sheet import FONT, draw_code, load_font, printable, wrapped

PAPERS: Final = ("a4", "label")

MAX_COPIES: Final = 800
_COLUMNS, _ROWS = 2, 4
_WIDTH, _HEIGHT = A4[0] / _COLUMNS, A4[1] / _ROWS
_MARGIN = 5 * mm
_SIDE = 24 * mm
_SIZE = 7.5
_LEADING = 1.35


@dataclass(frozen=True, slots=True)
class Certificate:
    """What one certificate says; `promise` and `basis` are the choices made, `url` what its QR code carries, if any."""

    product: str
    quantity: str
    origin: str
    party: str
    contact: str
    issued_on: str
    promise: Sequence[str]
    basis: Sequence[str]
    batches: Sequence[str]
    number: str = ""
    signer: str = ""
    url: str = ""


def dump_certificates(certificate: Certificate, copies: int, *, on_label: bool = False) -> bytes:
    """A PDF of so many copies, on A4 or each on a label of its own; the same certificate gives the same bytes."""
    load_font()
    buffer = io.BytesIO()
    size = (_WIDTH, _HEIGHT) if on_label else A4
    canvas = Canvas(buffer, pagesize=size, pageCompression=1, invariant=1)
    canvas.setTitle("承诺达标合格证")
    canvas.setCreator("Heji 禾迹")
    canvas.beginForm("certificate", 0, 0, _WIDTH, _HEIGHT)
    _draw(canvas, certificate)
    canvas.endForm()
    per_page = 1 if on_label else _COLUMNS * _ROWS
    for start in range(0, copies, per_page):
        for cell in range(min(per_page, copies - start)):
            row, column = divmod(cell, _COLUMNS)
            canvas.saveState()
            canvas.translate(column * _WIDTH, size[1] - (row + 1) * _HEIGHT)
            canvas.doForm("certificate")
            canvas.restoreState()
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def _draw(canvas: Canvas, certificate: Certificate) -> None:
    top = _HEIGHT - _MARGIN
    canvas.setStrokeGray(0.7)
    canvas.rect(_MARGIN / 2, _MARGIN / 2, _WIDTH - _MARGIN, _HEIGHT - _MARGIN)
    canvas.setFillGray(0)
    canvas.setFont(FONT, 13)
    canvas.drawCentredString(_WIDTH / 2, top - 13, "承诺达标合格证")
    if certificate.url:
        draw_code(canvas, certificate.url, _WIDTH - _MARGIN - _SIDE, top - 16 - _SIDE, _SIDE)
    lines = [
        ("产品名称", certificate.product, 2),
        ("数量（重量）", certificate.quantity, 1),
        ("产地", certificate.origin, 2),
        ("承诺主体", certificate.party, 2),
        ("联系方式", certificate.contact, 1),
        ("开具时间", certificate.issued_on, 1),
        ("批次", "、".join(certificate.batches), 2),
        ("承诺依据", _chosen(BASIS, certificate.basis), 2),
        ("承诺", _chosen(PROMISE, certificate.promise), 3),
        ("编号", certificate.number, 1),
        ("签名", certificate.signer, 1),
    ]
    at = top - 18
    for caption, words, most in lines:
        if words:
            at = _write(
                canvas, f"{caption}：{words}", at, top - 18 - _SIDE, most, beside_code=bool(certificate.url)
            )


def _write(canvas: Canvas, words: str, at: float, below: float, most: int, *, beside_code: bool) -> float:
    """Write a line or some, narrower beside the code; where the next one starts."""
    width = _WIDTH - 2 * _MARGIN - (_SIDE if beside_code and at > below else 0)
    canvas.setFont(FONT, _SIZE)
    for line in wrapped(printable(words), width, _SIZE, most):
        at -= _SIZE * _LEADING
        canvas.drawString(_MARGIN, at, line)
    return at


def _chosen(choice: Choice, values: Sequence[str]) -> str:
    """The words of the values chosen, in the declared order, each with a tick."""
    return " ".join(f"√{option.zh}" for option in choice.options if option.value in values)
