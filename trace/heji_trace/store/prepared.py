"""Statements that are put together once, for all that are read for a page: each time anew costs more than running them.

SQLAlchemy finds a statement's text again by walking through the whole of it; these go to the driver as text, and rows
come back as the driver has them. That holds for columns of whole numbers, text and bytes, and we have no others.
"""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy import (
    ColumnElement,
    Connection,
    CursorResult,
    Dialect,
    Select,
    Text,
    bindparam,
    cast,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler


class Prepared:
    """A statement with values by name, which `bindparam` and `among` leave open; a list goes to `among` alone."""

    def __init__(self, query: Select[*tuple[Any, ...]]) -> None:
        self.query = query
        self._texts: dict[str, tuple[str, tuple[str, ...], dict[str, Any]]] = {}

    def run(self, connection: Connection, **values: Any) -> CursorResult[*tuple[Any, ...]]:
        """The rows for these values."""
        dialect = connection.dialect
        text, order, fixed = self._texts.get(dialect.name) or self._compile(dialect)
        given = fixed | {
            name: orjson.dumps(value).decode() if isinstance(value, list) else value
            for name, value in values.items()
        }
        return connection.exec_driver_sql(text, tuple([given[name] for name in order]) if order else given)

    def _compile(self, dialect: Dialect) -> tuple[str, tuple[str, ...], dict[str, Any]]:
        """The text, the order of its values where they go by their places, and those that are always the same."""
        compiled: Any = self.query.compile(dialect=dialect)
        made = str(compiled), tuple(compiled.positiontup or ()), dict(compiled.params)
        self._texts[dialect.name] = made
        return made


def among(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Whether a column is one of the values given under a name: one text, however many they are."""
    return _Among(column, name)


class _Among(ColumnElement[bool]):
    inherit_cache = False

    def __init__(self, column: ColumnElement[Any], name: str) -> None:
        self.column = column
        self.name = name


@compiles(_Among)
def _any(element: _Among, compiler: SQLCompiler, **names: Any) -> str:
    # As JSON here too: of an array the driver looks at each value by itself.
    listed = func.jsonb_array_elements_text(cast(bindparam(element.name, type_=Text), JSONB))
    values = select(cast(listed, element.column.type))
    return f"{compiler.process(element.column, **names)} = ANY (ARRAY({compiler.process(values, **names)}))"


@compiles(_Among, "sqlite")
def _in_json(element: _Among, compiler: SQLCompiler, **names: Any) -> str:
    values = bindparam(element.name, type_=Text)
    column = compiler.process(element.column, **names)
    return f"{column} IN (SELECT value FROM json_each({compiler.process(values, **names)}))"  # noqa: S608
