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
    ScalarSelect,
    Select,
    Table,
    Text,
    any_,
    bindparam,
    cast,
    func,
    select,
)

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
    names = [[column.name for column in question.table.columns] for question in questions]
    keys = {
        f"keys{at}": orjson.dumps(list(wanted)).decode() if dialect == "sqlite" else list(wanted)
        for at, (_, wanted) in enumerate(asked)
    }
    found = connection.execute(_statement(questions, dialect), keys).one()
    return [
        [dict(zip(columns, values, strict=True)) for values in orjson.loads(rows)]
        for columns, rows in zip(names, found, strict=True)
    ]


@cache
def _statement(questions: tuple[Asked, ...], dialect: str) -> Select[Any]:
    """Put together once for each set of questions: for the few rows of a group that costs more than running it."""
    part = _sqlite_part if dialect == "sqlite" else _postgresql_part
    return select(*(part(question, f"keys{at}") for at, question in enumerate(questions)))


def _sqlite_part(question: Asked, keys: str) -> ScalarSelect[Any]:
    among = func.json_each(bindparam(keys, type_=Text)).table_valued("value")
    rows = func.json_group_array(func.json_array(*question.table.columns))
    return _live(
        select(rows).where(question.table.c[question.column].in_(select(among.c.value))), question
    ).scalar_subquery()


def _postgresql_part(question: Asked, keys: str) -> ScalarSelect[Any]:
    among = any_(cast(bindparam(keys), ARRAY(question.table.c[question.column].type)))
    rows = func.json_agg(func.json_build_array(*question.table.columns))
    query = select(func.coalesce(cast(rows, Text), "[]")).where(question.table.c[question.column] == among)
    return _live(query, question).scalar_subquery()


def _live(query: Select[Any], question: Asked) -> Select[Any]:
    table = question.table
    return query.where(table.c.withdrawn_seq.is_(None)) if question.live_only else query
