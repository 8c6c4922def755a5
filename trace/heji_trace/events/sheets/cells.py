"""Cells as people fill them, read forgivingly: full-width digits, 2026年10月12日, Excel serials, 是/否, 斤.

A reader gives the JSON value that `parse_event` expects, or None for a blank. What it does not understand it hands on
as text, so that the one parser says what is wrong with it. Times without an offset are Beijing's.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

from heji_trace.errors import InvalidEvent
from heji_trace.events.kinds import fields as types
from heji_trace.vocabulary.normal_forms import normal
from heji_trace.vocabulary.times import BEIJING
from heji_trace.vocabulary.units import parse_unit

Cell = str | float | int | bool | datetime | date | time | timedelta | None

_BLANKS: Final = frozenset({"", "-", "--", "—", "——", "/", "\\"})
_NOTHING: Final = frozenset({"无", "n/a", "na", "none"})
_YES: Final = frozenset({"是", "对", "真", "有", "已", "√", "✓", "y", "yes", "true", "1", "t"})
_NO: Final = frozenset({"否", "不", "假", "无", "未", "×", "✗", "x", "n", "no", "false", "0", "f"})

_FULL_WIDTH: Final = {
    code: code - 0xFEE0
    for first, last in ("09", "AZ", "az")
    for code in range(ord(first) + 0xFEE0, ord(last) + 0xFEE1)
}
_FULL_WIDTH_SIGNS: Final = {ord("％"): "%", ord("＜"): "<", ord("＞"): ">", ord("＋"): "+", ord("－"): "-"}
# What copying from a page or a chat brings along and nobody sees; in a record it would be refused.
_UNSEEN = re.compile("[\u00ad\u200b\u2060\ufeff]")
_DAY = re.compile(
    r"([12][0-9]{3})\s*[-/.年]\s*([0-9]{1,2})\s*[-/.月]\s*([0-9]{1,2})\s*[日号]?(?:\s*T?\s*(.*))?"
)
# The day of the week adds nothing to a date, and spreadsheets write it behind one: 2026年6月12日星期五.
_WEEKDAY = re.compile(r"\s*\(?(?:星期|周|礼拜)[一二三四五六日天]\)?")
# The hours of the day that are meant by a word before the clock. In the evening 12 may be the midnight before or after,
# and 1 to 4 the night before or after: nobody can tell which day's night was meant.
_PARTS_OF_DAY: Final = {
    **dict.fromkeys(("上午", "AM", "早上", "早晨", "清晨"), range(12)),
    **dict.fromkeys(("下午", "PM"), range(12, 24)),
    "凌晨": range(6),
    "中午": range(10, 15),
    "傍晚": range(16, 21),
    "晚上": range(17, 24),
}
_CLOCK = re.compile(
    rf"({'|'.join(_PARTS_OF_DAY)})?\s*([0-9]{{1,2}})\s*(?:点钟|[:时点])\s*"
    r"(?:(半)|整|(?:([0-9]{1,2})\s*分?)?(?::?\s*([0-9]{1,2})(?:\.[0-9]+)?\s*秒?)?)\s*(AM|PM)?",
    re.IGNORECASE,
)
_COMPACT_DAY = re.compile(
    r"(19|20)([0-9]{2})(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])(?:([01][0-9]|2[0-3])([0-5][0-9])([0-5][0-9])?|\s+(.*))?"
)
_DEGREES = re.compile(r"([+-]?)([0-9]+)(?:\.([0-9]*))? ?(?:°C|℃|度)?", re.IGNORECASE)
_SERIAL = re.compile(r"[1-9][0-9]{4}(\.[0-9]+)?")
_GROUPED = re.compile(r"[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?")
_WHOLE = re.compile(r"([0-9]+)(?:\.0+)?\s*(?:[天日级张头只羽个件箱年枚袋盒]|个工作日)?")
_QUANTITY = re.compile(r"([0-9][0-9,]*(?:\.[0-9]+)?)\s*([^\d\s.,].*)")
_LIST = re.compile(r"[、，,;；|\n]")
_PICKED: Final = " · "
_EXCEL_EPOCH: Final = datetime(1899, 12, 30)  # noqa: DTZ001  Excel's days have no zone; Beijing's is set where they are read


def plain_text(cell: Cell) -> str:
    """The cell as text: whole numbers without `.0`, at most the 15 digits that a spreadsheet shows, NFC, stripped."""
    match cell:
        case None:
            return ""
        case bool():
            return "TRUE" if cell else "FALSE"
        case float():
            return _plain_number(cell)
        case datetime():
            return cell.strftime("%Y-%m-%d %H:%M:%S") if cell.time() != time() else cell.date().isoformat()
        case date() | time():
            return cell.isoformat()
        case _:
            return _UNSEEN.sub("", normal("NFC", str(cell))).strip(" \t\r\n\u3000\xa0")


def _plain_number(number: float) -> str:
    """0.1 + 0.2 is shown as 0.3 by the spreadsheet, so it is read as that."""
    shown = Decimal(format(number, ".15g"))
    text = format(shown, "f") if shown.is_finite() else str(number)
    return text.rstrip("0").rstrip(".") if "." in text else text


def folded(cell: Cell) -> str:
    """The cell as text with full-width letters, digits and signs made plain (NFKC), stripped."""
    return normal("NFKC", plain_text(cell)).strip()


def is_blank(cell: Cell) -> bool:
    """Whether people left the cell empty, or drew a stroke through it."""
    return plain_text(cell) in _BLANKS


def read_cell(kind: types.FieldType, cell: Cell) -> Any:
    """The JSON value of a cell for a field of type `kind`; None for a blank."""
    if is_blank(cell):
        return None
    if isinstance(kind, types.Text):
        return read_text(cell)
    if isinstance(kind, types.ListOf):
        return _read_list(kind, cell)
    text = folded(cell)
    if text.casefold() in _NOTHING and not isinstance(kind, types.Flag | types.Choice):
        return None
    return _read_single(kind, cell, text)


def _read_single(kind: types.FieldType, cell: Cell, text: str) -> Any:
    match kind:
        case types.Money():
            return _read_amount(text.removeprefix("¥").removesuffix("元").strip())
        case types.Amount(most=most):
            # Only a share is written with a percent sign; from a weight it may not vanish.
            return _read_amount(text if most is None else text.removesuffix("%").strip())
        case types.Temperature():
            return _read_temperature(text)
        case types.Date():
            return _read_date(cell, text)
        case types.Moment():
            return read_moment(cell)
        case types.Choice():
            return _read_choice(kind, text)
        case types.Flag():
            return _read_flag(text)
        case types.Whole():
            whole = _WHOLE.fullmatch(text.replace(",", ""))
            return int(whole[1]) if whole and len(whole[1]) < 16 else text
        case types.Code() | types.Batch() | types.Identifier():
            return text.partition(_PICKED)[0]
        case _:
            return text


def read_text(cell: Cell) -> str:
    """Free text, with full-width digits and letters made plain and Chinese punctuation kept."""
    return plain_text(cell).translate(_FULL_WIDTH).translate(_FULL_WIDTH_SIGNS)


def _read_amount(text: str) -> str:
    if _GROUPED.fullmatch(text):
        text = text.replace(",", "")
    if text.startswith("."):
        text = "0" + text
    bare = text.lstrip("0")
    return ("0" if not bare or bare[0] == "." else "") + bare if text[:1] == "0" else text


def _read_temperature(text: str) -> str:
    """Loggers write −0.50 °C, people 4度; what is meant is one number."""
    number = _DEGREES.fullmatch(_single_spaced(text.replace("−", "-")))
    if number is None:
        return text
    whole, part = number[2].lstrip("0") or "0", (number[3] or "").rstrip("0")
    value = f"{whole}.{part}" if part else whole
    return f"-{value}" if number[1] == "-" and value != "0" else value


def _single_spaced(text: str) -> str:
    """The text with one blank for each run of them.

    In a long run the patterns of days and clocks would seek an end of each of their blanks: without end, for
    everybody who asks this process for something.
    """
    return " ".join(text.split())


def _read_list(kind: types.ListOf, cell: Cell) -> list[Any]:
    values = (read_cell(kind.item, piece) for piece in _LIST.split(plain_text(cell)))
    return list(dict.fromkeys(value for value in values if value is not None))


def _read_choice(kind: types.Choice, text: str) -> str:
    """The slug of a slug or label in either language; remarks in brackets, as in 阴性(-), are left off."""
    bare = text.partition("(")[0].strip() or text
    for wanted in (text.casefold(), bare.casefold()):
        for option in kind.options:
            labels = (option.value, folded(option.zh), folded(option.en), folded(option.zh).partition("(")[0])
            if wanted in (label.casefold() for label in labels):
                return option.value
    return text


def _read_flag(text: str) -> bool | str:
    if text.casefold() in _YES:
        return True
    return False if text.casefold() in _NO else text


def _read_date(cell: Cell, text: str) -> str:
    moment = _moment_of(cell)
    return moment.date().isoformat() if moment else text


def read_moment(cell: Cell) -> str:
    """A moment in RFC 3339 with Beijing's offset; one that has its own offset stays as written."""
    moment = _moment_of(cell)
    return moment.replace(tzinfo=BEIJING).isoformat() if moment else folded(cell)


def _moment_of(cell: Cell) -> datetime | None:
    """The local time of a cell, in whole seconds, or None where there is none to be understood."""
    match cell:
        case bool() | None | time() | timedelta():
            return None
        case datetime():
            rounded = (
                cell + timedelta(milliseconds=500)
                if cell < datetime(9999, 1, 1, tzinfo=cell.tzinfo)
                else cell
            )
            return rounded.replace(microsecond=0, tzinfo=None)
        case date():
            return datetime(cell.year, cell.month, cell.day)  # noqa: DTZ001
    text = _single_spaced(folded(cell))
    if compact := _COMPACT_DAY.fullmatch(text):
        clock = f"{compact[5]}:{compact[6]}:{compact[7] or '00'}" if compact[5] else compact[8] or ""
        return _moment_of(f"{compact[1]}{compact[2]}-{compact[3]}-{compact[4]} {clock}")
    if _SERIAL.fullmatch(text):
        return _moment_of_serial(Decimal(text))
    day = _DAY.fullmatch(_WEEKDAY.sub(" ", text, count=1))
    if day is None:
        return None
    read = _clock_of(day[4] or "")
    try:
        return None if read is None else datetime(int(day[1]), int(day[2]), int(day[3]), *read)  # noqa: DTZ001
    except ValueError:
        return None


def _moment_of_serial(days: Decimal) -> datetime | None:
    """Days since 1899-12-30, as Excel counts, from 1954 to 2173."""
    return _EXCEL_EPOCH + timedelta(seconds=round(days * 86_400)) if days >= 20_000 else None


def _clock_of(text: str) -> tuple[int, int, int] | None:
    if not text:
        return 0, 0, 0
    clock = _CLOCK.fullmatch(text)
    if clock is None:
        return None
    before, said, is_half, minute, second, after = clock.groups()
    hour = _hour_of(int(said), (before or after or "").upper())
    return None if hour is None else (hour, 30 if is_half else int(minute or 0), int(second or 0))


def _hour_of(said: int, part: str) -> int | None:
    """The hour of the day that is meant by a number in a part of the day; None where nobody can tell."""
    if not part:
        return said
    if said == 12 and part in ("上午", "AM"):
        return 0
    return next((hour for hour in (said, said + 12) if hour in _PARTS_OF_DAY[part]), None)


def split_quantity(cell: Cell) -> tuple[str, str] | None:
    """Number and unit of a cell that holds both, such as `120.5斤`; None where it does not."""
    found = _QUANTITY.fullmatch(folded(cell))
    if found is None:
        return None
    try:
        return _read_amount(found[1]), parse_unit(found[2])
    except InvalidEvent:
        return None


def picked_text(value: str, label: str) -> str:
    """A code with what people call it, as a list of a template offers it; `read_cell` reads the code again."""
    name = _LIST.sub(" ", label).replace(_PICKED, " ").strip()
    return f"{value}{_PICKED}{name}" if name and name != value else value


def safe_cell(text: str) -> str:
    """Text for a cell of a CSV or XLSX file, kept from being run as a formula by a leading apostrophe."""
    return f"'{text}" if text[:1] in _FORMULA_STARTS else text


_FORMULA_STARTS: Final = frozenset("=+-@\t\r＝＋－＠")
