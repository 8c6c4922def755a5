from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, insert

from heji_migrations import upgrade
from heji_trace.store.db import Store
from heji_trace.store.lineage import ancestors, descendants, edges_within
from heji_trace.store.tables import edges

Pairs = list[tuple[str, str]]


@pytest.fixture(scope="module")
def connection(module_database_url: str) -> Iterator[Connection]:
    with closing(Store(module_database_url)) as store, store.write() as connection:
        upgrade.upgrade(connection)
        yield connection


def put(connection: Connection, pairs: Pairs, withdrawn: dict[int, int] | None = None) -> None:
    connection.execute(delete(edges))
    rows = [
        {
            "seq": seq,
            "parent": parent,
            "child": child,
            "flow": "split",
            "dimension": "mass",
            "amount": seq,
            "occurred_ms": seq,
            "withdrawn_seq": (withdrawn or {}).get(seq),
        }
        for seq, (parent, child) in enumerate(pairs)
    ]
    if rows:
        connection.execute(insert(edges), rows)


def reached(start: list[str], pairs: Pairs) -> list[str]:
    """By walking one step at a time, loops and all."""
    found: set[str] = set()
    waiting = list(start)
    while waiting:
        batch = waiting.pop()
        for near, far in pairs:
            if near == batch and far not in found:
                found.add(far)
                waiting.append(far)
    return sorted(found)


names = st.sampled_from([f"B{number}" for number in range(9)])
graphs = st.lists(st.tuples(names, names), max_size=25)


@settings(max_examples=150, deadline=None)
@given(pairs=graphs, start=st.lists(names, min_size=1, max_size=3, unique=True))
def test_walking_equals_brute_force_with_loops_and_all(
    connection: Connection, pairs: Pairs, start: list[str]
) -> None:
    put(connection, pairs)
    assert descendants(connection, start) == reached(start, pairs)
    assert ancestors(connection, start) == reached(start, [(child, parent) for parent, child in pairs])


@settings(max_examples=80, deadline=None)
@given(
    pairs=graphs,
    start=names,
    as_of=st.integers(-1, 60),
    withdrawn=st.dictionaries(st.integers(0, 24), st.integers(25, 50), max_size=8),
)
def test_what_was_known_at_a_time_can_still_be_asked(
    connection: Connection, pairs: Pairs, start: str, as_of: int, withdrawn: dict[int, int]
) -> None:
    put(connection, pairs, withdrawn)
    known = [pair for seq, pair in enumerate(pairs) if seq <= as_of < withdrawn.get(seq, 10**6)]
    assert descendants(connection, [start], as_of) == reached([start], known)
    everything = [start, *descendants(connection, [start], as_of)]
    found = edges_within(connection, everything, as_of)
    assert [(edge.parent, edge.child) for edge in found] == [
        (parent, child) for parent, child in known if parent in everything and child in everything
    ]


def test_a_chain_of_five_thousand_is_walked_to_its_end(connection: Connection) -> None:
    pairs = [(f"B{number:05d}", f"B{number + 1:05d}") for number in range(5000)]
    put(connection, pairs)
    assert len(descendants(connection, ["B00000"])) == 5000
    assert len(ancestors(connection, ["B05000"])) == 5000
    assert len(edges_within(connection, [f"B{number:05d}" for number in range(5001)])) == 5000


def test_a_start_of_thousands_is_asked_in_parts(connection: Connection) -> None:
    pairs = [(f"P{number}", f"C{number}") for number in range(2500)]
    put(connection, pairs)
    assert len(descendants(connection, [parent for parent, _ in pairs])) == 2500


def test_a_loop_leads_back_to_the_start(connection: Connection) -> None:
    put(connection, [("A", "B"), ("B", "A")])
    assert descendants(connection, ["A"]) == ["A", "B"]
