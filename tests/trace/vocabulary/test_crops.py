from __future__ import annotations

import tomllib
from importlib.resources import files

import pytest

from heji_trace.vocabulary.crops import find_crop_english, groups_of, is_group, is_kindred, is_same_crop

ROWS = tomllib.loads(files("heji_trace.vocabulary").joinpath("crops.toml").read_text("utf-8"))["groups"]


def test_a_crop_s_groups_come_the_narrowest_first() -> None:
    narrow, wide = groups_of("菜心")
    assert is_group("叶菜 leafy vegetables", narrow)
    assert is_group("蔬菜", wide)
    assert groups_of("不知名作物") == ()


def test_what_is_kept_may_itself_be_the_name_of_a_group() -> None:
    for animal in ("蛋鸡", "鸡"):
        narrow, wide = groups_of(animal)
        assert is_group("鸡 chicken", narrow)
        assert is_group("家禽", wide)
    assert find_crop_english("鸡") == "chicken"


@pytest.mark.parametrize(
    ("one", "other", "kindred"),
    [
        ("荔枝", "鲜荔枝", True),
        ("Fresh litchi", "荔枝", True),
        ("菜心", "蔬菜", True),
        ("水果", "荔枝", True),
        ("桂圆", "龙眼", True),
        ("水稻", "稻谷", True),
        ("-", "荔枝", True),
        ("荔枝", "龙眼", False),
        ("菜心", "小白菜", False),
        ("水稻", "大米", False),
        ("荔枝", "猪肉", False),
    ],
)
def test_names_of_goods_of_one_kind_have_something_in_common(one: str, other: str, kindred: bool) -> None:
    assert is_kindred(one, other) is is_kindred(other, one) is kindred


def test_a_crop_is_found_by_each_of_its_names_and_by_no_part_of_one() -> None:
    assert is_same_crop("普通白菜 pak choi", "小白菜")
    assert is_same_crop("荔枝 litchi", "荔枝")
    assert is_same_crop("不知名作物", "不知名作物")
    assert not is_same_crop("大白菜", "白菜")
    assert not is_same_crop("叶菜 leafy vegetables", "菜心")


def test_every_group_names_its_source_and_how_sure_it_is() -> None:
    assert [row["names"][0] for row in ROWS if not row["source"] or row["flag"] not in ("V", "V2", "M")] == []


def test_every_crop_has_one_group_and_every_wider_group_stands_in_the_table() -> None:
    names = [name for row in ROWS for crop in row["crops"] for name in crop]
    assert sorted(names) == sorted(set(names))
    known = {row["names"][0] for row in ROWS}
    assert {row["within"] for row in ROWS if "within" in row} <= known
    assert set(names) & {name for row in ROWS for name in row["names"]} == set()
