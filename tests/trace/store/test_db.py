from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from heji_trace.errors import LedgerBusy, Misconfigured
from heji_trace.store.db import LOG_LIMIT, Store


def test_after_an_error_of_the_store_the_connection_is_opened_anew(tmp_path: Path) -> None:
    """What an fsync that failed has left behind is unknown to the connection that saw it."""
    with closing(Store(f"sqlite:///{tmp_path / 'a.db'}")) as store:
        with store.write() as connection:
            connection.exec_driver_sql("CREATE TABLE a (b TEXT PRIMARY KEY)")
            before = connection.connection.dbapi_connection
        with pytest.raises(LedgerBusy), store.write() as connection:
            connection.exec_driver_sql("SELECT * FROM nowhere")
        with store.write() as connection:
            after = connection.connection.dbapi_connection
            connection.exec_driver_sql("INSERT INTO a VALUES ('c')")
        assert after is not before
        # A broken constraint says nothing against the connection.
        with pytest.raises(IntegrityError), store.write() as connection:
            connection.exec_driver_sql("INSERT INTO a VALUES ('c')")
        with store.write() as connection:
            assert connection.connection.dbapi_connection is after


@pytest.mark.parametrize("url", ["mysql://db.example/heji", "oracle+driver://x", "heji.db", ""])
def test_a_store_is_a_file_of_sqlite_or_a_server_of_postgresql_and_nothing_else(url: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        Store(url)
    assert refused.value.code == "database-kind"


def test_whoever_looks_for_a_database_that_is_not_there_makes_none(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with closing(Store(f"sqlite:///{path}")) as store:
        with pytest.raises(LedgerBusy) as refused, store.read():
            pass
        assert (refused.value.code, path.exists()) == ("database-silent", False)


def test_a_database_that_is_made_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with closing(Store(f"sqlite:///{path}")) as store:
        with store.write() as connection:
            connection.exec_driver_sql("CREATE TABLE a (b TEXT PRIMARY KEY)")
            modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()}
        assert set(modes.values()) == {0o600}, modes


@pytest.mark.parametrize(
    "harm",
    [
        lambda data: b"this is no database at all" + data[26:],
        lambda data: data.replace(b"PRIMARY KEY", b"\xd0RIMARY KEY"),
    ],
)
def test_a_damaged_file_is_not_one_to_try_again_with_later(
    tmp_path: Path, harm: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "a.db"
    with closing(Store(f"sqlite:///{path}")) as store, store.write() as connection:
        connection.exec_driver_sql("CREATE TABLE a (b TEXT PRIMARY KEY)")
    path.write_bytes(harm(path.read_bytes()))
    with closing(Store(f"sqlite:///{path}")) as store:
        with pytest.raises(LedgerBusy) as refused, store.read() as connection:
            connection.exec_driver_sql("SELECT * FROM a")
        assert refused.value.code == "database-damaged"


def test_a_new_connection_leaves_the_locks_of_the_others(tmp_path: Path) -> None:
    """Without them another process that hangs up sweeps the write-ahead log away, and what is committed with it."""
    path = tmp_path / "a.db"
    visitor = (
        f"import sqlite3; c = sqlite3.connect({str(path)!r}); print(*c.execute('SELECT b FROM a')); c.close()"
    )
    with closing(Store(f"sqlite:///{path}")) as store, closing(Store(f"sqlite:///{path}")) as second:
        with store.write() as connection:
            connection.exec_driver_sql("CREATE TABLE a (b TEXT PRIMARY KEY)")
        for value, writer in (("one", second), ("two", store), ("three", second)):
            with writer.write() as connection:
                connection.exec_driver_sql(f"INSERT INTO a VALUES ('{value}')")
            shown = subprocess.run(
                [sys.executable, "-c", visitor], check=True, capture_output=True, text=True
            )
            assert value in shown.stdout
            assert (tmp_path / "a.db-wal").exists()


def test_the_log_that_grew_while_somebody_read_for_long_is_made_small_again(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    log = path.with_name("a.db-wal")
    with closing(Store(f"sqlite:///{path}")) as store:
        with store.write() as connection:
            connection.exec_driver_sql("CREATE TABLE a (b BLOB)")
        with closing(sqlite3.connect(path, isolation_level=None)) as reading:
            reading.execute("BEGIN")
            reading.execute("SELECT count(*) FROM a").fetchone()
            fill(store, LOG_LIMIT)
            assert log.stat().st_size > LOG_LIMIT
        for _ in range(2):
            fill(store, 4096)
        assert log.stat().st_size <= LOG_LIMIT


def fill(store: Store, size: int) -> None:
    with store.write() as connection:
        connection.exec_driver_sql("INSERT INTO a VALUES (randomblob(?))", (size,))
