from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heji_trace.errors import InvalidEvent
from heji_trace.events.kinds import KINDS
from heji_trace.events.kinds.examples import example_event
from heji_trace.events.schemas import MOST_PROBLEMS, parse_event, seal, unseal

HARVEST: dict[str, Any] = {
    "id": "0197636e-95c0-7c3a-9d51-3f6a1c0e2b11",
    "kind": "harvest",
    "occurred_at": "2026-06-12T07:40:00.25+08:00",
    "organisation": "fg-litchi-coop",
    "cycles": ["2026-litchi-031"],
    "outputs": [{"batch": "LZ-1", "product": "litchi", "quantity": "120.50", "unit": "kg"}],
    "details": {"method": "人工剪采", "grade": "统货"},
    "note": "雨后\n第二天",
}


def changed(**parts: Any) -> dict[str, Any]:
    return {name: value for name, value in {**copy.deepcopy(HARVEST), **parts}.items() if value is not ...}


def line(**parts: Any) -> dict[str, Any]:
    row = {**HARVEST["outputs"][0], **parts}
    return changed(outputs=[{name: value for name, value in row.items() if value is not ...}])


def problems_of(raw: object) -> list[tuple[str, str]]:
    with pytest.raises(InvalidEvent) as refused:
        parse_event(raw)
    for problem in refused.value.problems:
        assert problem.sentence("zh")
        assert problem.sentence("en")
    return [(problem.pointer, problem.code) for problem in refused.value.problems]


def test_an_event_keeps_its_time_as_sent_and_its_trailing_zeros() -> None:
    event = parse_event(HARVEST)
    assert event.occurred_at == "2026-06-12T07:40:00.25+08:00"
    assert event.occurred_ms == 1781221200250
    assert event.body["outputs"][0]["quantity"] == "120.50"
    assert event.outputs[0].quantity == Decimal("120.50")
    assert event.body == HARVEST


def test_absent_and_null_parts_are_left_out() -> None:
    event = parse_event(changed(site=None, note=None))
    assert "site" not in event.body
    assert "note" not in event.body
    assert event.site is None
    assert event.inputs == ()


def test_text_is_brought_to_one_form() -> None:
    assert parse_event(changed(note="e\u0301")).note == "\u00e9"


def test_a_uuid_has_one_spelling() -> None:
    assert parse_event(changed(id=HARVEST["id"].upper())).id == HARVEST["id"]


def test_a_unit_may_be_spelled_as_people_do_and_is_recorded_by_its_code() -> None:
    assert parse_event(line(unit="公斤")).outputs[0].unit == "kg"


def test_all_problems_are_told_at_once_with_their_places() -> None:
    raw = changed(
        occurred_at="2026-06-12T07:40:00",
        outputs=[{"batch": "a b", "product": "x", "quantity": 1, "unit": "kg"}, 3],
        details={"method": "", "metod": "x"},
    )
    assert problems_of(raw) == [
        ("/occurred_at", "bad-moment"),
        ("/outputs/0/batch", "bad-batch"),
        ("/outputs/0/quantity", "number-not-text"),
        ("/outputs/1", "not-an-object"),
        ("/details/method", "blank-text"),
        ("/details/metod", "unknown-field"),
    ]


@pytest.mark.parametrize(
    "raw, pointer, code",
    [
        ([], "", "not-an-object"),
        (None, "", "not-an-object"),
        ({}, "/kind", "missing-field"),
        ({"kind": "harvests"}, "/kind", "unknown-kind"),
        ({"kind": ["harvest"]}, "/kind", "unknown-kind"),
        (changed(id=...), "/id", "missing-field"),
        (changed(id="1"), "/id", "bad-identifier"),
        (changed(organisation="佛冈"), "/organisation", "bad-code"),
        (changed(organisation="fg\n"), "/organisation", "bad-code"),
        (changed(organisation="x" * 41), "/organisation", "too-long"),
        (changed(organisation=7), "/organisation", "not-text"),
        (changed(occurred_at="2026-06-12T07:40:00+08:00\n"), "/occurred_at", "bad-moment"),
        (changed(occurred_at="2026-02-30T07:40:00Z"), "/occurred_at", "bad-moment"),
        (changed(occurred_at="0001-01-01T00:00:00+14:00"), "/occurred_at", "bad-moment"),
        (changed(occurred_at="２０２６-06-12T07:40:00Z"), "/occurred_at", "bad-moment"),
        (changed(ended_at="2026-06-12T07:39:00+08:00"), "/ended_at", "ends-before-start"),
        (changed(cycles=[]), "/cycles", "empty-list"),
        (changed(cycles="2026-litchi-031"), "/cycles", "not-a-list"),
        (changed(cycles=["a", "a"]), "/cycles", "repeated-item"),
        (changed(cycles=["a", 1]), "/cycles/1", "not-text"),
        (changed(cycles=[str(each) for each in range(201)]), "/cycles", "too-many-items"),
        (changed(outputs=...), "/outputs", "missing-field"),
        (changed(outputs=[{}] * 501), "/outputs", "too-many-items"),
        (changed(outputs={}), "/outputs", "not-a-list"),
        (changed(inputs=[]), "/inputs", "part-not-used"),
        (changed(details=[]), "/details", "not-an-object"),
        (changed(note=" \n"), "/note", "blank-text"),
        (changed(note="a\tb"), "/note", "control-character"),
        (changed(note="a\x00b"), "/note", "control-character"),
        (changed(note="\ud800"), "/note", "control-character"),
        (changed(note="不\u202e全安"), "/note", "control-character"),
        (changed(note="荔枝\u200b合作社"), "/note", "control-character"),
        (changed(note="荔\u2060枝"), "/note", "control-character"),
        (changed(note="co\u00adop"), "/note", "control-character"),
        (changed(note="枝\U000e0041"), "/note", "control-character"),
        (changed(note="\u200d\u3000"), "/note", "blank-text"),
        (changed(note="\u3164"), "/note", "control-character"),
        (changed(details={"method": "a\nb"}), "/details/method", "control-character"),
        (changed(**{"a/b~c": 1}), "/a~1b~0c", "unknown-field"),
        (line(batch="LZ-1\n"), "/outputs/0/batch", "bad-batch"),
        (line(batch="x" * 21), "/outputs/0/batch", "bad-batch"),
        (line(quantity=120.5), "/outputs/0/quantity", "number-not-text"),
        (line(quantity="1_0"), "/outputs/0/quantity", "bad-number"),
        (line(quantity="１２"), "/outputs/0/quantity", "bad-number"),
        (line(quantity="1E+400"), "/outputs/0/quantity", "bad-number"),
        (line(quantity="-1"), "/outputs/0/quantity", "bad-number"),
        (line(quantity="+1"), "/outputs/0/quantity", "bad-number"),
        (line(quantity="NaN"), "/outputs/0/quantity", "bad-number"),
        (line(quantity="01"), "/outputs/0/quantity", "bad-number"),
        (line(quantity="0.00"), "/outputs/0/quantity", "not-positive"),
        (line(unit="bushel"), "/outputs/0/unit", "bad-unit"),
        (line(product=...), "/outputs/0/product", "missing-field"),
        (line(packages=1.0), "/outputs/0/packages", "not-whole"),
        (line(packages=True), "/outputs/0/packages", "not-whole"),
        (line(packages="3"), "/outputs/0/packages", "not-whole"),
        (line(packages=-1), "/outputs/0/packages", "whole-out-of-range"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_named(raw: object, pointer: str, code: str) -> None:
    assert (pointer, code) in problems_of(raw)


def register(kind: str, **details: Any) -> dict[str, Any]:
    event = example_event(KINDS[kind])
    event["details"] = {key: each for key, each in {**event["details"], **details}.items() if each is not ...}
    return event


@pytest.mark.parametrize(
    "raw, pointer, code",
    [
        (register("product", gtin="6901234567893"), "/details/gtin", "bad-identifier"),
        (register("organisation", uscc="93441821MA00TE5T2U"), "/details/uscc", "bad-identifier"),
        (register("organisation", roles=[]), "/details/roles", "empty-list"),
        (register("organisation", roles=["boss"]), "/details/roles/0", "not-a-choice"),
        (register("organisation", subject_type="企业"), "/details/subject_type", "not-a-choice"),
        (register("site", division_code="44182"), "/details/division_code", "bad-identifier"),
        (register("product", balance_tolerance="100.5"), "/details/balance_tolerance", "number-over"),
        (register("product", shelf_life_days=0), "/details/shelf_life_days", "whole-out-of-range"),
        (register("certificate", valid_to="2024-03-01"), "/details/valid_to", "ends-before-start"),
        (register("certificate", valid_from="2026-2-1"), "/details/valid_from", "bad-date"),
        (register("certificate", valid_from="2026-02-29"), "/details/valid_from", "bad-date"),
        (register("mandate", revoked="yes"), "/details/revoked", "not-a-flag"),
        (register("mandate", revoked=0), "/details/revoked", "not-a-flag"),
        (register("edition", rows=[{"Days": "1"}]), "/details/rows/0/Days", "bad-name"),
        (register("edition", rows=[{"days": 1}]), "/details/rows/0/days", "not-text"),
        (register("edition", rows=[[]]), "/details/rows/0", "not-an-object"),
        (register("recall", level=4), "/details/level", "whole-out-of-range"),
        (register("recall", level="1"), "/details/level", "not-whole"),
        (register("sale", price="16.8.0"), "/details/price", "bad-money"),
        (register("testing", conclusion=...), "/details/conclusion", "missing-beside"),
        (register("testing", results=[]), "/details/results", "missing-beside"),
        (register("packaging", loss_unit=...), "/details/loss_unit", "missing-beside"),
        (register("release", hold=...), "/details/hold", "missing-field"),
        (register("sampling", samples=[{"batch": "B"}]), "/details/samples/0/sample", "missing-field"),
        (
            register("recall_update", consignees=[{"organisation": "shop", "returned": "120"}]),
            "/details/consignees/0/unit",
            "missing-beside",
        ),
    ],
)
def test_details_that_cannot_be_read_are_named(raw: object, pointer: str, code: str) -> None:
    assert (pointer, code) in problems_of(raw)


def test_details_that_are_left_out_are_told_by_what_is_missing_in_them() -> None:
    without = {name: part for name, part in example_event(KINDS["hold"]).items() if name != "details"}
    for raw in (without, without | {"details": None}, without | {"details": {}}):
        assert problems_of(raw) == [("/details/reason", "missing-field")]


def test_a_sample_that_is_only_received_needs_no_result() -> None:
    event = register(
        "testing", status="registered", results=..., conclusion=..., method=..., method_class=...
    )
    assert parse_event(event).details["status"] == "registered"


def test_a_row_without_figures_needs_no_unit_and_a_unit_that_is_wrong_is_told_once() -> None:
    row = {"organisation": "shop", "notified_at": "2026-06-20T10:00:00+08:00"}
    assert (
        parse_event(register("recall_update", consignees=[row])).details["consignees"][0].keys() == row.keys()
    )
    wrong = register("recall_update", consignees=[{"organisation": "shop", "sold": "1", "unit": "?"}])
    assert problems_of(wrong) == [("/details/consignees/0/unit", "bad-unit")]


def test_problems_are_not_told_without_end() -> None:
    assert len(problems_of(changed(**{f"x{each}": 1 for each in range(1000)}))) == MOST_PROBLEMS


def test_a_correction_carries_the_right_record_or_none() -> None:
    withdrawn = register("correction", replacement=None)
    assert "replacement" not in parse_event(withdrawn).details
    assert parse_event(register("correction", replacement=HARVEST)).details["replacement"] == HARVEST


def test_problems_of_a_replacement_have_their_places_in_the_correction() -> None:
    assert problems_of(register("correction", replacement=changed(id=..., cycles=[1]))) == [
        ("/details/replacement/id", "missing-field"),
        ("/details/replacement/cycles/0", "not-text"),
    ]


def test_a_correction_inside_a_correction_is_refused() -> None:
    inner = register("correction", replacement=None)
    assert problems_of(register("correction", replacement=inner)) == [
        ("/details/replacement", "correction-in-correction")
    ]


def test_a_replacement_is_sealed_by_the_marks_of_its_own_kind() -> None:
    public, sealed = seal(parse_event(register("correction", replacement=HARVEST)).body)
    assert public["details"]["replacement"]["outputs"] == [{"batch": "LZ-1", "product": "litchi"}]
    assert sealed["/details/replacement/outputs/0/quantity"] == "120.50"
    assert sealed["/details/replacement/details/method"] == "人工剪采"


def test_sealed_values_leave_their_objects_behind() -> None:
    event = register("receiving", rejected=..., inspection=..., shipping=HARVEST["id"])
    event["moves"] = [
        {"batch": "B-1", "quantity": "1", "unit": "kg"},
        {"batch": "B-2", "quantity": "2", "unit": "kg"},
    ]
    public, sealed = seal(parse_event(event).body)
    assert public["details"] == {}
    assert public["moves"] == [{"batch": "B-1"}, {"batch": "B-2"}]
    assert sealed["/moves/1/quantity"] == "2"


def test_the_name_of_a_household_is_sealed_and_that_of_a_company_is_not() -> None:
    company, _ = seal(parse_event(register("organisation")).body)
    household, sealed = seal(parse_event(register("organisation", subject_type="farm_household")).body)
    assert "name" in company["details"]
    assert "name" not in household["details"]
    assert "/details/name" in sealed


def test_a_sealed_value_that_was_erased_is_simply_absent() -> None:
    public, sealed = seal(parse_event(HARVEST).body)
    del sealed["/note"]
    assert unseal(public, sealed) == {name: value for name, value in HARVEST.items() if name != "note"}


@pytest.mark.parametrize(
    "pointer", ["", "/outputs/1/quantity", "/outputs/x/unit", "/outputs/0", "/site/x", "/id/x"]
)
def test_a_pointer_that_leads_nowhere_is_refused(pointer: str) -> None:
    public, _ = seal(parse_event(HARVEST).body)
    with pytest.raises(InvalidEvent):
        unseal(public, {pointer: "x"})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.floats(),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=6), below, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_any_json_at_all_gives_an_event_or_the_project_s_own_refusal(raw: object) -> None:
    assert problems_of(raw)


@st.composite
def mangled(draw: st.DrawFn) -> dict[str, Any]:
    """An example of some kind, with one value anywhere in it replaced by anything, or one name added."""
    event = example_event(KINDS[draw(st.sampled_from(sorted(KINDS)))])
    holder: Any = event
    while True:
        if isinstance(holder, dict):
            key: Any = draw(st.sampled_from([*sorted(holder), "new"]))
        else:
            key = draw(st.integers(0, len(holder) - 1))
        below = holder.get(key) if isinstance(holder, dict) else holder[key]
        if isinstance(below, (dict, list)) and below and draw(st.booleans()):
            holder = below
            continue
        holder[key] = draw(JSON)
        return event


@settings(max_examples=300)
@given(mangled())
def test_a_mangled_event_is_refused_by_name_or_survives_sealing(raw: dict[str, Any]) -> None:
    before = copy.deepcopy(raw)
    try:
        event = parse_event(raw)
    except InvalidEvent:
        assert problems_of(raw)
    else:
        public, sealed = seal(event.body)
        assert unseal(public, sealed) == event.body
        assert parse_event(event.body).body == event.body
    assert repr(raw) == repr(before), "the parser must not change what it was given"


def read_at(temperature: object) -> dict[str, Any]:
    """A series of one reading."""
    event = example_event(KINDS["condition"])
    event["details"]["readings"] = [{"at": "2026-06-12T08:00:00+08:00", "temperature": temperature}]
    return event


@pytest.mark.parametrize("text", ["0", "4", "-18", "3.5", "-0.5", "-40.25", "121.1"])
def test_a_temperature_is_kept_as_it_was_written(text: str) -> None:
    assert parse_event(read_at(text)).details["readings"][0]["temperature"] == text


@pytest.mark.parametrize(
    "text", ["", "-0", "04", "+4", "4.", ".5", "1e2", "４", "4 ", "4\n", "-", "1000", "1.234", "NaN"]
)
def test_what_is_no_plain_temperature_is_refused(text: str) -> None:
    with pytest.raises(InvalidEvent) as refused:
        parse_event(read_at(text))
    assert [problem.code for problem in refused.value.problems] == ["bad-temperature"]


def test_a_temperature_as_a_number_is_refused() -> None:
    with pytest.raises(InvalidEvent) as refused:
        parse_event(read_at(3.5))
    assert [problem.code for problem in refused.value.problems] == ["number-not-text"]


def test_what_may_be_chosen_is_told_in_the_words_of_the_reader() -> None:
    with pytest.raises(InvalidEvent) as refused:
        parse_event(register("organisation", subject_type="企业公司"))
    (problem,) = refused.value.problems
    assert "企业（enterprise）、合作社（cooperative）、" in problem.sentence("zh")
    assert "enterprise, cooperative, " in problem.sentence("en")
