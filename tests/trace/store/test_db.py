from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from heji_trace.errors import LedgerBusy, Misconfigured
from heji_trace.store.db import Store


def test_after_an_error_of_the_store_the_connection_is_opened_anew(tmp_path: Path) -> None:
    """What an fsync that failed has left behind is unknown to the connection that saw it."""
    with closing(Store(f"sqlite:///{tmp_path / 'a.db'}")) as store:
        with store.write() as connection:
            connection.exec_driver_sql("CREATE TABLE a (b TEXT PRIMARY KEY)")
            before = connection.connection.dbapi_connection
        with pytest.raises(LedgerBusy), store.write() as connection:
            connection.exec_driver_sql("SELECT * FROM nowhere")
        with store.write() as connection:
            after = connection.connection.dbapi_connection
            connection.exec_driver_sql("INSERT INTO a VALUES ('c')")
        assert after is not before
        # A broken constraint says nothing against the connection.
        with pytest.raises(IntegrityError), store.write() as connection:
            connection.exec_driver_sql("INSERT INTO a VALUES ('c')")
        with store.write() as connection:
            assert connection.connection.dbapi_connection is after


@pytest.mark.parametrize("url", ["mysql://db.example/heji", "oracle+driver://x", "heji.db", ""])
def test_a_store_is_a_file_of_sqlite_or_a_server_of_postgresql_and_nothing_else(url: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        Store(url)
    assert refused.value.code == "database-kind"
