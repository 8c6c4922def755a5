from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, insert

from heji_migrations import upgrade
from heji_trace.store.db import Store
from heji_trace.store.tables import batches, edges, entries
from heji_trace.tracing.tracing import Trace, trace_of

PAIRS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=24)


@pytest.fixture(scope="module")
def store(module_database_url: str) -> Iterator[Store]:
    store = Store(module_database_url)
    with store.write() as connection:
        upgrade.upgrade(connection)
        # Only their hashes are cited here; whether they verify is told elsewhere.
        blank = {"entry": b"{}", "record": b"{}", "record_salt": b""}
        connection.execute(insert(entries), [{"seq": at, "event_id": str(at), **blank} for at in range(5000)])
    yield store
    store.close()


def lay(connection: Connection, pairs: list[tuple[int, int]], count: int) -> None:
    """Batches `b0`… and an edge for each pair (parent, child)."""
    connection.execute(delete(batches))
    connection.execute(delete(edges))
    facts = {"kind": "grading", "product": "p", "organisation": "o", "made_ms": 0, "unknown_origin": 0}
    connection.execute(
        insert(batches),
        [{"batch": f"b{at}", "made_seq": at, "version": at, **facts} for at in range(count)],
    )
    rows = [
        {
            "seq": seq,
            "parent": f"b{parent}",
            "child": f"b{child}",
            "flow": "merge",
            "dimension": "mass",
            "amount": 1,
            "occurred_ms": 0,
        }
        for seq, (parent, child) in enumerate(pairs)
    ]
    if rows:
        connection.execute(insert(edges), rows)


def walk(pairs: list[tuple[int, int]], start: int, end: int | None, *, upwards: bool) -> dict[str, int]:
    """Brute force: distances by spreading until nothing new is reached, `end` entries of the ledger known."""
    known = [(child, parent) if upwards else (parent, child) for parent, child in pairs[:end]]
    reached = {start: 0}
    for distance in range(len(pairs) + 1):
        for near, far in known:
            if reached.get(near) == distance:
                reached.setdefault(far, distance + 1)
    return {f"b{at}": distance for at, distance in reached.items()}


def sides(trace: Trace) -> tuple[dict[str, int], dict[str, int]]:
    ups = {row.batch: row.up for row in trace.rows if row.up is not None}
    downs = {row.batch: row.down for row in trace.rows if row.down is not None}
    return ups, downs


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PAIRS)
def test_a_trace_reaches_what_brute_force_reaches_loops_included(
    store: Store, pairs: list[tuple[int, int]]
) -> None:
    with store.write() as connection:
        lay(connection, pairs, 10)
        trace = trace_of(connection, "b0", "both")
    assert trace is not None
    assert sides(trace) == (walk(pairs, 0, None, upwards=True), walk(pairs, 0, None, upwards=False))
    assert len(trace.rows) == len({row.batch for row in trace.rows})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PAIRS, st.integers(9, 40))
def test_an_earlier_trace_knows_the_edges_of_its_time_alone(
    store: Store, pairs: list[tuple[int, int]], as_of: int
) -> None:
    with store.write() as connection:
        lay(connection, pairs, 10)
        up = trace_of(connection, "b0", "up", as_of)
        down = trace_of(connection, "b0", "down", as_of)
    assert up is not None
    assert down is not None
    assert sides(up)[0] == walk(pairs, 0, as_of + 1, upwards=True)
    assert sides(down)[1] == walk(pairs, 0, as_of + 1, upwards=False)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PAIRS)
def test_each_edge_of_a_trace_lies_on_a_way_from_the_batch(
    store: Store, pairs: list[tuple[int, int]]
) -> None:
    with store.write() as connection:
        lay(connection, pairs, 10)
        trace = trace_of(connection, "b0", "both")
    assert trace is not None
    ups, downs = sides(trace)
    expected = {
        seq
        for seq, (parent, child) in enumerate(pairs)
        if {f"b{parent}", f"b{child}"} <= ups.keys() or {f"b{parent}", f"b{child}"} <= downs.keys()
    }
    assert {edge.seq for edge in trace.edges} == expected


@pytest.mark.parametrize("start, direction", [(0, "down"), (4999, "up"), (2500, "both")])
def test_a_chain_of_five_thousand_is_followed_to_both_ends(store: Store, start: int, direction: str) -> None:
    chain = [(at, at + 1) for at in range(4999)]
    with store.write() as connection:
        lay(connection, chain, 5000)
        trace = trace_of(connection, f"b{start}", direction)  # type: ignore[arg-type]
    assert trace is not None
    assert len(trace.rows) == 5000
    assert trace.rows[0].batch == f"b{start}"
    for row in trace.rows:
        at = int(row.batch[1:])
        assert (row.up if at < start else row.down) == abs(at - start)


def test_a_ring_of_batches_ends(store: Store) -> None:
    ring = [(at, (at + 1) % 1000) for at in range(1000)]
    with store.write() as connection:
        lay(connection, ring, 1000)
        trace = trace_of(connection, "b0", "both")
    assert trace is not None
    assert all(row.up is not None and row.down is not None for row in trace.rows)
    assert len(trace.rows) == 1000
