"""Waiting times: the interval between a pesticide's last use and harvest, and a medicine's withdrawal period."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from heji_trace.vocabulary.crops import groups_of, is_group, is_same_crop

MOST_DAYS = 3650


@dataclass(frozen=True, slots=True)
class Interval:
    """One row of an edition of intervals: days to wait, for an active substance on a crop."""

    active: str
    crop: str
    formulation: str
    days: int
    edition: str
    verified: bool


def parse_intervals(
    rows: Sequence[Mapping[str, str]], edition: str, *, verified: bool
) -> tuple[Interval, ...]:
    """The rows of an `edition` event of the table `intervals`: `active`, `crop`, `formulation`, `days`.

    Those of `withdrawals` may say `drug` and `species` instead. A range such as "2-5" or "早稻14 / 晚稻28" counts as its
    largest number; rows without a number, or whose names cannot be read, are left out.
    """
    return tuple(
        Interval(active, crop, row.get("formulation", ""), days, edition, verified)
        for row in rows
        if (active := row.get("active") or row.get("drug"))
        and (crop := row.get("crop") or row.get("species"))
        and (days := largest_number(row.get("days", ""))) is not None
        and days <= MOST_DAYS
    )


def find_interval(intervals: Sequence[Interval], active: str, crop: str, formulation: str) -> Interval | None:
    """The interval that decides: the row of this formulation if there is one, else the longest for active and crop.

    Where no row names the crop, those of its narrowest group count that has any.
    """
    of_active = [row for row in intervals if _names(row.active, active)]
    fitting = [row for row in of_active if is_same_crop(row.crop, crop)]
    for group in groups_of(crop):
        fitting = fitting or [row for row in of_active if is_group(row.crop, group)]
    exact = [row for row in fitting if formulation and row.formulation.startswith(formulation)]
    return max(exact or fitting, key=lambda row: row.days, default=None)


def find_group(interval: Interval, crop: str) -> str | None:
    """The group by which an interval counts for the crop; None where its row names the crop itself."""
    return None if is_same_crop(interval.crop, crop) else interval.crop


def first_clear_day(last_use: date, days: int) -> date:
    """The first day of harvest outside the interval; the day of use is day 0 (GB/T 8321)."""
    return last_use + timedelta(days=days)


def _names(listed: str, asked: str) -> bool:
    """Whether the table's name, often "荔枝 litchi", contains the asked one as a whole word or as a whole."""
    return asked == listed or asked in listed.split()


def largest_number(text: str) -> int | None:
    """The largest whole number in a text; None where it has none."""
    digits = "".join(sign if sign.isascii() and sign.isdigit() else " " for sign in text).split()
    return max(map(int, digits), default=None)
