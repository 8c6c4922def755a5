from __future__ import annotations

import pytest
from sqlalchemy import select

from heji_trace.db import Store
from heji_trace.rows import insert_rows, replace_rows
from heji_trace.tables import disclosures, stock


@pytest.mark.parametrize("count", [0, 1, 2, 7, 8, 31, 33, 256, 600])
def test_all_rows_are_inserted_each_once_and_in_their_bytes(store: Store, count: int) -> None:
    rows = [{"seq": at, "pointer": f"/{at}", "salt": bytes([at % 256]), "value": b""} for at in range(count)]
    with store.write() as connection:
        insert_rows(connection, disclosures, rows)
        stored = connection.execute(select(disclosures).order_by(disclosures.c.seq)).mappings().all()
    assert [dict(row) for row in stored] == rows


def test_a_row_that_lacks_a_column_is_not_written_half(store: Store) -> None:
    with store.write() as connection:
        with pytest.raises(KeyError):
            insert_rows(connection, stock, [{"batch": "A"}])
        assert connection.execute(select(stock)).all() == []


def test_stored_rows_get_the_values_of_those_with_their_key_and_no_others_change(
    store: Store,
) -> None:
    def row(batch: str, amount: int) -> dict[str, object]:
        return {"batch": batch, "holder": "o", "state": "held", "dimension": "mass", "amount": amount}

    with store.write() as connection:
        insert_rows(connection, stock, [row(f"B{at:03}", at) for at in range(200)])
        replace_rows(connection, stock, [row(f"B{at:03}", -at) for at in range(0, 200, 2)])
        amounts = connection.execute(select(stock.c.amount).order_by(stock.c.batch)).scalars().all()
    assert amounts == [at if at % 2 else -at for at in range(200)]
