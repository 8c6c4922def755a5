"""The cold chain of one batch: whether a series of readings kept the product's storage band, and where it has gaps.

Pure: a band is read from the words that a product registers, such as `0–5 ℃`, `-1 to 4` or `≤ -18 ℃`. Chilling
injures too, so that too cold is outside as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Final

from heji_trace.vocabulary.normal_forms import normal

MINUTE_MS: Final = 60_000

_NUMBER = r"([+-]?[0-9]+(?:\.[0-9]+)?)"
_DEGREES = r"\s*(?:°C|°|度|C)?\s*"
_RANGE = re.compile(rf"{_NUMBER}{_DEGREES}(?:-|~|to|至|到){_DEGREES}{_NUMBER}{_DEGREES}", re.IGNORECASE)
_BELOW = re.compile(rf"(?:<=?|≤|不高于|低于)\s*{_NUMBER}{_DEGREES}|{_NUMBER}{_DEGREES}以下", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Band:
    """The temperatures at which goods are kept, in ℃; frozen goods have no `low`."""

    low: Decimal | None
    high: Decimal

    def distance(self, temperature: Decimal) -> Decimal:
        """How many degrees outside a temperature lies; 0 within."""
        if temperature > self.high:
            return temperature - self.high
        if self.low is not None and temperature < self.low:
            return self.low - temperature
        return Decimal(0)


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of a logger; humidity is not judged."""

    at_ms: int
    temperature: Decimal


@dataclass(frozen=True, slots=True)
class Excursion:
    """The worst that a series shows: minutes outside by its own readings, the peak and how far outside it lies."""

    from_ms: int
    minutes: int
    peak: Decimal
    degrees: Decimal


@dataclass(frozen=True, slots=True)
class Limits:
    """How long, in minutes, and how far, in ℃, goods may be outside their band."""

    minutes: int
    degrees: Decimal


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of time in which a reading is expected, such as a transit."""

    from_ms: int
    to_ms: int


def find_band(text: str) -> Band | None:
    """The band that the words of a product name, or None where they name none that can be judged."""
    plain = normal("NFKC", text).translate({0x2013: "-", 0x2014: "-", 0x2212: "-"}).strip()
    if found := _RANGE.fullmatch(plain):
        low, high = Decimal(found[1]), Decimal(found[2])
        return Band(low, high) if low <= high else None
    if found := _BELOW.fullmatch(plain):
        return Band(None, Decimal(found[1] or found[2]))
    return None


def find_excursion(readings: Iterable[Reading], band: Band, limits: Limits) -> tuple[str, Excursion] | None:
    """The worst breach of the band, as "hard" or "long"; None where the series stayed within what is tolerated.

    An excursion lasts from the first reading outside to the last before one inside: what is proved, not what may have
    been between.
    """
    runs = _runs(sorted(readings, key=lambda reading: reading.at_ms), band)
    hard = [run for run in runs if run.degrees > limits.degrees]
    long = [run for run in runs if run.minutes > limits.minutes]
    if hard:
        return "hard", max(hard, key=lambda run: (run.degrees, run.minutes))
    if long:
        return "long", max(long, key=lambda run: (run.minutes, run.degrees))
    return None


def find_gaps(readings: Iterable[Reading], stretch: Stretch, most_minutes: int) -> list[Stretch]:
    """Where within the stretch no reading lies for longer than so many minutes."""
    moments = sorted(
        reading.at_ms for reading in readings if stretch.from_ms <= reading.at_ms <= stretch.to_ms
    )
    edges = [stretch.from_ms, *moments, stretch.to_ms]
    return [Stretch(start, end) for start, end in pairwise(edges) if end - start > most_minutes * MINUTE_MS]


def _runs(readings: Sequence[Reading], band: Band) -> list[Excursion]:
    runs: list[Excursion] = []
    current: list[Reading] = []
    for reading in readings:
        if band.distance(reading.temperature):
            current.append(reading)
        elif current:
            runs.append(_excursion(current, band))
            current = []
    return [*runs, _excursion(current, band)] if current else runs


def _excursion(outside: Sequence[Reading], band: Band) -> Excursion:
    worst = max(outside, key=lambda reading: band.distance(reading.temperature))
    return Excursion(
        outside[0].at_ms,
        (outside[-1].at_ms - outside[0].at_ms) // MINUTE_MS,
        worst.temperature,
        band.distance(worst.temperature),
    )
