"""Writing many rows at once by the driver's own hand.

SQLAlchemy looks at every value on its way; ours are integers, text and bytes already, and for the rows of a group that
look cost as much as SQLite's own work. Nor does each row get a statement of its own: the driver lets other threads run
in each, and coming back between thirty-two of them took longer than the inserting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from itertools import chain
from operator import itemgetter
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, Dialect, Table, exc

_Row = Mapping[str, Any]

# Far below the 32,766 values that SQLite takes at once, and few enough lengths for the driver to keep them prepared.
_AT_ONCE = 64
# So many rows of one table are copied, at PostgreSQL: those of a chunk of a bulk, hardly ever those of a group.
_COPIED = 200


class Part(NamedTuple):
    """Rows of one table, each with a value for every column; with `replaces` those that are stored, by primary key."""

    table: Table
    rows: Sequence[_Row]
    replaces: bool = False


def insert_rows(connection: Connection, table: Table, rows: Sequence[_Row]) -> None:
    """Insert rows that each have a value for every column of the table."""
    write_together(connection, [Part(table, rows)])


def write_together(connection: Connection, parts: Iterable[Part]) -> None:
    """Insert or replace rows of several tables; no part may have a row of another part."""
    filled = [part for part in parts if part.rows]
    if connection.dialect.name == "postgresql":
        for part in filter(_is_copied, filled):
            _copy(connection, part)
        _write_json(connection, [part for part in filled if not _is_copied(part)])
        return
    for part in filled:
        _write(connection, part)


def _write(connection: Connection, part: Part) -> None:
    values_of = _picker(part.table)
    ending = _replacing(part.table) if part.replaces else ""
    for start in range(0, len(part.rows), _AT_ONCE):
        rows = part.rows[start : start + _AT_ONCE]
        statement = _statement(part.table, len(rows)) + ending
        connection.exec_driver_sql(statement, tuple(chain.from_iterable(map(values_of, rows))))


def _is_copied(part: Part) -> bool:
    return len(part.rows) >= _COPIED and not part.replaces


def _copy(connection: Connection, part: Part) -> None:
    """Many rows by PostgreSQL's own way in: it takes two turns to the server and back, and less for each row."""
    _check_names(part)
    statement = f"COPY {part.table.name} ({', '.join(names_of(part.table))}) FROM STDIN"
    driver: Any = connection.connection.driver_connection
    failure = connection.dialect.loaded_dbapi.Error
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for values in map(_picker(part.table), part.rows):
                copy.write_row(values)
    except failure as error:
        # As of every other statement: whoever waits for an answer tells a broken rule from a lost server.
        raise exc.DBAPIError.instance(
            statement, None, error, failure, hide_parameters=True, connection_invalidated=driver.closed
        ) from error


def _write_json(connection: Connection, parts: Sequence[Part]) -> None:
    """All parts in one statement, the rows of each as one value.

    PostgreSQL's driver reads a statement with a place for each value anew every time, in Python; and each statement is a
    way to the server and back.
    """
    if not parts:
        return
    given = tuple([_dump_rows(part) for part in parts])
    shapes = tuple([(part.table, part.replaces) for part in parts])
    connection.exec_driver_sql(_json_statement(shapes, connection.dialect), given)


def _check_names(part: Part) -> None:
    names = dict.fromkeys(names_of(part.table)).keys()
    for row in part.rows:
        # A value that is missing would be taken for NULL.
        if row.keys() != names:
            raise KeyError(*(row.keys() ^ names))


def _dump_rows(part: Part) -> str:
    _check_names(part)
    return orjson.dumps(list(part.rows), default=_dump_bytes).decode()


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
def _picker(table: Table) -> Callable[[_Row], Sequence[Any]]:
    """What gives the values of a row in the order of the columns, of which each of our tables has two or more."""
    return itemgetter(*names_of(table))


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
def _json_statement(shapes: tuple[tuple[Table, bool], ...], dialect: Dialect) -> str:
    *first, last = [
        _json_insert(table, dialect) + (_replacing(table) if again else "") for table, again in shapes
    ]
    beside = ", ".join(f"part{at} AS ({each})" for at, each in enumerate(first))
    return f"WITH {beside} {last}" if first else last


def _json_insert(table: Table, dialect: Dialect) -> str:
    names = ", ".join(names_of(table))
    typed = ", ".join(f"{column.name} {column.type.compile(dialect)}" for column in table.columns)
    return f"INSERT INTO {table.name} ({names}) SELECT {names} FROM json_to_recordset(%s) AS given ({typed})"  # noqa: S608
