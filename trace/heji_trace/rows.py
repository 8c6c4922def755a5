"""Writing many rows at once by the driver's own hand.

SQLAlchemy looks at every value on its way; ours are integers, text and bytes already, and for the rows of a group that
look cost as much as SQLite's own work. Nor does each row get a statement of its own: the driver lets other threads run
in each, and coming back between thirty-two of them took longer than the inserting.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Table

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
    names = _names(table)
    for start in range(0, len(rows), _AT_ONCE):
        part = rows[start : start + _AT_ONCE]
        statement = _statement(table, len(part), connection.dialect.paramstyle) + ending
        connection.exec_driver_sql(statement, tuple([row[name] for row in part for name in names]))


@cache
def _names(table: Table) -> tuple[str, ...]:
    return tuple(column.name for column in table.columns)


@cache
def _replacing(table: Table) -> str:
    keys = [column.name for column in table.primary_key]
    others = [f"{name} = excluded.{name}" for name in _names(table) if name not in keys]
    return f" ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {', '.join(others)}"


@cache
def _statement(table: Table, size: int, paramstyle: str) -> str:
    mark = "?" if paramstyle == "qmark" else "%s"
    row = f"({', '.join(mark for _ in table.columns)})"
    return f"INSERT INTO {table.name} ({', '.join(_names(table))}) VALUES {', '.join([row] * size)}"  # noqa: S608
