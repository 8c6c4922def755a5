from __future__ import annotations

from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heji_trace.errors import InvalidEvent
from heji_trace.vocabulary import units

AMOUNTS = st.decimals(min_value=0, max_value=10_000, places=6, allow_nan=False, allow_infinity=False)


def problem_of(refused: pytest.ExceptionInfo[InvalidEvent]) -> str:
    (problem,) = refused.value.problems
    assert problem.sentence("zh")
    assert problem.sentence("en")
    return problem.code


@pytest.mark.parametrize(
    "text, code",
    [
        ("斤", "jin"),
        ("市斤", "jin"),
        ("公斤", "kg"),
        ("千克", "kg"),
        ("KG", "kg"),
        ("Kg", "kg"),
        ("㎏", "kg"),
        ("ｋｇ", "kg"),
        (" kg ", "kg"),
        ("克", "g"),
        ("吨", "t"),
        ("两", "liang"),
        ("亩", "mu"),
        ("公顷", "ha"),
        ("㎡", "m2"),
        ("m²", "m2"),
        ("枚", "piece"),
        ("个", "piece"),
        ("只", "piece"),
        ("箱", "carton"),
        ("盒", "box"),
        ("袋", "bag"),
        ("头", "head"),
        ("株", "plant"),
        ("ML", "mL"),
        ("升", "L"),
        ("方", "m3"),
    ],
)
def test_what_people_write_is_understood(text: str, code: str) -> None:
    assert units.parse_unit(text) == code


@pytest.mark.parametrize("text", ["", " ", "磅", "kgs/mu", "毫克", "mg", "k g", "1kg"])
def test_an_unknown_unit_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(InvalidEvent) as refused:
        units.parse_unit(text)
    assert problem_of(refused) == "unknown-unit"


def test_every_code_and_name_is_a_spelling_of_its_own_unit_alone() -> None:
    for unit in units.UNITS.values():
        assert unit.dimension in units.DIMENSIONS
        assert unit.code.isascii()
        for spelling in unit.spellings:
            assert units.parse_unit(spelling) == unit.code


def test_units_have_names_in_both_languages() -> None:
    assert units.unit_name("kg", "zh") == "千克"
    assert units.unit_name("公斤", "en") == "kg"


@pytest.mark.parametrize("text", ["0", "0.020", "12", "12.50", "999999999999.999999", "0.000001"])
def test_an_amount_keeps_its_trailing_zeros(text: str) -> None:
    assert f"{units.parse_amount(text):f}" == text


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "1_0", "１２", "1E+400", "1e3", "-1", "+1", "1.", ".5", "01", "1,000", "1 ", "1\n", "NaN"),
        *("Infinity", "0x10", "٣", "1.0000000", "1234567890123", "1/2", "十"),
    ],
)
def test_what_is_not_a_plain_decimal_is_refused(text: str) -> None:
    with pytest.raises(InvalidEvent) as refused:
        units.parse_amount(text)
    assert problem_of(refused) == "bad-amount"


@given(st.text())
def test_amounts_and_units_raise_only_the_projects_errors(text: str) -> None:
    for parse in (units.parse_amount, units.parse_unit):
        with suppress(InvalidEvent):
            parse(text)


@pytest.mark.parametrize(
    "quantity, unit, expected",
    [
        ("1", "g", ("mass", 10**6)),
        ("1.5", "kg", ("mass", 1_500 * 10**6)),
        ("3", "斤", ("mass", 1_500 * 10**6)),
        ("0.000001", "g", ("mass", 1)),
        ("2", "L", ("volume", 2_000 * 10**6)),
        ("360", "枚", ("count", 360 * 10**6)),
        ("15", "亩", ("area", 10_000 * 10**6)),
        ("1", "ha", ("area", 10_000 * 10**6)),
    ],
)
def test_amounts_are_counted_in_millionths_of_the_base_unit(
    quantity: str, unit: str, expected: tuple[str, int]
) -> None:
    assert units.to_base(Decimal(quantity), unit) == expected


# What a unit of trade is in grams or pieces, said a second time and not read from the table.
TRADE = {
    "斤": ("mass", 500),
    "两": ("mass", 50),
    "公斤": ("mass", 1_000),
    "吨": ("mass", 1_000_000),
    "枚": ("count", 1),
    "头": ("count", 1),
    "羽": ("count", 1),
}


@given(AMOUNTS, st.sampled_from(sorted(TRADE)))
def test_units_of_trade_are_counted_exactly(quantity: Decimal, unit: str) -> None:
    dimension, size = TRADE[unit]
    assert units.to_base(quantity, unit) == (dimension, int(quantity * size * 10**6))


@given(AMOUNTS)
def test_jin_and_liang_and_tonnes_agree_with_each_other(quantity: Decimal) -> None:
    assert units.to_base(quantity * 10, "两") == units.to_base(quantity, "斤")
    assert units.to_base(quantity * 2, "斤") == units.to_base(quantity, "公斤")
    assert units.to_base(quantity / 1000, "吨") == units.to_base(quantity, "公斤")


@given(st.integers(0, 10_000), st.integers(1, 10**6), st.sampled_from(["斤", "公斤", "枚", "两"]))
def test_a_carton_is_as_many_of_its_unit_as_the_product_says(
    cartons: int, thousandths: int, unit: str
) -> None:
    each = Decimal(thousandths) / 1000
    conversions = {"箱": (each, unit)}
    dimension, size = TRADE[unit]
    assert units.to_base(Decimal(cartons), "箱", conversions) == (
        dimension,
        int(cartons * each * size * 10**6),
    )


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_cartons_add_up_to_their_weight_without_a_grain_lost(one: int, other: int) -> None:
    conversions = {"箱": (Decimal("12.5"), "斤")}
    total = units.to_base(Decimal(one + other), "箱", conversions)[1]
    parts = (units.to_base(Decimal(each), "箱", conversions)[1] for each in (one, other))
    assert total == sum(parts)


def test_fifteen_single_mu_are_a_hectare_but_for_the_rounding_of_each() -> None:
    _, one = units.to_base(Decimal(1), "mu")
    assert abs(15 * one - 10_000 * 10**6) <= 8


@given(AMOUNTS, st.sampled_from(sorted(units.UNITS)))
def test_an_amount_comes_back_in_its_unit(quantity: Decimal, unit: str) -> None:
    dimension, amount = units.to_base(quantity, unit)
    assert units.from_base(dimension, amount, unit) == quantity


@given(AMOUNTS, AMOUNTS, st.sampled_from(sorted(set(units.UNITS) - {"mu"})))
def test_sums_are_exact(one: Decimal, other: Decimal, unit: str) -> None:
    dimension, total = units.to_base(one + other, unit)
    assert total == units.to_base(one, unit)[1] + units.to_base(other, unit)[1]
    assert dimension == units.UNITS[unit].dimension


def test_a_product_tells_what_its_carton_holds() -> None:
    conversions = {"箱": (Decimal(5), "kg")}
    assert units.to_base(Decimal("1.5"), "箱", conversions) == ("mass", 7_500 * 10**6)
    assert units.to_base(Decimal("1.5"), "carton", conversions) == ("mass", 7_500 * 10**6)
    assert units.to_base(Decimal(3), "箱") == ("count", 3 * 10**6)


def test_conversions_follow_one_another() -> None:
    conversions = {"carton": (Decimal(12), "盒"), "box": (Decimal(500), "g")}
    assert units.to_base(Decimal(2), "箱", conversions) == ("mass", 12_000 * 10**6)


def test_conversions_in_a_circle_are_refused() -> None:
    with pytest.raises(InvalidEvent) as refused:
        units.to_base(Decimal(1), "箱", {"箱": (Decimal(2), "盒"), "盒": (Decimal(2), "箱")})
    assert problem_of(refused) == "circular-conversion"


@pytest.mark.parametrize(
    "quantity, unit, code",
    [
        ("-1", "kg", "bad-amount"),
        ("NaN", "kg", "bad-amount"),
        ("Infinity", "kg", "bad-amount"),
        ("0.0000001", "g", "amount-too-fine"),
        ("100001", "t", "amount-too-large"),
        ("1E+30", "g", "amount-too-large"),
        ("1", "磅", "unknown-unit"),
    ],
)
def test_an_amount_that_cannot_be_counted_is_refused(quantity: str, unit: str, code: str) -> None:
    with pytest.raises(InvalidEvent) as refused:
        units.to_base(Decimal(quantity), unit)
    assert problem_of(refused) == code


def test_ninety_of_the_largest_amounts_still_sum_within_64_bits() -> None:
    assert units.to_base(Decimal(100_000), "t") == ("mass", units.MAX_AMOUNT)
    assert 90 * units.MAX_AMOUNT < 2**63


def test_mass_is_not_told_in_pieces() -> None:
    with pytest.raises(InvalidEvent) as refused:
        units.from_base("mass", 10**6, "piece")
    assert problem_of(refused) == "other-dimension"


@pytest.mark.parametrize(
    "dimension, amount, zh, en",
    [
        ("mass", 0, "0 克", "0 g"),
        ("mass", 400_000, "0.4 克", "0.4 g"),
        ("mass", 1_250_500 * 10**6, "1,250.5 千克", "1,250.5 kg"),
        ("mass", 12_500_000 * 10**6, "12.5 吨", "12.5 t"),
        ("mass", -2_000 * 10**6, "-2 千克", "-2 kg"),
        ("mass", -1, "0 克", "0 g"),
        ("volume", 250 * 10**6, "250 毫升", "250 mL"),
        ("volume", 20_000 * 10**6, "20 升", "20 L"),
        ("count", 1_360 * 10**6, "1,360 个", "1,360 pieces"),
        ("area", 50 * 10**6, "50 平方米", "50 m²"),
        ("area", 2_133_333_333, "3.2 亩", "2,133.333 m²"),
        ("area", 20_000 * 10**6, "30 亩", "2 ha"),
    ],
)
def test_people_read_amounts_in_the_unit_they_would_say(
    dimension: str, amount: int, zh: str, en: str
) -> None:
    assert units.dump_amount(dimension, amount, "zh") == zh
    assert units.dump_amount(dimension, amount, "en") == en


@given(st.sampled_from(units.DIMENSIONS), st.integers(-(2**63), 2**63))
def test_every_amount_can_be_told(dimension: str, amount: int) -> None:
    for language in ("zh", "en"):
        assert "E" not in units.dump_amount(dimension, amount, language)
