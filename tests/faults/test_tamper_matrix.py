"""Every column edited, every row deleted, exchanged and doubled, in every table that is proved: found, and named.

Written against the schema's metadata: a new column or table is tried by itself, and one without a row to try it on, or
one that is neither proved nor listed as not proved, fails here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from typing import Any

import pytest
from sqlalchemy import (
    Column,
    Connection,
    Integer,
    LargeBinary,
    Row,
    Table,
    UniqueConstraint,
    delete,
    exc,
    func,
    insert,
    select,
    update,
)

from conftest import NewDatabase
from faults.history import open_county, tell_whole_history
from faults.length import LONG
from heji_trace.ledger import ledger
from heji_trace.ledger.faults import Fault
from heji_trace.ledger.verify import verify
from heji_trace.projection import project
from heji_trace.projection.replay import check_projections, compare_table
from heji_trace.store import tables
from heji_trace.store.db import Store, memory_database
from heji_web.service.service import Service, open_service
from ledger_check import free_of_triggers, taken_back
from web.doors import CHEAP

PROVED = (*tables.LEDGER, *tables.PROJECTIONS)
# Whoever can write to the database can change these unseen; nothing that is said of food rests on them.
NOT_PROVED: Mapping[str, str] = {
    "accounts": "who may sign in is decided here and not in the ledger; statements keep the account's opaque id",
    "sessions": "lasts hours; losing it signs somebody out",
    "tokens": "as accounts; a token put in by hand speaks as its account, which every statement then names",
    "throttles": "counts attempts of the last minutes",
    "imported": "which file brought which entries: for undoing an import, and to say that a file was there before",
    "imports": "files that wait for their owner's confirmation, and say nothing before it",
}
_FEW = 3


@dataclass(frozen=True)
class Proved:
    """A whole ledger on a copy without triggers, and what its read tables must be."""

    service: Service
    store: Store
    replayed: Connection
    earlier: str

    def changing(self) -> AbstractContextManager[Connection]:
        """A transaction that ends without a trace."""
        return taken_back(self.store)

    def faults_of(self, connection: Connection, changed: Table | None = None) -> tuple[Fault, ...]:
        """What `heji verify --projections` finds, with the replay that the good ledger gave.

        Where one read table alone was `changed`, the others are what they were and are not read again.
        """
        faults: list[Fault] = []
        if changed not in tables.PROJECTIONS:
            key, head = self.service.signer.verifier, self.service.head
            faults += verify(connection, key, head, progress=lambda _done: None).faults
        if changed not in tables.LEDGER:
            for table in tables.PROJECTIONS if changed is None else (changed,):
                faults += compare_table(table, connection, self.replayed)
        return tuple(faults)


@pytest.fixture(scope="module")
def proved(database: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proved]:
    data, aside, copy = (tmp_path_factory.mktemp(name) for name in ("proved", "earlier", "copy"))
    with ExitStack() as stack:
        told = stack.enter_context(database(data))
        with open_county(data, database_url=told) as county:
            tell_whole_history(county)
        # A database is copied while nobody is connected to it.
        earlier = stack.enter_context(database(aside, told))
        service = stack.enter_context(
            closing(open_service(county.service.settings, county.now.clock, passwords=CHEAP))
        )
        service.start()
        replace(county, service=service).record(
            "hold", "regulator", batches=["C1"], details={"reason": "核查"}
        )
        service.close()
        changed = stack.enter_context(database(copy, told))
        free_of_triggers(changed)
        store = stack.enter_context(closing(Store(changed)))
        replayed = stack.enter_context(memory_database())
        tables.metadata.create_all(replayed, tables=list(tables.PROJECTIONS))
        with store.read() as connection:
            project.rebuild(
                replayed, ledger.read_all(connection, ledger.size_of(connection)), lambda _done: None
            )
        yield Proved(service, store, replayed, earlier)


# --- what an edit is ---------------------------------------------------------------------------------------------------


def other_values(column: Column[Any], value: Any) -> Iterator[Any]:
    """What somebody might put in the place of `value`, by the type of the column."""
    if column.nullable and value is not None:
        yield None
    if isinstance(column.type, LargeBinary):
        data = value or b""
        yield from (data + b"\0", data[:-1], bytes([data[0] ^ 1]) + data[1:] if data else b"x")
    elif isinstance(column.type, Integer):
        number = value or 0
        yield from (number + 1, number - 1, number + 2**40, 0 if number else 7)
    else:
        text = value or ""
        yield from (text + "x", text[:-1], "x" + text[1:], text.swapcase(), text.replace("1", "2"))


def key_of(table: Table, row: Row[Any]) -> tuple[Any, ...]:
    return tuple(getattr(row, column.name) for column in table.primary_key)


def at(table: Table, row: Row[Any]) -> Any:
    """The condition that finds just this row."""
    return [column == getattr(row, column.name) for column in table.primary_key]


def rows_of(connection: Connection, table: Table) -> Sequence[Row[Any]]:
    rows = connection.execute(select(table).order_by(*table.primary_key)).all()
    # Without a row nothing is tried: let `faults.history` tell something that leaves one.
    assert rows, f"the history leaves no row in {table.name}"
    return rows


def some(rows: Sequence[Any], count: int = _FEW) -> Sequence[Any]:
    """All of them in a long run, else the first, the last and some between."""
    if LONG or len(rows) <= count:
        return rows
    return [rows[place * (len(rows) - 1) // (count - 1)] for place in range(count)]


def check_named(
    table: Table, faults: tuple[Fault, ...], keys: Sequence[tuple[Any, ...]], rows: Sequence[Row[Any]]
) -> None:
    """Assert that a fault was found, and that the first bad entry, or the row and no other, is what it names."""
    assert faults, keys
    places = {",".join(str(part) for part in key) for key in keys}
    if table is tables.entries:
        assert faults[0].seq == min(key[0] for key in keys), (keys, faults)
    elif table is tables.disclosures:
        first = faults[0]
        assert first.seq in {key[0] for key in keys} or (first.table, first.row in places) == (
            table.name,
            True,
        ), (keys, faults)
    elif table is tables.checkpoints:
        # A checkpoint names the one before: the gap that a missing one leaves shows behind it.
        sizes = sorted(row.size for row in rows)
        behind = {str(size) for key in keys for size in islice((s for s in sizes if s > key[0]), 1)}
        # Without the newest, what it alone signed is unsigned.
        last = sizes[-2]
        assert all(fault.row in places | behind if fault.table else fault.seq == last for fault in faults), (
            keys,
            faults,
        )
    elif table is tables.foundation:
        assert {fault.table for fault in faults} == {table.name}
        assert {fault.row for fault in faults} <= places | {"signature"}
    else:
        assert {fault.table for fault in faults} == {table.name}, (keys, faults)
        assert {fault.row for fault in faults} <= places, (keys, faults)


# --- the matrix --------------------------------------------------------------------------------------------------------


def test_every_table_is_proved_or_listed_with_a_reason() -> None:
    assert {table.name for table in PROVED}.isdisjoint(NOT_PROVED)
    assert {table.name for table in PROVED} | set(NOT_PROVED) == set(tables.metadata.tables)


def test_an_honest_history_of_every_table_has_no_fault(proved: Proved) -> None:
    with proved.store.read() as connection:
        assert proved.faults_of(connection) == ()
        size = ledger.size_of(connection)
        assert check_projections(connection, size, lambda _done: None) == []


@pytest.mark.parametrize(
    "table, column",
    [(table, column) for table in PROVED for column in table.columns],
    ids=lambda each: each.name,
)
def test_an_edit_of_any_column_is_found_and_named(proved: Proved, table: Table, column: Column[Any]) -> None:
    tried = 0
    with proved.store.read() as connection:
        rows = rows_of(connection, table)
    for row in some(rows):
        value = getattr(row, column.name)
        for new in other_values(column, value):
            if new == value:
                continue
            with proved.changing() as connection:
                try:
                    connection.execute(update(table).where(*at(table, row)).values({column: new}))
                except (exc.IntegrityError, exc.DataError):
                    continue
                key = key_of(table, row)
                after = tuple(
                    new if each is column else part for each, part in zip(table.primary_key, key, strict=True)
                )
                keys = [key] if table is tables.entries and after[0] > key[0] else [key, after]
                check_named(table, proved.faults_of(connection, table), keys, rows)
                tried += 1
    assert tried, "no value of this column could be changed"


@pytest.mark.parametrize("table", PROVED, ids=lambda each: each.name)
def test_a_deleted_row_is_found_and_named(proved: Proved, table: Table) -> None:
    with proved.store.read() as connection:
        rows = rows_of(connection, table)
    for row in some(rows, 12):
        with proved.changing() as connection:
            connection.execute(delete(table).where(*at(table, row)))
            check_named(table, proved.faults_of(connection, table), [key_of(table, row)], rows)


@pytest.mark.parametrize("table", PROVED, ids=lambda each: each.name)
def test_rows_that_changed_places_are_found_and_named(proved: Proved, table: Table) -> None:
    """Two neighbours keep their keys and exchange all the rest."""
    keys = {column.name for column in table.primary_key}
    with proved.store.read() as connection:
        rows = rows_of(connection, table)
    for one, two in some(list(pairwise(rows)), 12):
        first = {name: value for name, value in one._mapping.items() if name not in keys}
        second = {name: value for name, value in two._mapping.items() if name not in keys}
        if first == second:
            continue
        with proved.changing() as connection:
            # One after the other would meet the unique columns of both.
            connection.execute(delete(table).where(*at(table, two)))
            connection.execute(update(table).where(*at(table, one)).values(second))
            connection.execute(insert(table), {**two._mapping, **first})
            check_named(
                table, proved.faults_of(connection, table), [key_of(table, one), key_of(table, two)], rows
            )


@pytest.mark.parametrize("table", PROVED, ids=lambda each: each.name)
def test_a_doubled_row_is_found_and_named(proved: Proved, table: Table) -> None:
    """A row stands twice, as far as keys allow: what must be unique differs."""
    with proved.store.read() as connection:
        rows = rows_of(connection, table)
    also = {
        column.name
        for constraint in table.constraints
        if isinstance(constraint, UniqueConstraint)
        for column in constraint.columns
    }
    for varied in table.primary_key:
        beyond = len(rows) if varied.name == "seq" and table is tables.entries else 10**9
        for row in some(rows):
            double = dict(row._mapping)
            for name in {varied.name} | {name for name in also if double[name] is not None}:
                integer = isinstance(table.c[name].type, Integer)
                double[name] = beyond if integer else f"{double[name]}x"
            with proved.changing() as connection:
                connection.execute(insert(table), double)
                key = tuple(double[column.name] for column in table.primary_key)
                check_named(table, proved.faults_of(connection, table), [key], rows)


@pytest.mark.parametrize("cut", [1, 2, 40])
@pytest.mark.parametrize("with_checkpoints", [True, False])
def test_a_cut_tail_is_found_by_the_remembered_head(proved: Proved, cut: int, with_checkpoints: bool) -> None:
    with proved.changing() as connection:
        size = ledger.size_of(connection) - cut
        for table in (tables.entries, tables.disclosures):
            connection.execute(delete(table).where(table.c.seq >= size))
        if with_checkpoints:
            connection.execute(delete(tables.checkpoints).where(tables.checkpoints.c.size > size))
            left = connection.execute(select(func.max(tables.checkpoints.c.size))).scalar_one()
            connection.execute(delete(tables.entries).where(tables.entries.c.seq >= left))
            connection.execute(delete(tables.disclosures).where(tables.disclosures.c.seq >= left))
            size = left
        connection.execute(
            delete(tables.nodes).where((tables.nodes.c.position + 1) * 256 > size, tables.nodes.c.level == 1)
        )
        faults = proved.faults_of(connection, tables.entries)
    named = {fault.seq for fault in faults if fault.kind == "entries-behind-head"}
    assert named == {size}, faults


def test_a_database_that_was_rolled_back_is_found_by_the_remembered_head(proved: Proved) -> None:
    with closing(Store(proved.earlier)) as store, store.read() as connection:
        size = ledger.size_of(connection)
        faults = proved.faults_of(connection, tables.entries)
    assert [(fault.kind, fault.seq) for fault in faults] == [("entries-behind-head", size)]
