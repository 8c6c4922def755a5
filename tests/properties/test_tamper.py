"""Whoever has the database file can change any bit of it; `heji verify` finds it and says where."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from county import found_county
from heji_trace import tables
from heji_trace.db import Store
from heji_trace.faults import Fault
from heji_trace.verify import verify
from heji_web.app import create_app
from heji_web.founding import found_log
from heji_web.service import Service, open_service
from heji_web.settings import read_settings
from ledger_check import tampering, verified
from web.doors import CHEAP, Now

COLUMNS = [(table.name, column.name) for table in tables.LEDGER for column in table.columns]


@dataclass(frozen=True)
class Ledger:
    """A whole ledger with more than one tile, and where copies of it go."""

    service: Service
    folder: Path
    numbers: Iterator[int]

    def copy(self) -> Path:
        path = self.folder / f"copy-{next(self.numbers)}.db"
        shutil.copy(self.service.settings.data / "heji.db", path)
        return path

    def faults_of(self, path: Path) -> tuple[Fault, ...]:
        store = Store(f"sqlite:///{path}")
        with store.read() as connection:
            report = verify(
                connection, self.service.signer.verifier, self.service.head, progress=lambda _done: None
            )
        store.close()
        for each in path.parent.glob(f"{path.name}*"):
            each.unlink()
        return report.faults


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    folder = tmp_path_factory.mktemp("whole")
    settings = read_settings({"HEJI_DATA": str(folder / "data")})
    found_log(settings, "log.heji.example/log", os.urandom)
    now = Now()
    service = open_service(settings, now.clock, passwords=CHEAP)
    service.start()
    county = found_county(service, now, FlaskClient(create_app(service)))
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
    # Closing the last connection brings the write-ahead log into the file.
    service.close()
    return Ledger(service, folder, count())


def flipped(value: Any, bit: int) -> Any:
    """The value with one bit of it changed; text as the bytes that it is stored as."""
    if isinstance(value, int):
        number = (value ^ 1 << bit % 64) & (1 << 64) - 1
        return number - (1 << 64) if number >> 63 else number
    data = bytearray(value.encode() if isinstance(value, str) else value)
    data[bit // 8 % len(data)] ^= 1 << bit % 8
    return bytes(data)


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
    path = whole.copy()
    names = [key.name for key in tables.metadata.tables[table].primary_key]
    with tampering(f"sqlite:///{path}") as connection:
        rows = connection.execute(
            f"SELECT {column}, {', '.join(names)} FROM {table} WHERE {column} IS NOT NULL AND length({column})"
        ).fetchall()
        value, *key = rows[place % len(rows)]
        new = flipped(value, bit)
        stored = "CAST(? AS TEXT)" if isinstance(value, str) else "?"
        where = " AND ".join(f"{name} = ?" for name in names)
        try:
            connection.execute(f"UPDATE {table} SET {column} = {stored} WHERE {where}", (new, *key))
        except sqlite3.IntegrityError:
            assume(False)
    after = [new if name == column else part for name, part in zip(names, key, strict=True)]
    faults = whole.faults_of(path)
    assert faults
    assert is_named(faults, table, [tuple(key), tuple(after)]), faults


@pytest.mark.parametrize("table", [table.name for table in tables.LEDGER])
@settings(max_examples=8, deadline=None)
@given(place=st.integers(0, 10**6))
@example(place=0)
@example(place=-1)
def test_one_deleted_row_of_any_table_of_the_ledger_is_found(whole: Ledger, table: str, place: int) -> None:
    path = whole.copy()
    with tampering(f"sqlite:///{path}") as connection:
        rows = connection.execute(f"SELECT rowid FROM {table} ORDER BY rowid").fetchall()
        connection.execute(f"DELETE FROM {table} WHERE rowid = ?", rows[place % len(rows)])
    assert whole.faults_of(path)


def test_an_untouched_copy_has_no_fault(whole: Ledger) -> None:
    assert whole.faults_of(whole.copy()) == ()
