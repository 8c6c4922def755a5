"""Units of quantity: what people write, what is counted.

Every amount is counted as a whole number of millionths of one base unit per dimension (gram, millilitre, piece,
square metre), so that sums and balances are exact. Only the mu, a fifteenth of a hectare, has no exact count; it
is rounded to the nearest millionth of a square metre, which gives every amount with six decimals back unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction
from types import MappingProxyType
from typing import Final

from heji_trace.errors import InvalidEvent, Problem
from heji_trace.vocabulary.normal_forms import normal

MASS: Final = "mass"
VOLUME: Final = "volume"
COUNT: Final = "count"
AREA: Final = "area"
DIMENSIONS: Final = (MASS, VOLUME, COUNT, AREA)

# 100,000 t, 100,000 m³, 10¹¹ pieces or 10¹¹ m² in one statement: ninety of them still sum within 64 bits.
MAX_AMOUNT: Final = 10**17

_AMOUNT = re.compile(r"(0|[1-9][0-9]{0,11})(\.[0-9]{1,6})?")
_MILLION = 10**6
_CONVERSION_STEPS = 4


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit: its short ASCII code, its size in millionths of its dimension's base unit, names and spellings."""

    code: str
    dimension: str
    size: Fraction
    zh: str
    en: str
    spellings: tuple[str, ...]


def _unit(code: str, dimension: str, size: int | Fraction, zh: str, en: str, spellings: str) -> Unit:
    return Unit(code, dimension, Fraction(size) * _MILLION, zh, en, (code, zh, en, *spellings.split()))


_UNITS = (
    _unit("g", MASS, 1, "克", "g", "gram grams"),
    _unit("kg", MASS, 1_000, "千克", "kg", "公斤 kgs kilo kilos kilogram kilograms kilogramme kilogrammes"),
    _unit("t", MASS, 1_000_000, "吨", "t", "公吨 ton tons tonne tonnes"),
    _unit("jin", MASS, 500, "斤", "jin", "市斤 catty catties"),
    _unit("liang", MASS, 50, "两", "liang", "市两 兩"),
    _unit("mL", VOLUME, 1, "毫升", "mL", "millilitre millilitres milliliter milliliters cc"),
    _unit("L", VOLUME, 1_000, "升", "L", "公升 litre litres liter liters"),
    _unit("m3", VOLUME, 1_000_000, "立方米", "m³", "方 立方 立方公尺"),
    _unit("piece", COUNT, 1, "个", "pieces", "枚 只 颗 粒 件 個 隻 pc pcs ea each egg eggs"),
    _unit("head", COUNT, 1, "头", "head", "匹 羽 口 頭 heads"),
    _unit("plant", COUNT, 1, "株", "plants", "棵 苗 plants"),
    _unit("carton", COUNT, 1, "箱", "cartons", "纸箱 carton case cases ctn"),
    _unit("box", COUNT, 1, "盒", "boxes", "礼盒 boxes"),
    _unit("bag", COUNT, 1, "袋", "bags", "包 sack sacks packet packets"),
    _unit("basket", COUNT, 1, "筐", "baskets", "篮 篓 框 crate crates"),
    _unit("tray", COUNT, 1, "板", "trays", "托 盘 蛋托"),
    _unit("bottle", COUNT, 1, "瓶", "bottles", ""),
    _unit("jar", COUNT, 1, "罐", "jars", "坛 can cans"),
    _unit("barrel", COUNT, 1, "桶", "barrels", "drum drums"),
    _unit("bundle", COUNT, 1, "把", "bundles", "捆 扎 束 bunch bunches"),
    _unit("portion", COUNT, 1, "份", "portions", ""),
    _unit("m2", AREA, 1, "平方米", "m²", "平米 平方 sqm"),
    _unit("mu", AREA, Fraction(2_000, 3), "亩", "mu", "市亩 畝"),
    _unit("ha", AREA, 10_000, "公顷", "ha", "hectare hectares"),
)
UNITS: Final[Mapping[str, Unit]] = MappingProxyType({unit.code: unit for unit in _UNITS})


def _folded(text: str) -> str:
    return normal("NFKC", text).strip().casefold()


_BY_SPELLING: Final = {_folded(spelling): unit.code for unit in _UNITS for spelling in unit.spellings}


def _refused(code: str, **names: object) -> InvalidEvent:
    return InvalidEvent([Problem("", code, names)])


def parse_unit(text: str) -> str:
    """The code in `UNITS` of what people write (斤, 公斤, KG, ㎡, 枚); raises InvalidEvent for anything else."""
    code = _BY_SPELLING.get(_folded(text))
    if code is None:
        raise _refused("unknown-unit", unit=text)
    return code


def unit_name(unit: str, language: str) -> str:
    """What people call `unit` (a code or a spelling) in `language` ("zh" or "en")."""
    found = UNITS[parse_unit(unit)]
    return found.zh if language == "zh" else found.en


def measures_alike(one: str, other: str) -> bool:
    """Whether two texts are units of the same dimension; what is no unit measures nothing."""
    try:
        return UNITS[parse_unit(one)].dimension == UNITS[parse_unit(other)].dimension
    except InvalidEvent:
        return False


def parse_amount(text: str) -> Decimal:
    """The number of a plain decimal text such as `0.020`, trailing zeros kept.

    ASCII digits only, at most 12 before and 6 after the point, no sign, exponent, leading zero or blank; raises
    InvalidEvent for anything else.
    """
    if not _AMOUNT.fullmatch(text):
        raise _refused("bad-amount", amount=text)
    return Decimal(text)


def _converted(unit: str, conversions: Mapping[str, tuple[Decimal, str]]) -> tuple[Fraction, Unit]:
    """How many of which unit of `UNITS` one `unit` of this product is, a product's own word coming first."""
    by_code = {parse_unit(name): step for name, step in conversions.items()}
    factor, code = Fraction(1), parse_unit(unit)
    for _ in range(_CONVERSION_STEPS):
        if code not in by_code:
            return factor, UNITS[code]
        times, target = by_code[code]
        factor, code = factor * Fraction(times), parse_unit(target)
    raise _refused("circular-conversion", unit=unit)


def to_base(
    quantity: Decimal, unit: str, conversions: Mapping[str, tuple[Decimal, str]] = MappingProxyType({})
) -> tuple[str, int]:
    """The dimension, and the amount in millionths of its base unit (g, mL, piece, m²).

    `conversions` are the product's own, such as `{"箱": (Decimal("5"), "kg")}`. Raises InvalidEvent for an unknown
    unit and for what is negative, finer than a millionth or over `MAX_AMOUNT`.
    """
    factor, known = _converted(unit, conversions)
    if not quantity.is_finite() or quantity < 0:
        raise _refused("bad-amount", amount=quantity)
    exact = Fraction(quantity) * factor * known.size
    amount = round(exact)
    if amount > MAX_AMOUNT:
        raise _refused("amount-too-large", amount=quantity, unit=unit)
    if amount != exact and known.code != "mu":
        raise _refused("amount-too-fine", amount=quantity, unit=unit)
    return known.dimension, amount


def from_base(dimension: str, amount: int, unit: str) -> Decimal:
    """`amount` millionths of the base unit of `dimension`, told in `unit`, without trailing zeros.

    Exact but for the mu, which is rounded to six decimals. Raises InvalidEvent where `unit` measures another dimension.
    """
    known = UNITS[parse_unit(unit)]
    if known.dimension != dimension:
        raise _refused("other-dimension", unit=unit)
    told = Fraction(amount) / known.size
    with localcontext() as context:
        context.prec = 60
        value = Decimal(told.numerator) / Decimal(told.denominator)
        if known.code == "mu":
            value = value.quantize(Decimal("0.000001"), ROUND_HALF_EVEN)
        return _plain(value)


def _plain(value: Decimal) -> Decimal:
    """Without trailing zeros and without exponent."""
    return value.quantize(Decimal(1)) if value == value.to_integral_value() else value.normalize()


def _unit_for_people(dimension: str, amount: int, language: str) -> str:
    size = abs(amount) // _MILLION
    if dimension == MASS:
        return "g" if size < 1_000 else "kg" if size < 10_000_000 else "t"
    if dimension == VOLUME:
        return "mL" if size < 1_000 else "L" if size < 10_000_000 else "m3"
    if dimension == AREA:
        if size < 100:
            return "m2"
        return "mu" if language == "zh" else "m2" if size < 10_000 else "ha"
    return "piece"


def dump_amount(dimension: str, amount: int, language: str) -> str:
    """An amount for people, such as `1,250.5 千克` or `3.2 mu`, in the unit they would say, with at most 3 decimals."""
    unit = _unit_for_people(dimension, amount, language)
    told = from_base(dimension, amount, unit)
    with localcontext() as context:
        context.prec = 60
        rounded = _plain(told.quantize(Decimal("0.001"), ROUND_HALF_EVEN)) + 0  # without the sign of -0
    return f"{rounded:,f} {unit_name(unit, language)}"
