from __future__ import annotations

import pytest

from heji_trace.vocabulary.divisions import local_place_of, place_of


@pytest.mark.parametrize(
    "code, zh, en",
    [
        ("44", "广东省", "Guangdong"),
        ("441821", "广东省清远市佛冈县", "Fogang County, Qingyuan, Guangdong"),
        ("441821104", "广东省清远市佛冈县高岗镇", "Gaogang, Fogang County, Qingyuan, Guangdong"),
        ("441821104203", "广东省清远市佛冈县高岗镇", "Gaogang, Fogang County, Qingyuan, Guangdong"),
        ("530102", "云南省", "Yunnan"),
        ("999999", "999999", "999999"),
    ],
)
def test_a_code_is_told_by_the_divisions_that_are_known(code: str, zh: str, en: str) -> None:
    assert place_of(code) == {"zh": zh, "en": en}


@pytest.mark.parametrize(
    "code, zh",
    [("441821104", "佛冈县高岗镇"), ("441821", "佛冈县"), ("4418", "广东省清远市"), ("44", "广东省")],
)
def test_a_local_place_leaves_province_and_city_out_where_something_is_left(code: str, zh: str) -> None:
    assert local_place_of(code)["zh"] == zh
