"""The triggers by which the database itself refuses to change the ledger."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, text

from heji_trace.append_only import ledger_triggers
from heji_trace.errors import Misconfigured

_NAMES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": "SELECT t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
    " WHERE NOT t.tgisinternal AND t.tgenabled <> 'D' AND c.relnamespace = current_schema()::regnamespace",
}


def create(connection: Connection, statements: Iterable[str]) -> None:
    """Create these; for the revisions that create the ledger's tables."""
    for statement in statements:
        connection.exec_driver_sql(statement)


def check(connection: Connection) -> None:
    """Raise Misconfigured where one is absent: Alembic's batch mode, for one, drops them without a word."""
    dialect = connection.dialect.name
    present = set(connection.scalars(text(_NAMES[dialect])))
    absent = declared(dialect) - present
    if absent:
        raise Misconfigured("ledger-unguarded", triggers=", ".join(sorted(absent)))


def declared(dialect: str) -> set[str]:
    """The names of all that there should be in "sqlite" or "postgresql"."""
    statements = (statement.split() for statement in ledger_triggers(dialect))
    return {words[2] for words in statements if words[:2] == ["CREATE", "TRIGGER"]}
