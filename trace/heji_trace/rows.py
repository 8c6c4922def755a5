"""Writing many rows at once by the driver's own hand.

SQLAlchemy looks at every value on its way; ours are integers, text and bytes already, and for the rows of a group that
look cost as much as SQLite's own work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Table, insert, make_url

_Row = Mapping[str, Any]


def insert_rows(connection: Connection, table: Table, rows: Sequence[_Row]) -> None:
    """Insert rows that each have a value for every column of the table."""
    if rows:
        dialect = connection.dialect
        statement, values_of = _prepared(table, f"{dialect.name}+{dialect.driver}://")
        connection.exec_driver_sql(statement, [values_of(row) for row in rows])


@cache
def _prepared(table: Table, url: str) -> tuple[str, Callable[[_Row], Any]]:
    """The statement, and how a row is handed to it: by place or by name, as the driver wants."""
    dialect = make_url(url).get_dialect()()
    compiled = insert(table).compile(dialect=dialect, column_keys=[column.name for column in table.columns])
    names = compiled.positiontup
    return str(compiled), dict if names is None else itemgetter(*names)
