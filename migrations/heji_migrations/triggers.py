"""The triggers by which the database itself refuses to change the ledger."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, text

from heji_trace.errors import Misconfigured
from heji_trace.store.append_only import ledger_triggers

_SQLITE = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
# With what they call: a trigger of the right name that calls something else guards nothing.
_POSTGRESQL = """
    SELECT t.tgname, concat_ws(' ',
        CASE WHEN t.tgtype & 2 > 0 THEN 'BEFORE' END,
        array_to_string(ARRAY[
            CASE WHEN t.tgtype & 4 > 0 THEN 'INSERT' END,
            CASE WHEN t.tgtype & 16 > 0 THEN 'UPDATE' END,
            CASE WHEN t.tgtype & 8 > 0 THEN 'DELETE' END,
            CASE WHEN t.tgtype & 32 > 0 THEN 'TRUNCATE' END
        ], ' OR '),
        'ON', c.relname, 'FOR EACH', CASE WHEN t.tgtype & 1 > 0 THEN 'ROW' ELSE 'STATEMENT' END,
        CASE WHEN t.tgqual IS NOT NULL THEN 'WHEN' END,
        p.proname, 'SET ' || replace(array_to_string(p.proconfig, ' '), '=', ' = '), p.prosrc)
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
    WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND c.relnamespace = current_schema()::regnamespace
"""

_FUNCTION = re.compile(
    r"CREATE (OR REPLACE )?FUNCTION (?P<name>\w+)\(\) RETURNS trigger LANGUAGE plpgsql(?P<pinned>.*?) AS"
    r" \$\$(?P<body>.*)\$\$"
)


def create(connection: Connection, statements: Iterable[str]) -> None:
    """Create these; for the revisions that create the ledger's tables."""
    for statement in statements:
        # As it stands: the driver would take a % in it for a place.
        connection.exec_driver_sql(statement, execution_options={"no_parameters": True})


def check(connection: Connection) -> None:
    """Raise Misconfigured where one is absent or is not what it should be.

    Alembic's batch mode, for one, drops them without a word; and one that was exchanged for another of the same name
    is no guard.
    """
    dialect = connection.dialect.name
    query = _SQLITE if dialect == "sqlite" else _POSTGRESQL
    present = {name: _plain(what) for name, what in connection.execute(text(query))}
    wrong = [name for name, what in declared(dialect).items() if present.get(name) != what]
    if wrong:
        raise Misconfigured("ledger-unguarded", triggers=", ".join(sorted(wrong)))


def declared(dialect: str) -> Mapping[str, str]:
    """What each that there should be in "sqlite" or "postgresql" does, by its name."""
    statements = [_plain(statement) for statement in ledger_triggers(dialect)]
    triggers = {
        statement.split()[2]: statement for statement in statements if statement.startswith("CREATE TRIGGER ")
    }
    if dialect == "sqlite":
        return triggers
    bodies = {
        made["name"]: _plain(f"{made['pinned']} {made['body']}")
        for made in map(_FUNCTION.match, statements)
        if made is not None
    }
    found = {}
    for name, statement in triggers.items():
        when, _, called = statement.removeprefix(f"CREATE TRIGGER {name} ").partition(" EXECUTE FUNCTION ")
        function = called.removesuffix("()")
        found[name] = f"{when} {function} {bodies[function]}"
    return found


def _plain(statement: str) -> str:
    return " ".join(statement.split())
