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

# Few sizes, so that the driver keeps the statements prepared; far below the 32,766 values that SQLite takes at once.
_SIZES = (256, 32, 8, 2, 1)


def insert_rows(connection: Connection, table: Table, rows: Sequence[_Row]) -> None:
    """Insert rows that each have a value for every column of the table."""
    names = _names(table)
    start = 0
    for size in _SIZES:
        while len(rows) - start >= size:
            part = rows[start : start + size]
            values = tuple([row[name] for row in part for name in names])
            connection.exec_driver_sql(_statement(table, size, connection.dialect.paramstyle), values)
            start += size


@cache
def _names(table: Table) -> tuple[str, ...]:
    return tuple(column.name for column in table.columns)


@cache
def _statement(table: Table, size: int, paramstyle: str) -> str:
    mark = "?" if paramstyle == "qmark" else "%s"
    row = f"({', '.join(mark for _ in table.columns)})"
    return f"INSERT INTO {table.name} ({', '.join(_names(table))}) VALUES {', '.join([row] * size)}"  # noqa: S608
