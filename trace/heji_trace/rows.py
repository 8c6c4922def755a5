"""Writing many rows at once by the driver's own hand.

SQLAlchemy looks at every value on its way; ours are integers, text and bytes already, and for the rows of a group that
look cost as much as SQLite's own work. Nor does each row get a statement of its own: the driver lets other threads run
in each, and coming back between thirty-two of them took longer than the inserting.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import orjson
from sqlalchemy import Connection, Dialect, Table

_Row = Mapping[str, Any]

# Far below the 32,766 values that SQLite takes at once, and few enough lengths for the driver to keep them prepared.
_AT_ONCE = 64


def insert_rows(connection: Connection, table: Table, rows: Sequence[_Row]) -> None:
    """Insert rows that each have a value for every column of the table."""
    _write(connection, table, rows, "")


def replace_rows(connection: Connection, table: Table, rows: Sequence[_Row]) -> None:
    """Give stored rows, found by their primary key, the values that each has for every column of the table."""
    _write(connection, table, rows, _replacing(table))


def _write(connection: Connection, table: Table, rows: Sequence[_Row], ending: str) -> None:
    if connection.dialect.name == "postgresql":
        _write_json(connection, table, rows, ending)
        return
    names = names_of(table)
    for start in range(0, len(rows), _AT_ONCE):
        part = rows[start : start + _AT_ONCE]
        statement = _statement(table, len(part)) + ending
        connection.exec_driver_sql(statement, tuple([row[name] for row in part for name in names]))


def _write_json(connection: Connection, table: Table, rows: Sequence[_Row], ending: str) -> None:
    """All rows as one value: its driver reads a statement with a place for each value anew every time, in Python."""
    names = dict.fromkeys(names_of(table)).keys()
    for row in rows:
        # A value that is missing would be taken for NULL.
        if row.keys() != names:
            raise KeyError(*(row.keys() ^ names))
    if rows:
        given = orjson.dumps(list(rows), default=_dump_bytes).decode()
        connection.exec_driver_sql(_json_statement(table, connection.dialect) + ending, (given,))


def _dump_bytes(value: object) -> str:
    """Bytes as PostgreSQL takes them from a text; raises TypeError for what no column holds."""
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    raise TypeError(type(value).__name__)


@cache
def names_of(table: Table) -> tuple[str, ...]:
    """The names of a table's columns, as plain texts: SQLAlchemy's own kind of text is slower in a dictionary."""
    return tuple(str(column.name) for column in table.columns)


@cache
def _replacing(table: Table) -> str:
    keys = [column.name for column in table.primary_key]
    others = [f"{name} = excluded.{name}" for name in names_of(table) if name not in keys]
    return f" ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {', '.join(others)}"


@cache
def _statement(table: Table, size: int) -> str:
    row = f"({', '.join('?' for _ in table.columns)})"
    return f"INSERT INTO {table.name} ({', '.join(names_of(table))}) VALUES {', '.join([row] * size)}"  # noqa: S608


@cache
def _json_statement(table: Table, dialect: Dialect) -> str:
    names = ", ".join(names_of(table))
    typed = ", ".join(f"{column.name} {column.type.compile(dialect)}" for column in table.columns)
    return f"INSERT INTO {table.name} ({names}) SELECT {names} FROM json_to_recordset(%s) AS given ({typed})"  # noqa: S608
