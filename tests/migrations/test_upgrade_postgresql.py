from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from threading import Event, Thread

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from heji_migrations import triggers, upgrade
from heji_trace.errors import LedgerBusy, Misconfigured
from heji_trace.store.append_only import ledger_triggers
from heji_trace.store.db import Store
from heji_trace.store.sweep import COPYING
from heji_trace.store.tables import ERASABLE, LEDGER, metadata
from postgresql import EMPTY, Cluster

pytestmark = pytest.mark.postgresql_only


@pytest.fixture
def empty(cluster: Cluster) -> Iterator[Store]:
    """A database in which nothing has been made."""
    with cluster.database(template=EMPTY) as url, closing(Store(url)) as store:
        yield store


def test_an_empty_database_is_upgraded_to_exactly_the_declared_tables(empty: Store) -> None:
    with empty.write() as connection:
        upgrade.upgrade(connection)
    with empty.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, metadata) == []
        found = {
            name: [column["name"] for column in inspect(connection).get_columns(name)]
            for name in metadata.tables
        }
        assert upgrade.is_current(connection)
    assert found == {name: list(table.columns.keys()) for name, table in metadata.tables.items()}


def test_all_text_is_in_the_order_of_its_bytes_and_all_numbers_have_eight(empty: Store) -> None:
    with empty.write() as connection:
        upgrade.upgrade(connection)
        rows = connection.execute(
            text(
                "SELECT table_name, column_name, data_type, collation_name FROM information_schema.columns"
                " WHERE table_schema = 'public' AND table_name <> 'alembic_version'"
            )
        ).all()
    assert len(rows) == sum(len(table.columns) for table in metadata.tables.values())
    assert {row.data_type for row in rows} == {"text", "bigint", "bytea"}
    assert {row.collation_name for row in rows if row.data_type == "text"} == {"C"}


def test_after_every_revision_the_ledger_s_triggers_are_in_place(empty: Store) -> None:
    for script in list(ScriptDirectory.from_config(upgrade.config()).walk_revisions())[::-1]:
        with empty.write() as connection:
            upgrade.upgrade(connection, script.revision)
    with empty.read() as connection:
        triggers.check(connection)
        count = connection.scalar(text("SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal"))
    assert count == len([each for each in ledger_triggers("postgresql") if each.startswith("CREATE TRIGGER")])


def test_the_server_keeps_no_statistics_of_what_an_erasure_may_take(empty: Store) -> None:
    # They hold values themselves, and for as long as hardly anything else of the table changes.
    with empty.write() as connection:
        upgrade.upgrade(connection, "0008")
        connection.execute(
            text(
                "INSERT INTO disclosures SELECT n, '/note', 'salt', '陈大文' FROM generate_series(1, 50) AS n"
            )
        )
        connection.execute(text("ANALYZE disclosures"))
        assert sealed_statistics(connection) == {("disclosures", "salt"), ("disclosures", "value")}
        upgrade.upgrade(connection)
        assert sealed_statistics(connection) == set()
        connection.execute(text("ANALYZE"))
        assert sealed_statistics(connection) == set()
        asked = text(
            "SELECT relname, attname FROM pg_attribute JOIN pg_class c ON c.oid = attrelid WHERE attstattarget = 0"
        )
        spared = {tuple(row) for row in connection.execute(asked)}
    copied = {
        (table.name, column.name) for table in COPYING for column in table.columns if column.info == ERASABLE
    }
    assert spared >= copied | {("disclosures", "value"), ("imports", "data"), ("imported", "file_name")}


def sealed_statistics(connection: Connection) -> set[tuple[str, ...]]:
    query = text(
        "SELECT tablename, attname FROM pg_stats WHERE tablename = 'disclosures' AND attname IN ('salt', 'value')"
    )
    return {tuple(row) for row in connection.execute(query)}


@pytest.mark.parametrize("table", [table.name for table in LEDGER])
def test_a_trigger_that_is_missing_or_switched_off_is_named(store: Store, table: str) -> None:
    with store.write() as connection:
        connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER {table}_no_truncate"))
        with pytest.raises(Misconfigured, match=f"{table}_no_truncate"):
            upgrade.check_current(connection)
        connection.execute(text(f"DROP TRIGGER {table}_append_only ON {table}"))
        with pytest.raises(Misconfigured, match=f"{table}_append_only"):
            upgrade.check_current(connection)


@pytest.mark.parametrize(
    "exchange, named",
    [
        (
            (
                "CREATE OR REPLACE FUNCTION heji_append_only() RETURNS trigger LANGUAGE plpgsql"
                " AS $$ BEGIN RETURN NEW; END $$"
            ),
            "entries_append_only",
        ),
        ("ALTER TABLE entries ENABLE REPLICA TRIGGER entries_append_only", "entries_append_only"),
        ("ALTER FUNCTION heji_value_erased() RESET search_path", "disclosures_erased"),
        (
            (
                "CREATE OR REPLACE TRIGGER entries_append_only BEFORE UPDATE ON entries"
                " FOR EACH ROW EXECUTE FUNCTION heji_append_only()"
            ),
            "entries_append_only",
        ),
        (
            (
                "CREATE OR REPLACE TRIGGER erasures_named BEFORE INSERT ON erasures"
                " FOR EACH ROW WHEN (false) EXECUTE FUNCTION heji_erasure_named()"
            ),
            "erasures_named",
        ),
    ],
)
def test_a_trigger_that_guards_nothing_any_more_is_named(store: Store, exchange: str, named: str) -> None:
    with store.write() as connection:
        connection.exec_driver_sql(exchange)
        with pytest.raises(Misconfigured, match=named):
            upgrade.check_current(connection)


def upgrade_and_fail(store: Store) -> None:
    with store.write() as connection:
        upgrade.upgrade(connection)
        raise RuntimeError


def test_an_upgrade_that_fails_leaves_nothing_behind(empty: Store) -> None:
    with pytest.raises(RuntimeError):
        upgrade_and_fail(empty)
    with empty.read() as connection:
        assert inspect(connection).get_table_names() == []


def test_of_two_upgrades_at_once_one_waits_and_finds_it_done(empty: Store) -> None:
    failed: list[BaseException] = []
    begun = Event()

    def second() -> None:
        with closing(Store(empty.url)) as store:
            begun.set()
            try:
                with store.write() as connection:
                    upgrade.upgrade(connection)
            except BaseException as error:  # noqa: BLE001 - told to the thread that asserts
                failed.append(error)

    thread = Thread(target=second)
    with empty.write() as connection:
        upgrade.upgrade(connection)
        thread.start()
        assert begun.wait(10)
        # It waits for the lock, which this transaction holds.
        thread.join(0.5)
        assert thread.is_alive()
    thread.join(20)
    assert failed == []
    with empty.read() as connection:
        assert upgrade.is_current(connection)


def test_an_upgrade_gives_up_where_another_holds_the_lock_too_long(
    empty: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upgrade, "LOCK_TIMEOUT", "200ms")
    with closing(Store(empty.url)) as store, empty.write() as connection:
        upgrade.upgrade(connection)
        with pytest.raises(LedgerBusy), store.write() as other:
            upgrade.upgrade(other)
    with empty.read() as connection:
        assert upgrade.is_current(connection)


def test_a_table_in_use_is_not_waited_for_without_end(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upgrade, "LOCK_TIMEOUT", "200ms")
    with closing(Store(store.url)) as other, other.read() as reading:
        reading.execute(text("SELECT count(*) FROM entries"))
        with pytest.raises(LedgerBusy):
            alter(store)


def alter(store: Store) -> None:
    with store.write() as connection:
        upgrade.upgrade(connection)
        connection.execute(text("ALTER TABLE entries ADD COLUMN other text"))
