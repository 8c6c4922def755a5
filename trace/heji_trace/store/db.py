"""The database: engines, pragmas and the one place (beside the recorder) where a transaction ends.

SQLite has one writer connection for the whole process, under a mutex, which owns every checkpoint of the
write-ahead log; readers open with `query_only`. Two writing connections at once are what the WAL-reset corruption of
SQLite 3.7.0 to 3.51.2 needs, and what gave 188,000 lock errors when it was measured.
"""

from __future__ import annotations

import os
import socket
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, exc, make_url, text
from sqlalchemy.pool import StaticPool

from heji_trace.errors import HejiError, LedgerBusy, Misconfigured, Unknown
from heji_trace.store.whereabouts import is_same_beside, is_same_file, remember_beside, remember_file

# How our connections are called on a PostgreSQL server, each process by a name of its own.
_APPLICATION = "heji "
_APPLICATION_NAME = f"{_APPLICATION}{socket.gethostname()[:40]} {os.getpid()}"

LOG_LIMIT = 64 * 2**20
"""Bytes that the log beside SQLite's file keeps once a long reading is over."""

# The log beside the file grows to 16 MB before its pages go to the file, four times what SQLite does by itself: most
# groups change the same pages, and a twentieth more of them is recorded where each page goes there less often.
_SQLITE_WRITER = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA busy_timeout=5000",
    "PRAGMA foreign_keys=ON",
    "PRAGMA recursive_triggers=ON",
    "PRAGMA secure_delete=ON",
    "PRAGMA cache_size=-65536",
    "PRAGMA wal_autocheckpoint=4000",
    # What it grew to while somebody read for long is given back once it starts anew.
    f"PRAGMA journal_size_limit={LOG_LIMIT}",
)
_SQLITE_READER = ("PRAGMA busy_timeout=5000", "PRAGMA query_only=ON", "PRAGMA cache_size=-16384")
# How many statements a connection keeps prepared: those of a group, with rows of any number in each.
_STATEMENTS = 1024
_POSTGRESQL = {
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "60s",
    # By itself it believes in disks that turn, and looks through whole tables of a thousand rows for the fifty of a
    # group: what a group asks for took three times as long.
    "random_page_cost": "1.1",
}
# What is read once the ledger's lock is held must be what the process before has left, not what stood when we asked.
_POSTGRESQL_WRITER = {**_POSTGRESQL, "lock_timeout": "20s", "default_transaction_isolation": "read committed"}
# A page is put together from many statements; they all see one state, as on SQLite.
_POSTGRESQL_READER = {
    **_POSTGRESQL,
    "lock_timeout": "5s",
    "default_transaction_isolation": "repeatable read",
    "default_transaction_read_only": "on",
}
# A peer that is gone without a word is noticed within a minute.
_POSTGRESQL_CONNECTION = {
    "connect_timeout": 5,
    "keepalives_idle": 20,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
    "client_encoding": "utf8",
    "application_name": _APPLICATION_NAME,
}
_SYNCHRONOUS = (
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
)
_LEDGER_LOCK = 0x48454A49
_NO_PRIVILEGE, _NO_SUCH_TABLE = "42501", "42P01"
_PASSING = ("40001", "40P01")


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
        name = make_url(url).database if self.dialect == "sqlite" else None
        self.path = Path(name) if name and name != ":memory:" else None
        """The file of a SQLite database; None for a server or a database in memory."""
        if self.dialect == "sqlite":
            self._writer = self._sqlite_engine("BEGIN IMMEDIATE", _SQLITE_WRITER, size=1)
            self._reader = self._sqlite_engine("BEGIN", _SQLITE_READER, size=32)
            # By itself SQLite makes an empty database where there is none. Whoever looks changes nothing, and what is
            # made holds every sealed value: it is for its owner alone, wherever it lies.
            event.listen(self._writer, "do_connect", self._make_once)
            event.listen(self._reader, "do_connect", _check_there)
            event.listen(self._reader, "checkout", self._leave_what_was_exchanged)
        else:
            self._writer = self._postgresql_engine(_POSTGRESQL_WRITER, size=1)
            self._reader = self._postgresql_engine(_POSTGRESQL_READER, size=32)
        self._mutex = threading.Lock()
        self._was_there = False
        self.misplaced: str | None = None
        """Why nothing is confirmed: the code of what became of SQLite's files when something was last to be written."""
        self.changes = 0
        """How often this process has written anything but entries: what it remembers of accounts holds until then."""

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one consistent state; raises LedgerBusy where the database does not answer.

        Raises Unknown for a question about what no row can hold, such as a text with a NUL on PostgreSQL.
        """
        with _as_busy("database-silent"), self._reader.connect() as connection:
            # Rolled back when it closes: there is nothing to commit, and on a damaged file COMMIT fails.
            connection.begin()
            try:
                yield connection
            except exc.DataError as error:
                raise Unknown from error

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
            self._check_files(connection)
            try:
                with connection.begin():
                    yield connection
                if self.path is not None:
                    remember_beside(connection.info, self.path)
                self._check_files(connection)
            except exc.IntegrityError:
                raise
            except exc.DBAPIError:
                connection.invalidate()
                raise

    def maintain(self, *statements: str) -> list[tuple[Any, ...]]:
        """Run statements that no transaction may hold, such as VACUUM; the rows of the last one."""
        with self._mutex, _as_busy():
            raw = self._writer.raw_connection()
            try:
                driver: Any = raw.driver_connection
                # SQLite's connection is in autocommit anyway: every BEGIN is ours.
                if self.dialect == "postgresql":
                    driver.autocommit = True
                rows: list[tuple[Any, ...]] = []
                for statement in statements:
                    cursor = driver.execute(statement)
                    rows = cursor.fetchall() if cursor.description else []
                return rows
            except Exception as error:
                raw.invalidate()
                raise LedgerBusy from error
            finally:
                # A connection in autocommit must not go back to those that keep transactions.
                if self.dialect == "postgresql" and raw.is_valid:
                    raw.invalidate()
                raw.close()

    def close(self) -> None:
        """Give all connections back; the store can be used again afterwards."""
        self._reader.dispose()
        self._writer.dispose()

    def _check_files(self, connection: Connection) -> None:
        """Raise LedgerBusy where what is written on this connection would not be found again, or was just not."""
        if self.path is None:
            return
        self.misplaced = None
        if not is_same_file(connection.info, self.path):
            if self.path.exists():
                connection.invalidate()
            # Else it is kept open: nobody else may have what was removed, and it may come back.
            self.misplaced = "database-moved"
        elif not is_same_beside(connection.info):
            # What was acknowledged goes into the file itself while somebody still has the log open.
            raw: Any = connection.connection.driver_connection
            with suppress(sqlite3.Error):
                raw.execute("PRAGMA wal_checkpoint")
            self.misplaced = "database-log-moved"
        if self.misplaced is not None:
            raise LedgerBusy(self.misplaced)

    def _leave_what_was_exchanged(self, _raw: object, record: Any, _taken: object) -> None:
        """Let whoever reads open the file anew where the one that was open is another's now, or nobody's."""
        if self.path is not None and not is_same_file(record.info, self.path):
            raise exc.DisconnectionError

    def _make_once(self, dialect: object, record: object, arguments: list[Any], named: object) -> None:
        """A database is made where there never was one; one that has gone is waited for."""
        (_check_there if self._was_there else _make_private)(dialect, record, arguments, named)

    def _postgresql_engine(self, settings: Mapping[str, str], size: int) -> Engine:
        options = " ".join(
            f"-c {name}={value.replace(' ', chr(92) + ' ')}" for name, value in settings.items()
        )
        engine = create_engine(
            self.url,
            pool_size=size,
            max_overflow=0,
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args={**_POSTGRESQL_CONNECTION, "options": options},
        )

        # A server may be told to answer before its disk has; a receipt promises more. What is stricter stays.
        @event.listens_for(engine, "connect")
        def _opened(raw: Any, _record: object) -> None:
            raw.autocommit = True
            raw.execute(_SYNCHRONOUS)
            raw.autocommit = False

        return engine

    def _sqlite_engine(self, begin: str, pragmas: tuple[str, ...], size: int) -> Engine:
        engine = create_engine(
            self.url,
            pool_size=size,
            max_overflow=0,
            hide_parameters=True,
            connect_args={"check_same_thread": False, "cached_statements": _STATEMENTS},
        )

        # The driver's own transactions once lost an acknowledged write; every BEGIN is ours.
        @event.listens_for(engine, "connect")
        def _opened(raw: Any, record: Any) -> None:
            raw.isolation_level = None
            for pragma in pragmas:
                raw.execute(pragma)
            if self.path is not None:
                remember_file(record.info, self.path)
                self._was_there = True

        @event.listens_for(engine, "begin")
        def _begun(connection: Connection) -> None:
            connection.exec_driver_sql(begin)

        return engine


def lock_ledger(connection: Connection) -> None:
    """Keep other processes from writing to the ledger until this transaction ends; on SQLite no other has it open."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (_LEDGER_LOCK,))


def wait_without_end(connection: Connection) -> None:
    """Let this transaction do nothing for as long as another one works; by itself PostgreSQL would end it."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))


def count_other_processes(connection: Connection) -> int:
    """How many connections other processes of ours have to this PostgreSQL database."""
    query = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND starts_with(application_name, :ours) AND application_name <> :own"
    )
    names = {"ours": _APPLICATION, "own": _APPLICATION_NAME}
    count: int = connection.execute(query, names).scalar_one()
    return count


def is_passing(error: BaseException) -> bool:
    """Whether the same transaction may well succeed at once: its connection was lost, or others were in its way."""
    cause = error.__cause__ if isinstance(error, LedgerBusy) else error
    return isinstance(cause, exc.DBAPIError) and (
        cause.connection_invalidated or getattr(cause.orig, "sqlstate", None) in _PASSING
    )


def driver_words(error: HejiError) -> str:
    """What the driver said of a failure, on one line, for the operator alone: it names hosts, files and roles."""
    words = str(getattr(error.__cause__, "orig", None) or "").strip()
    return words.partition("\n")[0].strip() or "-"


@contextmanager
def memory_database() -> Iterator[Connection]:
    """An empty database in memory, gone when the block ends: for replaying the ledger beside the live tables."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def _make_private(_dialect: object, _record: object, arguments: list[Any], _named: object) -> None:
    # Never one that is there: to close a file that this process has open gives back all its locks on it, and another
    # process would then take itself for the last one and sweep the write-ahead log away.
    with suppress(OSError):
        os.close(os.open(arguments[0], os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _check_there(_dialect: object, _record: object, arguments: list[Any], _named: object) -> None:
    if not Path(arguments[0]).exists():
        raise sqlite3.OperationalError("unable to open database file")


@contextmanager
def _as_busy(code: str | None = None) -> Iterator[None]:
    """Under `code` of a reading: whoever reads is not to be told that nothing was written."""
    try:
        yield
    except (exc.OperationalError, exc.InterfaceError, exc.InternalError, exc.TimeoutError) as error:
        raise LedgerBusy(code) from error
    except UnicodeDecodeError as error:
        # The driver fails over the words in which SQLite quotes what of the schema is damaged.
        if not error.object.startswith(b"malformed database schema"):
            raise
        raise LedgerBusy("database-damaged") from error
    except exc.DatabaseError as error:
        # Of its subclasses the rest is about what was asked; itself it is a file that is damaged or none.
        state = getattr(error.orig, "sqlstate", None)
        if type(error) is exc.DatabaseError:
            raise LedgerBusy("database-damaged" if isinstance(error.orig, sqlite3.Error) else code) from error
        if state == _NO_SUCH_TABLE:
            raise LedgerBusy(code) from error
        if state == _NO_PRIVILEGE:
            raise Misconfigured("database-privilege", reason=str(error.orig).splitlines()[0]) from error
        raise
