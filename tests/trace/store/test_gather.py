from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine, event, insert, select
from sqlalchemy.pool import StaticPool

from heji_trace.store import tables
from heji_trace.store.gather import Asked, read_rows

HOLDS = Asked(tables.holds, "batch", live_only=True)
ALL_HOLDS = Asked(tables.holds, "batch", live_only=False)
STOCK = Asked(tables.stock, "batch", live_only=False)


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    with engine.begin() as connection:
        tables.metadata.create_all(connection, tables=list(tables.PROJECTIONS))
        yield connection
    engine.dispose()


def hold(seq: int, batch: str, withdrawn: int | None = None) -> dict[str, object]:
    given = {"seq": seq, "event_id": f"e{seq}", "batch": batch, "organisation": "o"}
    return given | {"released_seq": None, "withdrawn_seq": withdrawn}


def stock(batch: str, amount: int) -> dict[str, object]:
    return {"batch": batch, "holder": "o", "state": "held", "dimension": "mass", "amount": amount}


def test_each_question_gets_the_rows_of_its_own_keys(connection: Connection) -> None:
    connection.execute(insert(tables.holds), [hold(1, "A"), hold(2, "B"), hold(3, "C")])
    connection.execute(insert(tables.stock), [stock("A", 5), stock("B", -(2**62))])
    holds, held, none = read_rows(
        connection, [(HOLDS, ["A", "C"]), (STOCK, ["B", "nowhere"]), (STOCK, ["nowhere"])]
    )
    assert sorted(row["seq"] for row in holds) == [1, 3]
    assert held == [stock("B", -(2**62))]
    assert none == []


def test_withdrawn_rows_are_read_only_where_they_are_asked_for(connection: Connection) -> None:
    connection.execute(insert(tables.holds), [hold(1, "A"), hold(2, "A", withdrawn=9)])
    live, every = read_rows(connection, [(HOLDS, ["A"]), (ALL_HOLDS, ["A"])])
    assert [row["seq"] for row in live] == [1]
    assert sorted(row["seq"] for row in every) == [1, 2]


def test_one_statement_asks_for_all(connection: Connection) -> None:
    statements: list[str] = []
    event.listen(
        connection, "before_cursor_execute", lambda _c, _u, statement, *_: statements.append(statement)
    )
    read_rows(connection, [(HOLDS, ["A"]), (STOCK, ["A"]), (ALL_HOLDS, ["B"])])
    assert len(statements) == 1


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
            st.integers(-(2**63), 2**63 - 1),
        ),
        unique_by=lambda pair: pair[0],
    )
)
def test_rows_come_as_they_are_stored_whatever_their_text_and_numbers(pairs: list[tuple[str, int]]) -> None:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    with engine.begin() as connection:
        tables.stock.create(connection)
        rows = [stock(batch, amount) for batch, amount in pairs]
        if rows:
            connection.execute(insert(tables.stock), rows)
        found = read_rows(connection, [(STOCK, [batch for batch, _ in pairs])])[0]
        assert sorted(map(str, found)) == sorted(map(str, rows))
        expected = connection.execute(select(tables.stock)).mappings().all()
        assert sorted(map(str, found)) == sorted(str(dict(row)) for row in expected)
    engine.dispose()
