"""Which sealed values may be erased, for every kind there is: no read table keeps a copy, and none comes out different."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, Text, select

from heji_trace.effects.book import Entered
from heji_trace.effects.erasing import Target, clear_copies
from heji_trace.events.erasable import copied_paths, find_field, is_erasable, steps_of, without
from heji_trace.events.event import Event
from heji_trace.events.kinds import KINDS
from heji_trace.events.kinds.examples import example_event
from heji_trace.events.schemas import event_of, parse_event, seal, unseal
from heji_trace.known.state import State
from heji_trace.projection import project
from heji_trace.store import tables
from heji_trace.store.db import memory_database

IDS = [f"0197636e-95c0-7c3a-9d51-3f6a1c0e{at:04x}" for at in range(len(KINDS) * 2)]
TABLES_APART = {
    "accounts": "people who sign in: closed by `heji user close`, and no part of any event",
    "sessions": "random tokens, hashed",
    "tokens": "random tokens, hashed",
    "throttles": "hashed keys and counts",
    "imports": "emptied by every erasure",
    "imported": "loses the file's name where one of its entries is erased from",
}


def examples() -> list[Event]:
    """An event of each kind, and a correction that carries one; every value that may be erased is a mark of its own."""
    return [parse_event(marked(event)) for event in raw_examples()]


def raw_examples() -> Iterator[dict[str, Any]]:
    for at, kind in enumerate(KINDS.values()):
        raw = example_event(kind) | {"id": IDS[at]}
        raw |= {"note": "x", "attachments": [{"sha256": "0" * 64, "name": "x", "media_type": "x"}]}
        if kind.name == "correction":
            replacement = example_event(KINDS["organisation"]) | {"id": IDS[-1]}
            replacement["details"] |= {"subject_type": "farm_household"}
            raw["details"] |= {"corrects": [IDS[0]], "replacement": replacement}
        yield raw


def marked(raw: dict[str, Any]) -> dict[str, Any]:
    public, sealed = seal(parse_event(raw).body)
    values = {pointer: mark(public, pointer, value) for pointer, value in sealed.items()}
    return unseal(public, values)


def mark(public: dict[str, Any], pointer: str, value: Any) -> Any:
    field = find_field(public, pointer)
    assert field is not None, pointer
    if not is_erasable(field):
        return value
    words = f"mark-{public['kind']}-{steps_of(pointer)[-1]}-{public['id'][-4:]}"[:40]
    if isinstance(value, str) and not value[:1].isdecimal():
        return words
    if pointer == "/attachments":
        return [{**each, "name": words} for each in value]
    return value


@pytest.fixture
def connection() -> Iterator[Connection]:
    with memory_database() as opened:
        tables.metadata.create_all(opened, tables=list(tables.PROJECTIONS))
        yield opened


def enter(connection: Connection, events: list[Event]) -> State:
    state = State(connection)
    for seq, event in enumerate(events):
        project.apply(state, Entered(seq, event.occurred_ms, "someone", event), [])
    state.forget()
    return state


def erasable_pointers(event: Event) -> tuple[str, ...]:
    public, sealed = seal(event.body)
    found = {pointer: find_field(public, pointer) for pointer in sealed}
    return tuple(pointer for pointer, field in found.items() if field is not None and is_erasable(field))


def content(connection: Connection) -> dict[str, list[Any]]:
    return {
        table.name: sorted(map(tuple, connection.execute(select(table))), key=str)
        for table in tables.PROJECTIONS
    }


def marked_columns(connection: Connection) -> set[str]:
    return {
        f"{table.name}.{column.name}"
        for table in tables.PROJECTIONS
        for column in table.columns
        if isinstance(column.type, Text)
        and connection.execute(select(column).where(column.contains("mark-"))).first()
    }


def test_words_are_copied_into_columns_that_say_so_and_no_others(connection: Connection) -> None:
    enter(connection, examples())
    erasable = {
        f"{table.name}.{column.name}"
        for table in tables.PROJECTIONS
        for column in table.columns
        if column.info == tables.ERASABLE
    }
    assert marked_columns(connection) == erasable


def test_an_erasure_leaves_no_copy_and_what_is_made_again_is_the_same(connection: Connection) -> None:
    events = examples()
    state = enter(connection, events)
    targets = [Target(seq, event.kind, erasable_pointers(event)) for seq, event in enumerate(events)]
    clear_copies(state, targets)
    assert marked_columns(connection) == set()
    erased = []
    for event in events:
        public, sealed = seal(event.body)
        left = {
            pointer: value for pointer, value in sealed.items() if pointer not in erasable_pointers(event)
        }
        erased.append(event_of(unseal(public, left)))
    with memory_database() as again:
        tables.metadata.create_all(again, tables=list(tables.PROJECTIONS))
        enter(again, erased)
        assert content(again) == content(connection)


@pytest.mark.parametrize("kind", KINDS)
def test_every_sealed_value_of_a_kind_has_its_declaration(kind: str) -> None:
    [event] = [each for each in examples() if each.kind == kind]
    for pointer in seal(event.body)[1]:
        assert find_field(event.body, pointer) is not None, pointer


@pytest.mark.parametrize(
    "kind, pointer",
    [
        ("organisation", "/details/contact"),
        ("organisation", "/details/member_of"),
        ("site", "/details/name"),
        ("site", "/details/location"),
        ("sampling", "/details/sampler"),
        ("testing", "/details/tester"),
        ("testing", "/details/verifier"),
        ("sale", "/details/counterparty"),
        ("sale", "/details/price"),
        ("shipping", "/details/vehicle"),
        ("harvest", "/note"),
        ("harvest", "/attachments"),
        ("correction", "/details/replacement/details/contact"),
    ],
)
def test_what_tells_of_a_person_may_go(kind: str, pointer: str) -> None:
    [event] = [each for each in examples() if each.kind == kind]
    field = find_field(event.body, pointer)
    assert field is not None
    assert is_erasable(field)


@pytest.mark.parametrize(
    "kind, pointer",
    [
        ("harvest", "/outputs/0/quantity"),
        ("harvest", "/outputs/0/unit"),
        ("shipping", "/moves/0/to_organisation"),
        ("shipping", "/details/carrier"),
        ("product", "/details/conversions"),
        ("input_application", "/details/name"),
        ("input_application", "/details/withdrawal_days"),
        ("label_issue", "/details/trace_code"),
        ("release", "/details/hold"),
        ("mandate", "/details/to"),
    ],
)
def test_what_accounts_and_warnings_rest_on_stays(kind: str, pointer: str) -> None:
    [event] = [each for each in examples() if each.kind == kind]
    field = find_field(event.body, pointer)
    assert field is not None
    assert not is_erasable(field)


@pytest.mark.parametrize(
    "pointer", ["", "/", "note", "/nothing", "/note/0", "/outputs/0", "/outputs/0/quantity/x", "/details/x/y"]
)
def test_a_pointer_that_leads_nowhere_has_no_declaration(pointer: str) -> None:
    [event] = [each for each in examples() if each.kind == "harvest"]
    assert find_field(event.body, pointer) is None


def test_members_are_taken_out_along_their_path_and_nothing_else() -> None:
    data = {"a": 1, "rows": [{"b": 2, "c": 3}], "d": {"e": 4}}
    paths = [["a"], ["rows", "0", "b"], ["d", "x"], ["rows", "7", "b"], ["rows", "x", "b"], ["a", "b", "c"]]
    assert without(data, paths) == {"rows": [{"c": 3}], "d": {"e": 4}}


def test_a_correction_keeps_the_details_of_what_replaces() -> None:
    pointers = ["/details/replacement/details/name", "/details/replacement/note", "/note", "/details/a~1b"]
    assert [*copied_paths("correction", pointers)] == [["name"], ["a/b"]]
    assert [*copied_paths("sale", ["/details/price", "/note"])] == [["price"]]


def test_every_table_beside_the_ledger_says_what_an_erasure_does_with_it() -> None:
    apart = {
        name
        for name, table in tables.metadata.tables.items()
        if table not in tables.LEDGER and table not in tables.PROJECTIONS
    }
    assert apart == TABLES_APART.keys()


def test_every_column_of_facts_says_whether_it_copies_what_is_sealed() -> None:
    # What an environment test found is public.
    unmarked = {
        table.name
        for table in tables.PROJECTIONS
        for column in table.columns
        if column.name == "data" and column.info not in (tables.ERASABLE, tables.KEPT)
    }
    assert unmarked == {"environment"}
