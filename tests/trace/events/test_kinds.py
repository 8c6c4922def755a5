from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from heji_trace.events.kinds import ENVELOPE, KINDS, Kind, is_needed, parts_of
from heji_trace.events.kinds import fields as types
from heji_trace.events.kinds.document import dump_markdown
from heji_trace.events.kinds.examples import example_event
from heji_trace.events.kinds.forms import Control, controls_of
from heji_trace.events.kinds.openapi import json_schema
from heji_trace.events.kinds.words import ROLES
from heji_trace.events.schemas import parse_event, seal, unseal
from heji_trace.events.sheets.columns import columns_of, find_heading, find_kind

DOCS = Path(__file__).parents[3] / "docs"
EVERY_KIND = pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))


def needed_event(kind: Kind) -> dict[str, Any]:
    """The smallest event of the kind that has all that is always needed."""
    whole = example_event(kind)
    event = {name: value for name, value in whole.items() if is_needed(kind, name)}
    return event | {
        "details": {field.name: whole["details"][field.name] for field in kind.fields if field.required}
    }


def all_fields(kind: Kind) -> list[types.Field]:
    found: list[types.Field] = []
    for field in (*parts_of(kind), *kind.fields):
        found.append(field)
        if isinstance(field.type, types.Table) and isinstance(field.type.columns, tuple):
            found += field.type.columns
    return found


def test_every_kind_that_is_promised_is_there() -> None:
    assert set(KINDS) == {
        "organisation", "site", "product", "certificate", "instrument", "mandate", "edition",
        "planting", "stocking", "field_operation", "input_application", "harvest",
        "collection", "grading", "processing", "packaging", "conformity_certificate",
        "environment_test", "sampling", "testing",
        "precooling", "storage", "condition", "shipping", "receiving", "sale", "return", "disposal", "stock_count",
        "hold", "release", "recall", "recall_update", "objection", "correction",
        "label_issue", "label_bind", "label_void", "erasure", "log_gap",
    }  # fmt: skip


@EVERY_KIND
@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_example_of_each_kind_is_an_event(kind: Kind, language: str) -> None:
    event = parse_event(example_event(kind, language))
    assert event.kind == kind.name
    public, sealed = seal(event.body)
    assert unseal(public, sealed) == event.body


@EVERY_KIND
def test_an_example_holds_every_field_of_its_kind(kind: Kind) -> None:
    details = example_event(kind)["details"]
    assert set(details) == {field.name for field in kind.fields}


@EVERY_KIND
def test_what_is_needed_is_enough_where_no_sibling_asks_for_more(kind: Kind) -> None:
    event = needed_event(kind)
    if kind.name == "testing":
        event["details"]["status"] = "registered"
    assert parse_event(event).kind == kind.name


@EVERY_KIND
def test_each_kind_is_labelled_in_both_languages(kind: Kind) -> None:
    for field in all_fields(kind):
        assert re.search(r"[\u4e00-\u9fff]|GTIN|SHA", field.zh), field.name
        assert field.en.isascii(), field.name
        assert bool(field.help_zh) == bool(field.help_en)
        assert re.fullmatch(r"[a-z][a-z0-9_]*", field.name)
    assert kind.about_zh.endswith("。")
    assert kind.about_en.endswith(".")


@EVERY_KIND
def test_fields_of_one_object_have_names_of_their_own(kind: Kind) -> None:
    names = [field.name for field in kind.fields]
    assert len(names) == len(set(names))


@EVERY_KIND
def test_recorders_are_roles(kind: Kind) -> None:
    assert kind.recorders
    assert kind.recorders <= ROLES


@EVERY_KIND
def test_parts_are_of_the_envelope(kind: Kind) -> None:
    assert kind.needs | kind.permits <= set(ENVELOPE)
    assert not kind.needs & kind.permits


@EVERY_KIND
def test_choices_are_slugs_with_distinct_words(kind: Kind) -> None:
    for field in all_fields(kind):
        single = field.type.item if isinstance(field.type, types.ListOf) else field.type
        if isinstance(single, types.Choice):
            values = [option.value for option in single.options]
            assert all(re.fullmatch(r"[a-z][a-z0-9_]*", value) for value in values)
            for words in zip(*single.options, strict=True):
                assert len(set(words)) == len(words), field.name


@EVERY_KIND
def test_conditions_name_siblings_and_their_values(kind: Kind) -> None:
    fields = {field.name: field for field in kind.fields}
    for field in kind.fields:
        if field.required_when:
            sibling, values = field.required_when
            sought = fields[sibling].type
            assert not isinstance(sought, types.Choice) or set(values) <= {
                each.value for each in sought.options
            }
        if field.sealed_when:
            assert field.sealed_when[0] in fields
            assert field.public
    for earlier, later in kind.periods:
        assert isinstance(fields[earlier].type, types.Date)
        assert isinstance(fields[later].type, types.Date)


# The marks of interfaces.md, "Kinds" (● public by default); a change here changes what strangers may read.
PUBLIC = {
    "organisation": "code name subject_type roles uscc division_code status",
    "site": "code site_type organisation division_code area status",
    "product": "code name name_en commodity gtin net_content shelf_life_days claims standard grades pack_spec "
    "test_policy storage_band",
    "certificate": "scheme number holder products valid_from valid_to issuer checked_at",
    "mandate": "",
    "edition": "table edition rows source verified effective_from effective_to",
    "planting": "cycle crop variety planted_year",
    "stocking": "cycle species variety",
    "input_application": "input_type licence_number active_substances target formulation",
    "harvest": "grade",
    "collection": "process grade best_before use_by batch_number",
    "grading": "process grade best_before use_by batch_number",
    "processing": "process grade best_before use_by batch_number",
    "packaging": "process grade best_before use_by batch_number",
    "sampling": "purpose samples",
    "testing": "sample laboratory method method_class results conclusion status released_at",
    "shipping": "",
    "receiving": "inspection",
    "sale": "market",
    "hold": "reason",
    "release": "reason",
    "recall": "level ordered reason",
    "correction": "corrects reason",
    "label_issue": "product",
    "instrument": "code model methods calibrated_until",
    "field_operation": "operation",
    "environment_test": "medium results",
    "conformity_certificate": "product basis issued_at",
    "precooling": "temperature",
    "storage": "temperature",
    "condition": "",
    "return": "reason market",
    "disposal": "reason",
    "stock_count": "",
    "recall_update": "status level reason",
    "objection": "",
    "label_bind": "",
    "label_void": "",
    "erasure": "values ground",
    "log_gap": "checkpoint restored_size reason",
}


@EVERY_KIND
def test_only_what_is_meant_to_be_public_is(kind: Kind) -> None:
    assert {field.name for field in kind.fields if field.public} == set(PUBLIC[kind.name].split())


def test_of_the_envelope_quantities_notes_and_consignees_are_sealed() -> None:
    sealed = {
        pointer for kind in KINDS.values() for pointer in seal(parse_event(example_event(kind)).body)[1]
    }
    assert {"/outputs/0/quantity", "/outputs/0/unit", "/outputs/0/packages"} <= sealed
    assert {"/moves/0/to_organisation", "/moves/0/to_site", "/inputs/0/quantity"} <= sealed
    assert {part.name for part in ENVELOPE.values() if part.public} == {
        "id", "kind", "occurred_at", "ended_at", "organisation", "performed_by", "site", "cycles", "batches",
        "inputs", "outputs", "moves",
    }  # fmt: skip
    lines = [
        part.type.columns for part in ENVELOPE.values() if isinstance(part.type, types.Table) and part.public
    ]
    public = {
        column.name for columns in lines if isinstance(columns, tuple) for column in columns if column.public
    }
    assert public == {"batch", "product", "site"}


@EVERY_KIND
def test_a_form_shows_at_most_five_values_at_once(kind: Kind) -> None:
    assert 0 < len(kind.first) <= 5
    names = {".".join(column.path) for column in columns_of(kind)}
    assert set(kind.first) <= names


def unseen(control: Control) -> list[str]:
    columns = [f"{control.name}.{each.name}" for each in control.columns if each.required and not each.first]
    return columns if control.first else [control.name, *columns]


@EVERY_KIND
def test_a_form_hides_nothing_that_is_needed_and_not_filled_by_itself(kind: Kind) -> None:
    if not kind.form:
        return
    hidden = [
        name for each in controls_of(kind) if each.required and not each.prefill for name in unseen(each)
    ]
    assert hidden == []


@EVERY_KIND
def test_a_form_asks_for_each_field_once_and_begins_with_what_is_seen(kind: Kind) -> None:
    controls = controls_of(kind)
    names = [control.name for control in controls]
    assert len(set(names)) == len(names)
    seen = [control.first for control in controls]
    assert seen == sorted(seen, reverse=True)


@EVERY_KIND
def test_headings_are_distinct_and_lead_back_to_their_column(kind: Kind) -> None:
    columns = columns_of(kind)
    for column in columns:
        for heading in (column.zh, column.en, ".".join(column.path), column.zh + "*"):
            found = find_heading(kind, heading)
            assert found is not None
            assert found.column is column, heading


@EVERY_KIND
def test_the_name_of_a_kind_finds_it(kind: Kind) -> None:
    for name in (kind.name, kind.zh, kind.en, *kind.also):
        assert find_kind(f"佛冈县 {name} 2026.xlsx") is kind, name


def test_a_word_inside_another_names_no_kind() -> None:
    assert find_kind("wholesale prices") is None
    assert find_kind("记录") is None


@EVERY_KIND
def test_the_json_schema_states_the_same_as_the_parser(kind: Kind) -> None:
    schema = json_schema(kind)
    json.dumps(schema)
    assert set(schema["properties"]) == {part.name for part in parts_of(kind)} | {"details"}
    assert set(schema["required"]) - {"details"} == {
        part.name for part in parts_of(kind) if is_needed(kind, part.name)
    }
    details = schema["properties"]["details"]
    assert set(details["properties"]) == {field.name for field in kind.fields}
    assert {name for name, said in details["properties"].items() if "x-heji-sealed" not in said} == {
        field.name for field in kind.fields if field.public
    }
    for example in schema["examples"]:
        assert parse_event(example).kind == kind.name


def test_the_document_of_events_is_the_one_that_the_declarations_give() -> None:
    assert (DOCS / "events.md").read_text("utf-8") == dump_markdown(), (
        "run: python -m heji_trace.events.kinds.document > docs/events.md"
    )
