from __future__ import annotations

from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heji_trace.errors import InvalidEvent
from heji_trace.events.kinds import KINDS, Kind
from heji_trace.events.kinds.examples import example_event
from heji_trace.events.schemas import parse_event
from heji_trace.events.sheets.posted import read_posted
from heji_web.events.filled import (
    Texts,
    add_row,
    local_text,
    name_anew,
    posted_texts,
    remembered_texts,
    texts_of,
)

FORMS = [kind for kind in KINDS.values() if kind.form]
PACKAGING = KINDS["packaging"]


def pairs(texts: Texts) -> list[tuple[str, str]]:
    return [(name, text) for name, values in texts.items() for text in values]


@pytest.mark.parametrize("kind", FORMS, ids=lambda kind: kind.name)
def test_an_event_shown_in_its_form_and_sent_again_says_the_same(kind: Kind) -> None:
    body = parse_event(example_event(kind)).body
    again = read_posted(kind, pairs(posted_texts(kind, pairs(texts_of(kind, body)))))
    again |= {"id": body["id"]}
    left_out = {"attachments", "acknowledged"}
    expected = {name: value for name, value in body.items() if name not in left_out}
    if kind.name == "correction":
        expected["details"] = {k: v for k, v in expected["details"].items() if k != "replacement"}
    assert parse_event(again).body == expected


def test_blank_lines_are_left_out_and_the_others_numbered_anew() -> None:
    given = [
        ("inputs.0.batch", " "),
        ("inputs.0.unit", "kg"),
        ("inputs.2.batch", "B-2"),
        ("inputs.7.quantity", "3"),
        ("inputs.7.unit", "kg"),
    ]
    texts = posted_texts(PACKAGING, given)
    assert texts == {"inputs.0.batch": ["B-2"], "inputs.1.quantity": ["3"], "inputs.1.unit": ["kg"]}


def test_the_only_line_of_a_needed_table_stays_so_that_its_fields_can_be_named() -> None:
    texts = posted_texts(PACKAGING, [("inputs.0.batch", ""), ("inputs.0.unit", "kg")])
    assert texts == {"inputs.0.batch": [""], "inputs.0.unit": ["kg"]}


def test_a_further_line_takes_over_what_is_likely_to_repeat() -> None:
    texts: Texts = {"outputs.0.batch": ["P-1"], "outputs.0.product": ["x"], "outputs.0.unit": ["kg"]}
    add_row(PACKAGING, texts, "outputs")
    assert texts["outputs.1.product"] == ["x"]
    assert texts["outputs.1.batch"] == [""]
    add_row(PACKAGING, texts, "no-such-table")
    assert "no-such-table.0.batch" not in texts


def test_a_new_batch_is_named_by_kind_and_day_without_signs_that_are_confused() -> None:
    texts: Texts = {}
    name_anew(KINDS["harvest"], texts, date(2026, 6, 12), lambda size: bytes(range(size)))
    assert texts == {"outputs.0.batch": ["H260612-23456"]}
    planted: Texts = {}
    name_anew(KINDS["planting"], planted, date(2026, 6, 12), lambda size: bytes(range(size)))
    assert planted == {"details.cycle": ["P260612-23456"]}
    name_anew(KINDS["sale"], texts, date(2026, 6, 12), bytes)
    assert len(texts) == 1


@pytest.mark.parametrize("kind", FORMS, ids=lambda kind: kind.name)
def test_no_quantity_date_or_result_is_remembered(kind: Kind) -> None:
    texts = remembered_texts(kind, parse_event(example_event(kind)).body)
    for name in texts:
        assert name.rpartition(".")[2] not in (
            "quantity",
            "value",
            "batch",
            "conclusion",
            "occurred_at",
            "note",
        )
    assert kind.area not in ("registers", "control") or texts == {}


def test_what_another_receiver_or_another_product_decides_is_not_remembered_out_of_sight() -> None:
    shipped = remembered_texts(KINDS["shipping"], parse_event(example_event(KINDS["shipping"])).body)
    assert "moves.0.to_organisation" in shipped
    assert "moves.0.to_site" not in shipped
    stored = remembered_texts(KINDS["storage"], parse_event(example_event(KINDS["storage"])).body)
    assert "moves.0.to_site" in stored
    used = remembered_texts(
        KINDS["input_application"], parse_event(example_event(KINDS["input_application"])).body
    )
    assert "details.name" in used
    assert used.keys().isdisjoint({"details.licence_number", "details.formulation", "details.target"})


def test_a_moment_is_shown_in_beijing_s_time() -> None:
    assert local_text("2026-06-11T23:40:00Z") == "2026-06-12T07:40"
    assert local_text("2026-06-12T07:40:05+08:00") == "2026-06-12T07:40:05"
    assert local_text("no moment") == "no moment"


NAMES = st.sampled_from(
    [
        "inputs.0.batch",
        "inputs.1.unit",
        "outputs.999.quantity",
        "inputs.x.y",
        "details.process",
        "site",
        "",
        "a" * 99,
    ]
)


@given(
    st.sampled_from(FORMS),
    st.lists(st.tuples(NAMES | st.text(max_size=30), st.text(max_size=30)), max_size=20),
)
def test_whatever_is_posted_is_read_or_refused(kind: Kind, posted: list[tuple[str, str]]) -> None:
    raw = read_posted(kind, pairs(posted_texts(kind, posted)))
    with suppress(InvalidEvent):
        parse_event(raw)
