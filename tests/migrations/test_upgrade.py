from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect, text

from heji_migrations import triggers, upgrade
from heji_trace.errors import Misconfigured
from heji_trace.store.append_only import ledger_triggers
from heji_trace.store.db import Store
from heji_trace.store.tables import LEDGER, metadata

DIALECTS = ("sqlite", "postgresql")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(f"sqlite:///{tmp_path}/heji.db")
    yield opened
    opened.close()


@pytest.fixture
def migrated(store: Store) -> Store:
    with store.write() as connection:
        upgrade.upgrade(connection)
    return store


def scripts() -> list[Script]:
    """All revisions, the first one first."""
    return list(ScriptDirectory.from_config(upgrade.config()).walk_revisions())[::-1]


def schema(connection: Connection) -> set[tuple[str, str]]:
    rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
    return {(name, " ".join(sql.split())) for name, sql in rows if name != "alembic_version"}


def test_an_empty_database_is_upgraded_to_exactly_the_declared_tables(migrated: Store) -> None:
    with migrated.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_every_table_of_sqlite_is_strict_after_the_upgrade_as_it_is_declared(migrated: Store) -> None:
    with migrated.read() as connection:
        found = dict(schema(connection))
    assert {name for name in metadata.tables if not found[name].endswith("STRICT")} == set()


def test_the_migrated_columns_are_the_declared_ones_in_order(migrated: Store) -> None:
    with migrated.read() as connection:
        found = {
            name: [column["name"] for column in inspect(connection).get_columns(name)]
            for name in metadata.tables
        }
    assert found == {name: list(table.columns.keys()) for name, table in metadata.tables.items()}


def test_all_triggers_of_the_ledger_are_in_place_after_every_revision() -> None:
    engine = create_engine("sqlite://")
    with engine.connect() as connection, connection.begin():
        for script in scripts():
            upgrade.upgrade(connection, script.revision)
            rows = connection.execute(text("SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger'"))
            present = {name for name, _ in rows}
            there = {table.name for table in LEDGER} & set(inspect(connection).get_table_names())
            assert present == {name for name in triggers.declared("sqlite") if guarded(name) <= there}
        assert present == set(triggers.declared("sqlite"))


def guarded(trigger: str) -> set[str]:
    """The tables that a trigger speaks of, by its name."""
    return {"erasures", "disclosures"} if trigger == "disclosures_erased" else {trigger.partition("_")[0]}


@pytest.mark.parametrize("table", [table.name for table in LEDGER])
def test_each_table_of_the_ledger_is_guarded(migrated: Store, table: str) -> None:
    with migrated.read() as connection:
        rows = connection.execute(text("SELECT tbl_name, sql FROM sqlite_master WHERE type = 'trigger'"))
        guards = [sql for on, sql in rows if on == table]
    assert {verb for verb in ("UPDATE", "INSERT") if any(f"BEFORE {verb}" in sql for sql in guards)} == {
        "UPDATE",
        "INSERT",
    }


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_triggers_that_are_checked_are_the_triggers_that_are_declared(dialect: str) -> None:
    statements = [entry for entry in ledger_triggers(dialect) if entry.startswith("CREATE TRIGGER")]
    assert len(triggers.declared(dialect)) == len(statements)


def test_a_trigger_that_is_missing_is_named(migrated: Store) -> None:
    absent = min(triggers.declared("sqlite"))
    with migrated.write() as connection:
        connection.execute(text(f"DROP TRIGGER {absent}"))
        with pytest.raises(Misconfigured, match=absent) as raised:
            upgrade.check_current(connection)
    assert raised.value.code == "ledger-unguarded"


def test_a_trigger_that_was_exchanged_for_another_of_its_name_is_named(migrated: Store) -> None:
    with migrated.write() as connection:
        connection.execute(text("DROP TRIGGER entries_no_update"))
        connection.execute(
            text("CREATE TRIGGER entries_no_update BEFORE UPDATE ON entries WHEN 0 BEGIN SELECT 1; END")
        )
        with pytest.raises(Misconfigured, match="entries_no_update") as raised:
            upgrade.check_current(connection)
    assert raised.value.code == "ledger-unguarded"


def test_an_upgrade_does_not_put_a_missing_trigger_back_in_silence(migrated: Store) -> None:
    with migrated.write() as connection:
        connection.execute(text(f"DROP TRIGGER {min(triggers.declared('sqlite'))}"))
    with pytest.raises(Misconfigured), migrated.write() as connection:
        upgrade.upgrade(connection)


def test_an_upgraded_database_is_current_and_a_second_upgrade_changes_nothing(migrated: Store) -> None:
    with migrated.write() as connection:
        before = schema(connection)
        upgrade.upgrade(connection)
        assert schema(connection) == before
        assert upgrade.is_current(connection)
        assert upgrade.current(connection) == upgrade.head()
        upgrade.check_current(connection)


def test_an_empty_database_is_not_current_and_says_what_to_run(store: Store) -> None:
    with store.write() as connection:
        assert upgrade.current(connection) is None
        assert not upgrade.is_current(connection)
        with pytest.raises(Misconfigured, match="heji init"):
            upgrade.check_current(connection)


def test_a_database_of_a_newer_version_is_left_alone(migrated: Store) -> None:
    with migrated.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        for refused in (upgrade.upgrade, upgrade.check_current):
            with pytest.raises(Misconfigured) as raised:
                refused(connection)
            assert raised.value.code == "schema-newer"


def upgrade_and_fail(store: Store) -> None:
    with store.write() as connection:
        upgrade.upgrade(connection)
        raise RuntimeError


def test_an_upgrade_that_fails_leaves_nothing_behind(store: Store) -> None:
    with pytest.raises(RuntimeError):
        upgrade_and_fail(store)
    with store.read() as connection:
        assert schema(connection) == set()


def test_the_revisions_are_one_line_numbered_from_one() -> None:
    found = scripts()
    assert [script.revision for script in found] == [f"{number:04d}" for number in range(1, len(found) + 1)]
    assert [script.down_revision for script in found] == [None, *(script.revision for script in found[:-1])]
    assert all(Path(script.path).name.startswith(f"{script.revision}_") for script in found)


def test_no_revision_offers_a_way_back() -> None:
    # What a downgrade drops, an append-only ledger cannot get back; the way back is a backup.
    assert [script.revision for script in scripts() if hasattr(script.module, "downgrade")] == []


def test_no_revision_alters_in_batches() -> None:
    assert [
        script.revision for script in scripts() if "batch_alter_table" in Path(script.path).read_text()
    ] == []


def test_cycles_that_were_opened_before_are_found_by_their_site(store: Store) -> None:
    with store.write() as connection:
        upgrade.upgrade(connection, "0001")
        connection.execute(
            text(
                "INSERT INTO register (kind, code, seq, organisation, data, withdrawn_seq)"
                """ VALUES ('cycle', 'c-1', 7, 'o', '{"site":"p-1"}', NULL)"""
                """, ('cycle', 'c-2', 8, 'o', '{"site":"p-1"}', 9), ('site', 'p-1', 1, 'o', '{}', NULL)"""
            )
        )
        upgrade.upgrade(connection)
        found = connection.execute(
            text("SELECT cycle, seq, site, withdrawn_seq FROM cycle_sites ORDER BY seq")
        )
        assert list(found) == [("c-1", 7, "p-1", None), ("c-2", 8, "p-1", 9)]
