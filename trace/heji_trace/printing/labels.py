"""QR codes as matrix, SVG, PNG and terminal text, each read back with another library before it leaves."""

from __future__ import annotations

import io
from functools import lru_cache
from itertools import groupby
from typing import Final

import qrcode
import zxingcpp
from PIL import Image
from qrcode.constants import ERROR_CORRECT_M

from heji_trace.errors import InvalidEvent, Problem, Untrusted

QUIET_ZONE: Final = 4  # modules of white that ISO/IEC 18004 asks for around a code
MAX_QR_BYTES: Final = 1_000
_READ_BACK_SCALE = 4
_QR = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)

Matrix = tuple[tuple[bool, ...], ...]


@lru_cache(maxsize=256)
def qr_matrix(text: str) -> Matrix:
    """The modules of a QR code with error correction M, row by row, True being dark, without quiet zone.

    Raises InvalidEvent for text that is empty or over `MAX_QR_BYTES`, Untrusted where it does not read back the same.
    """
    lone_surrogates = any("\ud800" <= character <= "\udfff" for character in text)
    if lone_surrogates or not 0 < len(text.encode()) <= MAX_QR_BYTES:
        raise InvalidEvent([Problem("", "bad-qr-text", {"limit": MAX_QR_BYTES})])
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_M, border=0)
    code.add_data(text)
    code.make(fit=True)
    matrix = tuple(tuple(bool(module) for module in row) for row in code.get_matrix())
    _check_reads_back(_picture(matrix, _READ_BACK_SCALE), text)
    return matrix


def _picture(matrix: Matrix, scale: int) -> Image.Image:
    size = len(matrix) + 2 * QUIET_ZONE
    modules = Image.new("1", (size, size), 1)
    for y, row in enumerate(matrix):
        for x, dark in enumerate(row):
            if dark:
                modules.putpixel((x + QUIET_ZONE, y + QUIET_ZONE), 0)
    return modules.resize((size * scale, size * scale), Image.Resampling.NEAREST)


def _check_reads_back(picture: Image.Image, text: str) -> None:
    read = zxingcpp.read_barcodes(
        picture.convert("L"), formats=_QR, text_mode=zxingcpp.TextMode.Plain, is_pure=True
    )
    if [code.text for code in read] != [text]:
        raise Untrusted("qr-unreadable", text=text)


def dump_png(text: str, scale: int = 8) -> bytes:
    """A black and white PNG with quiet zone, `scale` pixels a module."""
    picture = _picture(qr_matrix(text), scale)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    _check_reads_back(Image.open(io.BytesIO(buffer.getvalue())), text)
    return buffer.getvalue()


def dark_runs(matrix: Matrix) -> list[tuple[int, int, int]]:
    """Each unbroken horizontal run of dark modules as column, row and length: what a path draws."""
    runs = []
    for y, row in enumerate(matrix):
        x = 0
        for dark, modules in groupby(row):
            length = len(list(modules))
            if dark:
                runs.append((x, y, length))
            x += length
    return runs


def dump_svg(text: str) -> str:
    """One SVG element with quiet zone, one unit a module, without width, height, style or script."""
    matrix = qr_matrix(text)
    size = len(matrix) + 2 * QUIET_ZONE
    path = "".join(
        f"M{x + QUIET_ZONE} {y + QUIET_ZONE}h{length}v1h-{length}z" for x, y, length in dark_runs(matrix)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" shape-rendering="crispEdges">'
        f'<path fill="#fff" d="M0 0h{size}v{size}H0z"/><path d="{path}"/></svg>'
    )


def dump_terminal(text: str, *, colour: bool = False) -> str:
    """The code in half blocks, one character a module wide and two high, light modules drawn.

    Right on a dark terminal; with `colour` its escapes make it right on any. Every line ends in a line feed.
    """
    matrix = qr_matrix(text)
    size = len(matrix) + 2 * QUIET_ZONE
    blank = ((False,) * size,) * QUIET_ZONE
    side = (False,) * QUIET_ZONE
    rows = [*blank, *(side + row + side for row in matrix), *blank]
    if len(rows) % 2:
        rows.append((True,) * size)  # a row of the terminal's own background
    lines = [
        "".join(" ▀▄█"[(not above) + 2 * (not below)] for above, below in zip(upper, lower, strict=True))
        for upper, lower in zip(rows[::2], rows[1::2], strict=True)
    ]
    before, after = ("\x1b[97;40m", "\x1b[0m") if colour else ("", "")
    return "".join(f"{before}{line}{after}\n" for line in lines)
