"""Reading the rows of several tables in one statement.

The driver lets other threads run at every statement and every row, and under thirty-two of them coming back took far
longer than reading: so the database is asked once, and answers one row that holds all of them as JSON.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Column, ColumnElement, Connection, ScalarSelect, Table, Text, cast, func, select

from heji_trace.store.prepared import Prepared, among
from heji_trace.store.rows import names_of

Row = dict[str, Any]


class Asked(NamedTuple):
    """The rows of `table` whose `column` is one of the keys; with `live_only` those that no correction withdrew.

    Of each row the values of the columns in `names`; of all where there are none.
    """

    table: Table
    column: str
    live_only: bool
    names: tuple[str, ...] = ()


def read_rows(connection: Connection, asked: Sequence[tuple[Asked, Sequence[Any]]]) -> list[list[Row]]:
    """The rows for each question and its keys, in no order; tables with columns of text and whole numbers only."""
    questions = tuple(question for question, _ in asked)
    keys = {f"keys{at}": list(wanted) for at, (_, wanted) in enumerate(asked)}
    found = _statement(questions, connection.dialect.name).run(connection, **keys).one()
    return [
        [dict(zip(columns, values, strict=True)) for values in orjson.loads(rows)]
        for columns, rows in zip(map(_names, questions), found, strict=True)
    ]


@cache
def _statement(questions: tuple[Asked, ...], dialect: str) -> Prepared:
    rows_of = _sqlite_rows if dialect == "sqlite" else _postgresql_rows
    return Prepared(
        select(*(_part(question, f"keys{at}", rows_of(question)) for at, question in enumerate(questions)))
    )


def _part(question: Asked, keys: str, rows: ColumnElement[str]) -> ScalarSelect[str]:
    table = question.table
    query = select(rows).where(among(table.c[question.column], keys))
    return (query.where(table.c.withdrawn_seq.is_(None)) if question.live_only else query).scalar_subquery()


def _sqlite_rows(question: Asked) -> ColumnElement[str]:
    return func.json_group_array(func.json_array(*_columns(question)))


def _postgresql_rows(question: Asked) -> ColumnElement[str]:
    return func.coalesce(cast(func.json_agg(func.json_build_array(*_columns(question))), Text), "[]")


def _columns(question: Asked) -> list[Column[Any]]:
    return [question.table.c[name] for name in _names(question)]


def _names(question: Asked) -> tuple[str, ...]:
    return question.names or names_of(question.table)
