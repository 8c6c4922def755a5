from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from heji_trace.errors import LedgerBusy
from heji_trace.store.db import Store, is_passing
from heji_trace.store.rows import Part, insert_rows, names_of, write_together
from heji_trace.store.tables import disclosures, edges, stock


@pytest.mark.parametrize("count", [0, 1, 2, 7, 8, 31, 33, 256, 600])
def test_all_rows_are_inserted_each_once_and_in_their_bytes(store: Store, count: int) -> None:
    rows = [{"seq": at, "pointer": f"/{at}", "salt": bytes([at % 256]), "value": b""} for at in range(count)]
    with store.write() as connection:
        insert_rows(connection, disclosures, rows)
        stored = connection.execute(select(disclosures).order_by(disclosures.c.seq)).mappings().all()
    assert [dict(row) for row in stored] == rows


@pytest.mark.parametrize("count", [1, 300])
def test_a_row_that_lacks_a_column_is_not_written_half(store: Store, count: int) -> None:
    with pytest.raises(KeyError), store.write() as connection:
        insert_rows(connection, stock, [{"batch": f"B{at}"} for at in range(count)])
    with store.read() as connection:
        assert connection.execute(select(stock)).all() == []


@pytest.mark.parametrize("count", [2, 300])
def test_rows_that_break_a_rule_of_the_database_are_told_as_such(store: Store, count: int) -> None:
    row = {"batch": "B", "holder": "o", "state": "held", "dimension": "mass", "amount": 1}
    with pytest.raises(IntegrityError), store.write() as connection:
        insert_rows(connection, stock, [row] * count)
    with store.read() as connection:
        assert connection.execute(select(stock)).all() == []


@pytest.mark.postgresql_only
@pytest.mark.parametrize("count", [2, 300])
def test_a_server_that_goes_away_in_the_middle_is_told_as_busy(store: Store, count: int) -> None:
    row = {"holder": "o", "state": "held", "dimension": "mass", "amount": 1}
    rows = [{"batch": f"B{at}", **row} for at in range(count)]

    def insert_on_a_connection_that_is_cut() -> None:
        with store.write() as connection, store.read() as other:
            own = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
            other.exec_driver_sql("SELECT pg_terminate_backend(%s)", (own,))
            insert_rows(connection, stock, rows)

    with pytest.raises(LedgerBusy) as refused:
        insert_on_a_connection_that_is_cut()
    # So the recorder tries its group again.
    assert is_passing(refused.value)
    with store.write() as connection:
        insert_rows(connection, stock, rows)


def test_text_of_every_kind_is_stored_as_it_is(store: Store) -> None:
    odd = ["\\", "\\N", "\t", "\n", "\r", "\\.", "'", '"', "{}", "荔枝 🍈", "\u202e", " ", ""]
    rows = [
        {
            "batch": f"{at:03}{odd[at % len(odd)]}",
            "holder": "o",
            "state": "held",
            "dimension": "mass",
            "amount": at,
        }
        for at in range(300)
    ]
    with store.write() as connection:
        insert_rows(connection, stock, rows)
        stored = connection.execute(select(stock).order_by(stock.c.amount)).mappings().all()
    assert [dict(row) for row in stored] == rows


def test_stored_rows_get_the_values_of_those_with_their_key_and_no_others_change(
    store: Store,
) -> None:
    def row(batch: str, amount: int) -> dict[str, object]:
        return {"batch": batch, "holder": "o", "state": "held", "dimension": "mass", "amount": amount}

    with store.write() as connection:
        insert_rows(connection, stock, [row(f"B{at:03}", at) for at in range(200)])
        changed = [row(f"B{at:03}", -at) for at in range(0, 200, 2)]
        write_together(connection, [Part(stock, changed, replaces=True)])
        amounts = connection.execute(select(stock.c.amount).order_by(stock.c.batch)).scalars().all()
    assert amounts == [at if at % 2 else -at for at in range(200)]


def test_parts_of_several_tables_are_written_together_new_rows_beside_changed_ones(store: Store) -> None:
    def row(batch: str, amount: int) -> dict[str, object]:
        return {"batch": batch, "holder": "o", "state": "held", "dimension": "mass", "amount": amount}

    edge = dict.fromkeys(names_of(edges)) | {
        "seq": 1,
        "parent": "A",
        "child": "B",
        "flow": "transformation",
        "dimension": "mass",
        "amount": 7,
        "occurred_ms": 5,
    }
    with store.write() as connection:
        insert_rows(connection, stock, [row("A", 1), row("B", 2)])
        parts = [
            Part(stock, [row("C", 3)]),
            Part(edges, []),
            Part(stock, [row("A", -1)], replaces=True),
            Part(edges, [edge]),
        ]
        write_together(connection, parts)
        amounts = connection.execute(select(stock.c.batch, stock.c.amount).order_by(stock.c.batch)).all()
        stored = connection.execute(select(edges)).mappings().all()
    assert [tuple(each) for each in amounts] == [("A", -1), ("B", 2), ("C", 3)]
    assert [dict(each) for each in stored] == [edge]
