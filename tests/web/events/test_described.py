from __future__ import annotations

from typing import Any

import pytest

from heji_trace.events.kinds import KINDS, parts_of
from heji_trace.events.kinds.examples import example_event
from heji_web.events.described import Fact, facts_of, kind_name

LANGUAGES = ("zh", "en")


def fact(body: dict[str, Any], label: str, language: str = "zh") -> Fact:
    [found] = [each for each in facts_of(body, language) if each.label == label]
    return found


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", sorted(KINDS))
def test_everything_that_an_event_of_any_kind_says_is_told_under_its_label(name: str, language: str) -> None:
    kind = KINDS[name]
    body = example_event(kind, language)
    said = {
        getattr(field, language)
        for fields, values in ((parts_of(kind), body), (kind.fields, body["details"]))
        for field in fields
        if field.name in values and field.name not in ("id", "kind", "acknowledged", "attachments")
    }
    facts = facts_of(body, language)
    # What replaces a statement is told part by part.
    assert said == {each.label.partition(" · ")[0] for each in facts}
    for each in facts:
        assert bool(each.text) != bool(each.rows), each
        assert all(len(row) == len(each.headings) for row in each.rows), each


def test_a_table_of_free_columns_has_those_that_any_row_names() -> None:
    body = {
        "kind": "edition",
        "details": {"rows": [{"作物": "荔枝", "限量": "0.5"}, {"作物": "柑橘", "备注": "全果"}]},
    }
    shown = fact(body, "内容")
    assert shown.headings == ("作物", "限量", "备注")
    assert shown.rows == (("荔枝", "0.5", ""), ("柑橘", "", "全果"))


def test_a_table_has_only_the_columns_that_say_something_and_gaps_where_a_row_says_nothing() -> None:
    lines = [
        {"batch": "A1", "quantity": "5", "unit": "jin"},
        {"batch": "A2", "quantity": "6", "unit": "kg", "packages": 3},
    ]
    shown = fact({"kind": "sale", "moves": lines}, "货物")
    assert [row[0] for row in shown.rows] == ["A1", "A2"]
    assert [row[-1] for row in shown.rows] == ["", "3"]
    assert [row[2] for row in shown.rows] == ["斤", "千克"]
    assert len(shown.headings) == 4


@pytest.mark.parametrize(
    "language, label, ordered", [("zh", "责令召回", ("是", "否")), ("en", "Ordered", ("yes", "no"))]
)
def test_yes_and_no_are_told_in_the_reader_s_words(
    language: str, label: str, ordered: tuple[str, str]
) -> None:
    for value, word in zip((True, False), ordered, strict=True):
        assert fact({"kind": "recall", "details": {"ordered": value}}, label, language).text == word


@pytest.mark.parametrize(
    "language, between, cut", [("zh", "、", "… （共 60 项）"), ("en", ", ", "… (60 in all)")]
)
def test_a_list_is_told_in_one_line_and_a_long_one_with_its_count(
    language: str, between: str, cut: str
) -> None:
    names = [kind_name(KINDS[each], language) for each in ("harvest", "planting")]
    [shown] = facts_of({"kind": "mandate", "details": {"kinds": ["harvest", "planting"]}}, language)
    assert shown.text == between.join(names)
    many = [f"id-{at}" for at in range(60)]
    [shown] = facts_of({"kind": "correction", "details": {"corrects": many}}, language)
    assert shown.text == between.join([*many[:50], cut])


def test_a_kind_that_this_version_does_not_know_is_told_as_it_stands() -> None:
    [shown] = facts_of({"kind": "mandate", "details": {"kinds": ["harvest", "moonlight"]}}, "zh")
    assert shown.text == "采收、moonlight"
