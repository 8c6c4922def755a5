"""Reading the rows of several tables in one statement.

The driver lets other threads run at every statement and every row, and under thirty-two of them coming back took far
longer than reading: so the database is asked once, and answers one row that holds all of them as JSON.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import orjson
from sqlalchemy import (
    ARRAY,
    Connection,
    Dialect,
    ScalarSelect,
    Select,
    Table,
    Text,
    any_,
    bindparam,
    cast,
    func,
    literal_column,
    select,
)

from heji_trace.rows import names_of

Row = dict[str, Any]


class Asked(NamedTuple):
    """The rows of `table` whose `column` is one of the keys; with `live_only` those that no correction withdrew."""

    table: Table
    column: str
    live_only: bool


def read_rows(connection: Connection, asked: Sequence[tuple[Asked, Sequence[Any]]]) -> list[list[Row]]:
    """The rows for each question and its keys, in no order; tables with columns of text and whole numbers only."""
    dialect = connection.dialect.name
    questions = tuple(question for question, _ in asked)
    names = [names_of(question.table) for question in questions]
    keys = {
        f"keys{at}": orjson.dumps(list(wanted)).decode() if dialect == "sqlite" else list(wanted)
        for at, (_, wanted) in enumerate(asked)
    }
    text, order = _statement(questions, connection.dialect)
    asked_for = tuple(keys[name] for name in order) if order else keys
    found = connection.exec_driver_sql(text, asked_for).one()
    return [
        [dict(zip(columns, values, strict=True)) for values in orjson.loads(rows)]
        for columns, rows in zip(names, found, strict=True)
    ]


@cache
def _statement(questions: tuple[Asked, ...], dialect: Dialect) -> tuple[str, Sequence[str]]:
    """The statement, and the order of its keys where they go by their places and not by their names.

    Put together once for each set of questions: for the few rows of a group that costs more than running it, and so
    does finding out that it was put together before, unless it is asked for by this short name.
    """
    part = _sqlite_part if dialect.name == "sqlite" else _postgresql_part
    query = select(*(part(question, f"keys{at}") for at, question in enumerate(questions)))
    compiled = query.compile(dialect=dialect)
    return str(compiled), getattr(compiled, "positiontup", None) or ()


def _sqlite_part(question: Asked, keys: str) -> ScalarSelect[Any]:
    among = func.json_each(bindparam(keys, type_=Text)).table_valued("value")
    rows = func.json_group_array(func.json_array(*question.table.columns))
    return _live(
        select(rows).where(question.table.c[question.column].in_(select(among.c.value))), question
    ).scalar_subquery()


def _postgresql_part(question: Asked, keys: str) -> ScalarSelect[Any]:
    among = any_(cast(bindparam(keys), ARRAY(question.table.c[question.column].type)))
    rows = func.json_agg(func.json_build_array(*question.table.columns))
    query = select(func.coalesce(cast(rows, Text), literal_column("'[]'"))).where(
        question.table.c[question.column] == among
    )
    return _live(query, question).scalar_subquery()


def _live(query: Select[Any], question: Asked) -> Select[Any]:
    table = question.table
    return query.where(table.c.withdrawn_seq.is_(None)) if question.live_only else query
