"""The diary of the demonstration: which file went in when, by whose hand, and what was confirmed.

A line of `input/uploads.csv` is what one person handed in at one door, a line of `input/labels.csv` what the label
desk was asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Final, Literal, cast

from heji_trace.events.sheets.cells import folded, plain_text, read_moment
from heji_trace.events.sheets.grids import read_grid
from heji_trace.vocabulary.times import ms_of, parse_moment

Door = Literal["sheet", "json", "instrument"]
DAY_MS: Final = 86_400_000

_INPUT = files("heji_web.demo") / "input"


@dataclass(frozen=True, slots=True)
class Upload:
    """One file at one door, at a moment of the story's own calendar.

    `acknowledged` are the codes that the person confirmed when asked; `chosen` is the batch chosen for a line of an
    instrument's file.
    """

    recorded_ms: int
    account: str
    door: Door
    file: str
    acknowledged: frozenset[str]
    chosen: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account; `shown` is how the demonstration introduces them, blank where it does not."""

    account: str
    organisation: str
    roles: tuple[str, ...]
    shown_zh: str
    shown_en: str


@dataclass(frozen=True, slots=True)
class LabelOrder:
    """A line of the label desk's book: so many labels for a batch of a product, void at once where `spoilt` says why."""

    recorded_ms: int
    account: str
    batch: str
    product: str
    copies: int
    spoilt: str


def read_input(name: str) -> bytes:
    """The bytes of a file of the demonstration, as a person would choose it."""
    return (_INPUT / name).read_bytes()


def read_diary() -> tuple[Upload | LabelOrder, ...]:
    """Everything that was done, in the order in which it happened."""
    return tuple(sorted([*_read_uploads(), *_read_label_orders()], key=lambda entry: entry.recorded_ms))


def read_people() -> tuple[Person, ...]:
    """Everybody who has an account in the county."""
    return tuple(
        Person(row["账号"], row["单位"], tuple(row["角色"].split()), row["说明"], row["英文说明"])
        for row in _read_table("people.csv")
    )


def _read_uploads() -> list[Upload]:
    return [
        Upload(
            _parse_time(row["上传时间"]),
            row["账号"],
            cast(Door, row["入口"]),
            row["文件"],
            frozenset(row["确认提示"].split()),
            _parse_chosen(row["选择批次"]),
        )
        for row in _read_table("uploads.csv")
    ]


def _read_label_orders() -> list[LabelOrder]:
    return [
        LabelOrder(
            _parse_time(row["时间"]), row["账号"], row["批次"], row["产品"], int(row["张数"]), row["作废原因"]
        )
        for row in _read_table("labels.csv")
    ]


def _parse_time(text: str) -> int:
    return ms_of(parse_moment(read_moment(text)))


def _read_table(name: str) -> list[dict[str, str]]:
    header, *rows = read_grid(read_input(name)).rows()
    headings = [plain_text(cell) for cell in header.cells]
    return [dict(zip(headings, (folded(cell) for cell in row.cells), strict=True)) for row in rows]


def _parse_chosen(text: str) -> dict[int, str]:
    """`3=CX300-20260911-A 4=…`: the line of the file, and the batch that was chosen for it."""
    pairs = (pair.split("=") for pair in text.split())
    return {int(line): batch for line, batch in pairs}
