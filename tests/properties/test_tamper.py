"""Whoever has the database file can change any bit of it; `heji verify` finds it and says where."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import assume, example, given, reject, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, LargeBinary, Text, cast, delete, exc, literal, select, update

from conftest import Founded, NewDatabase
from county import begun_again
from heji_trace.ledger.faults import Fault
from heji_trace.ledger.verify import verify
from heji_trace.store import tables
from heji_trace.store.db import Store
from heji_web.service.service import Service
from heji_web.service.settings import read_settings
from ledger_check import free_of_triggers, taken_back, verified

COLUMNS = [(table.name, column.name) for table in tables.LEDGER for column in table.columns]


@dataclass(frozen=True)
class Ledger:
    """A whole ledger with more than one tile, and a copy of it in which everything may be changed."""

    service: Service
    store: Store

    def changing(self) -> AbstractContextManager[Connection]:
        """A transaction on the copy, which ends without a trace."""
        return taken_back(self.store)

    def faults_of(self, connection: Connection) -> tuple[Fault, ...]:
        return verify(
            connection, self.service.signer.verifier, self.service.head, progress=lambda _done: None
        ).faults


@pytest.fixture(scope="module")
def whole(
    database: NewDatabase, founded: Founded, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ledger]:
    folder = tmp_path_factory.mktemp("whole")
    founded.copy(folder)
    with ExitStack() as stack:
        url = stack.enter_context(database(folder, founded.url))
        settings = read_settings({"HEJI_DATA": str(folder), "HEJI_DATABASE_URL": url})
        county = begun_again(founded.county, settings)
        service = stack.enter_context(closing(county.service))
        for number in range(6):
            county.harvest(f"A{number}")
        for part in range(3):
            county.recorder.submit_all(
                [county.harvesting(f"B{part}-{number}") for number in range(90)], county.authors["producer"]
            )
        noted = county.harvest("C0", note="陈大文，13800138000")
        values = [{"event": noted.event_id, "pointers": ["/note"]}]
        county.record("erasure", "operator", details={"values": values, "ground": "law"})
        assert verified(service).faults == ()
        # Copied while nobody is connected; of a file, the write-ahead log is then in it.
        service.close()
        copy = stack.enter_context(database(tmp_path_factory.mktemp("copy"), url))
        free_of_triggers(copy)
        yield Ledger(service, stack.enter_context(closing(Store(copy))))


def flipped(value: Any, bit: int) -> Any:
    """The value with one bit of it changed; text as the bytes that it is stored as."""
    if isinstance(value, int):
        number = (value ^ 1 << bit % 64) & (1 << 64) - 1
        return number - (1 << 64) if number >> 63 else number
    data = bytearray(value.encode() if isinstance(value, str) else value)
    data[bit // 8 % len(data)] ^= 1 << bit % 8
    return bytes(data)


def as_stored(connection: Connection, value: Any, new: Any) -> Any:
    """The changed value for a column of its old type: SQLite keeps any bytes as a text, PostgreSQL only what is one."""
    if not isinstance(value, str):
        return new
    if connection.dialect.name == "sqlite":
        return cast(literal(new, LargeBinary()), Text())
    try:
        return new.decode()
    except UnicodeDecodeError:
        reject()


def is_named(faults: tuple[Fault, ...], table: str, keys: list[tuple[Any, ...]]) -> bool:
    """Whether one of the keys (a row's before and after) is what the faults name."""
    if table == "entries":
        return faults[0].seq in [key[0] for key in keys]
    rows = {
        ",".join(part.decode("utf-8", "replace") if isinstance(part, bytes) else str(part) for part in key)
        for key in keys
    }
    entries = {key[0] for key in keys} if table == "disclosures" else set()
    return any((fault.table == table and fault.row in rows) or fault.seq in entries for fault in faults)


@pytest.mark.parametrize("table, column", COLUMNS)
@settings(max_examples=12, deadline=None)
@given(place=st.integers(0, 10**6), bit=st.integers(0, 10**6))
@example(place=0, bit=7)
@example(place=-1, bit=0)
@example(place=-1, bit=63)
def test_one_changed_bit_of_any_column_of_the_ledger_is_found_and_named(
    whole: Ledger, table: str, column: str, place: int, bit: int
) -> None:
    stored = tables.metadata.tables[table]
    names = [key.name for key in stored.primary_key]
    with whole.changing() as connection:
        rows = connection.execute(select(stored.c[column], *stored.primary_key).order_by(*stored.primary_key))
        # Nothing can be changed in what is not there or empty.
        full = [tuple(row) for row in rows if row[0] not in (None, "", b"")]
        value, *key = full[place % len(full)]
        new = flipped(value, bit)
        try:
            connection.execute(
                update(stored)
                .where(*(stored.c[name] == part for name, part in zip(names, key, strict=True)))
                .values({column: as_stored(connection, value, new)})
            )
        except (exc.IntegrityError, exc.DataError):
            # The database itself keeps no such value.
            assume(False)
        faults = whole.faults_of(connection)
    after = [new if name == column else part for name, part in zip(names, key, strict=True)]
    assert faults
    assert is_named(faults, table, [tuple(key), tuple(after)]), faults


@pytest.mark.parametrize("table", [table.name for table in tables.LEDGER])
@settings(max_examples=8, deadline=None)
@given(place=st.integers(0, 10**6))
@example(place=0)
@example(place=-1)
def test_one_deleted_row_of_any_table_of_the_ledger_is_found(whole: Ledger, table: str, place: int) -> None:
    stored = tables.metadata.tables[table]
    with whole.changing() as connection:
        keys = connection.execute(select(*stored.primary_key).order_by(*stored.primary_key)).all()
        key = keys[place % len(keys)]
        connection.execute(
            delete(stored).where(
                *(column == part for column, part in zip(stored.primary_key, key, strict=True))
            )
        )
        assert whole.faults_of(connection)


def test_an_untouched_copy_has_no_fault(whole: Ledger) -> None:
    with whole.store.read() as connection:
        assert whole.faults_of(connection) == ()
