"""Replaying the ledger into tables of its own, and comparing them with the live read tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Connection, Table, select

from heji_trace.ledger import ledger
from heji_trace.ledger.faults import Fault, raw, row_fault
from heji_trace.projection import project
from heji_trace.store import tables
from heji_trace.store.db import memory_database


def check_projections(connection: Connection, size: int, progress: Callable[[int], None]) -> list[Fault]:
    """The rows of the read tables that the first `size` entries, which must be good, do not bring about."""
    with memory_database() as replayed:
        tables.metadata.create_all(replayed, tables=list(tables.PROJECTIONS))
        project.rebuild(replayed, ledger.read_all(connection, size), progress, connection)
        return [fault for table in tables.PROJECTIONS for fault in compare_table(table, connection, replayed)]


def compare_table(table: Table, live: Connection, replayed: Connection) -> Iterator[Fault]:
    """The rows in which a live read table differs from its replay, by primary key."""
    have, want = _rows_by_key(table, live), _rows_by_key(table, replayed)
    for place in sorted(have.keys() | want.keys(), key=str):
        if place not in want:
            yield row_fault("row-superfluous", table, place)
        elif place not in have:
            yield row_fault("row-missing", table, place)
        elif have[place] != want[place]:
            yield row_fault("row-differs", table, place)


def _rows_by_key(table: Table, connection: Connection) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """Text compared as bytes where the database hands out bytes; PostgreSQL refuses text that is none."""
    places = [list(table.columns).index(column) for column in table.primary_key]
    found = {}
    for row in connection.execute(select(*raw(connection, table))):
        values = tuple(value.encode() if isinstance(value, str) else value for value in row)
        found[tuple(values[place] for place in places)] = values
    return found
