"""The database: engines, pragmas and the one place (beside the recorder) where a transaction ends.

SQLite has one writer connection for the whole process, under a mutex, which owns every checkpoint of the
write-ahead log; readers open with `query_only`. Two writing connections at once are what the WAL-reset corruption of
SQLite 3.7.0 to 3.51.2 needs, and what gave 188,000 lock errors when it was measured.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, exc
from sqlalchemy.pool import StaticPool

from heji_trace.errors import LedgerBusy, Misconfigured

_SQLITE_WRITER = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA busy_timeout=5000",
    "PRAGMA foreign_keys=ON",
    "PRAGMA recursive_triggers=ON",
    "PRAGMA secure_delete=ON",
    "PRAGMA cache_size=-65536",
)
_SQLITE_READER = ("PRAGMA busy_timeout=5000", "PRAGMA query_only=ON", "PRAGMA cache_size=-16384")
# How many statements a connection keeps prepared: those of a group, with rows of any number in each.
_STATEMENTS = 1024
_POSTGRESQL_OPTIONS = (
    "-c statement_timeout=30000 -c lock_timeout=5000 -c idle_in_transaction_session_timeout=60000"
)


class Store:
    """One database, with a reading and a writing side.

    `url` is a SQLAlchemy URL: `sqlite:///…` or `postgresql+psycopg://…`. Nothing connects before the first use, so a
    service starts while its database is down.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.dialect = url.split("+", maxsplit=1)[0].split(":", maxsplit=1)[0]
        if self.dialect not in ("sqlite", "postgresql"):
            raise Misconfigured("database-kind", kind=self.dialect)
        self._writer = self._engine("BEGIN IMMEDIATE", _SQLITE_WRITER, size=1)
        self._reader = self._engine("BEGIN", _SQLITE_READER, size=32)
        self._mutex = threading.Lock()
        self.changes = 0
        """How often this process has written anything but entries: what it remembers of accounts holds until then."""

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one consistent state; raises LedgerBusy where the database does not answer."""
        with _as_busy(), self._reader.connect() as connection:
            # Rolled back when it closes: there is nothing to commit, and on a damaged file COMMIT fails.
            connection.begin()
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """The process's one writing transaction: committed when the block ends well, else rolled back.

        After any error but a broken constraint the connection is dropped: what an fsync that failed has left behind
        is unknown, and only a newly opened file tells.
        """
        try:
            with self.append() as connection:
                yield connection
        finally:
            self.changes += 1

    @contextmanager
    def append(self) -> Iterator[Connection]:
        """The same for the recorder, which writes entries and their effects and nothing else."""
        with self._mutex, _as_busy(), self._writer.connect() as connection:
            try:
                with connection.begin():
                    yield connection
            except exc.IntegrityError:
                raise
            except exc.DBAPIError:
                connection.invalidate()
                raise

    def close(self) -> None:
        """Give all connections back; the store can be used again afterwards."""
        self._reader.dispose()
        self._writer.dispose()

    def _engine(self, begin: str, pragmas: tuple[str, ...], size: int) -> Engine:
        if self.dialect == "postgresql":
            arguments: dict[str, Any] = {"options": _POSTGRESQL_OPTIONS, "connect_timeout": 5}
            if size > 1:
                arguments["options"] += " -c default_transaction_read_only=on"
            return create_engine(
                self.url,
                pool_size=size,
                max_overflow=0,
                pool_pre_ping=True,
                hide_parameters=True,
                connect_args=arguments,
            )
        engine = create_engine(
            self.url,
            pool_size=size,
            max_overflow=0,
            hide_parameters=True,
            connect_args={"check_same_thread": False, "cached_statements": _STATEMENTS},
        )

        # The driver's own transactions once lost an acknowledged write; every BEGIN is ours.
        @event.listens_for(engine, "connect")
        def _opened(raw: Any, _record: object) -> None:
            raw.isolation_level = None
            for pragma in pragmas:
                raw.execute(pragma)

        @event.listens_for(engine, "begin")
        def _begun(connection: Connection) -> None:
            connection.exec_driver_sql(begin)

        return engine


@contextmanager
def memory_database() -> Iterator[Connection]:
    """An empty database in memory, gone when the block ends: for replaying the ledger beside the live tables."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


@contextmanager
def _as_busy() -> Iterator[None]:
    try:
        yield
    except (exc.OperationalError, exc.InterfaceError, exc.InternalError, exc.TimeoutError) as error:
        raise LedgerBusy from error
    except exc.DatabaseError as error:
        # Of its subclasses the rest is about what was asked; itself it is a file that is damaged or none.
        if type(error) is exc.DatabaseError:
            raise LedgerBusy from error
        raise
