"""Bringing a database to the schema of this version, and telling whether it is there."""

from __future__ import annotations

from functools import cache

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from heji_migrations import triggers
from heji_trace.errors import Misconfigured

LOCK_TIMEOUT = "10s"
STATEMENT_TIMEOUT = "15min"
"""How long a statement of an upgrade may take: an index over millions of rows takes minutes."""

# Any number will do, as long as every process that upgrades this database takes the same.
_ADVISORY_LOCK = 4_418_210_001


def upgrade(connection: Connection, to: str = "head") -> None:
    """Run the revisions that are missing, inside the caller's transaction.

    Raises Misconfigured where a newer version has been here, or where the ledger's triggers are not all in place
    afterwards: the caller then rolls back. Raises LedgerBusy where another process upgrades the same database, or
    keeps a table in use, for longer than `LOCK_TIMEOUT`.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
        connection.execute(text(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT}'"))
        # Before anything is read: who waited here finds what the other has done.
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
    at = current(connection)
    if at is not None and at not in _known():
        raise Misconfigured("schema-newer", current=at, head=head())
    command.upgrade(config(connection), to)
    # On the way to the newest revision some are not there yet.
    if is_current(connection):
        triggers.check(connection)


def current(connection: Connection) -> str | None:
    """The revision that the database is at, None for an empty one."""
    return MigrationContext.configure(connection).get_current_revision()


@cache
def head() -> str:
    """The newest revision of this version."""
    newest = _scripts().get_current_head()
    if newest is None:
        raise Misconfigured("schema-missing")
    return newest


def is_known(revision: str) -> bool:
    """Whether this version has the revision."""
    return revision in _known()


def is_current(connection: Connection) -> bool:
    """Whether the database is at the newest revision."""
    return current(connection) == head()


def check_begun(connection: Connection) -> str:
    """The revision that the database is at; raises Misconfigured for an empty one, which is no older ledger but none."""
    at = current(connection)
    if at is None:
        raise Misconfigured("database-empty")
    return at


def check_revision(connection: Connection) -> None:
    """Raise Misconfigured, saying what to do, unless the database is at the newest revision."""
    at = check_begun(connection)
    if at != head():
        raise Misconfigured("schema-older" if at in _known() else "schema-newer", current=at, head=head())


def check_current(connection: Connection) -> None:
    """Raise Misconfigured, saying what to do, unless the database is at the newest revision with its triggers."""
    check_revision(connection)
    triggers.check(connection)


def config(connection: Connection | None = None) -> Config:
    """Alembic's configuration, with the connection that its environment is to use."""
    made = Config(attributes={"connection": connection})
    made.set_main_option("script_location", "heji_migrations:")
    made.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    return made


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(config())


# A probe asks every few seconds, and the revisions are files that are read and run.
@cache
def _known() -> frozenset[str]:
    return frozenset(script.revision for script in _scripts().walk_revisions())
