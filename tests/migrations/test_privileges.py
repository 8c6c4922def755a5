from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from county import County, found_county
from heji_migrations import privileges, upgrade
from heji_trace.errors import HejiError, Misconfigured
from heji_trace.ledger import ledger
from heji_trace.store.db import Store
from heji_trace.store.tables import LEDGER, metadata
from heji_web.commands.doctor import examine
from heji_web.service.founding import found_log
from heji_web.service.service import Service, open_service
from heji_web.service.settings import Settings
from ledger_check import check_ledger
from postgresql import OWNER, Cluster
from web.doors import CHEAP, Now

pytestmark = pytest.mark.postgresql_only
ROLE = "heji_service"


def granted(settings: Settings, cluster: Cluster) -> Settings:
    """The settings of a service whose role does not own the tables, on a log that their owner has begun."""
    found_log(settings, "log.heji.example", os.urandom)
    served = replace(settings, database_url=cluster.role(settings.database_url, ROLE))
    with closing(Store(settings.database_url)) as store, store.write() as connection:
        privileges.grant(connection, ROLE)
    return served


@pytest.fixture
def served(settings: Settings, cluster: Cluster, now: Now) -> Iterator[County]:
    service = open_service(granted(settings, cluster), now.clock, passwords=CHEAP)
    service.start()
    yield found_county(service, now)
    service.close()


def test_the_service_records_reads_and_is_verified_as_a_role_that_owns_nothing(served: County) -> None:
    served.harvest("A1")
    served.make("packaging", {"A1": "60"}, {"P1": "58"})
    harvest = served.harvest("A2")
    served.record("correction", details={"corrects": [harvest.event_id], "reason": "录入错误"})
    assert served.get("/api/v1/batches/A1").status_code == 200
    assert served.get("/readyz", None).status_code == 200
    check_ledger(served.service)


@pytest.mark.parametrize("table", [table.name for table in LEDGER])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {} SET {} = {}",
        "DELETE FROM {}",
        "TRUNCATE {}",
        "ALTER TABLE {} DISABLE TRIGGER ALL",
        "DROP TABLE {}",
    ],
)
def test_the_service_s_role_cannot_change_the_ledger(served: County, table: str, statement: str) -> None:
    column = next(iter(metadata.tables[table].primary_key)).name
    if (table, statement) == ("disclosures", "DELETE FROM {}"):
        # The right is there, and the trigger lets go only what an erasure names.
        with pytest.raises(IntegrityError), served.service.store.write() as connection:
            connection.execute(text("DELETE FROM disclosures"))
        return
    with pytest.raises(Misconfigured) as refused, served.service.store.write() as connection:
        connection.execute(text(statement.format(table, column, column)))
    assert refused.value.code == "database-privilege"


def test_the_service_s_role_erases_what_an_erasure_names(served: County) -> None:
    noted = served.harvest("A1", note="陈大文")
    values = [{"event": noted.event_id, "pointers": ["/note"]}]
    served.record("erasure", "operator", details={"values": values, "ground": "law"})
    with served.service.store.read() as connection:
        assert "/note" not in ledger.read_disclosures(connection, noted.seq)
    check_ledger(served.service)


@pytest.mark.parametrize(
    "statement",
    [
        "SET session_replication_role = replica",
        "CREATE OR REPLACE FUNCTION heji_append_only() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'",
        "CREATE OR REPLACE FUNCTION heji_value_erased() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'",
        "DROP FUNCTION heji_append_only() CASCADE",
        "UPDATE alembic_version SET version_num = '9999'",
    ],
)
def test_the_service_s_role_cannot_take_the_guards_away(served: County, statement: str) -> None:
    with pytest.raises(HejiError), served.service.store.write() as connection:
        connection.execute(text(statement))


@pytest.mark.parametrize(
    "made_up, statement",
    [
        (
            (
                "CREATE TEMP TABLE erasures (seq bigint, pointer text)",
                "INSERT INTO pg_temp.erasures SELECT seq, pointer FROM public.disclosures",
            ),
            "DELETE FROM disclosures",
        ),
        (
            (
                "CREATE TEMP TABLE entries (seq bigint, event_id text, record bytea)",
                "INSERT INTO pg_temp.entries SELECT seq, event_id, record FROM public.entries",
                """INSERT INTO pg_temp.entries SELECT 1000000, 'e', convert_to(json_build_object('event',
                json_build_object('kind', 'erasure', 'details', json_build_object('values', json_build_array(
                json_build_object('event', event_id, 'pointers', json_build_array('/note'))))))::text, 'UTF8')
                FROM public.entries ORDER BY seq DESC LIMIT 1""",
            ),
            (
                "INSERT INTO public.erasures SELECT max(seq), '/note', 1000000 FROM entries WHERE seq < 1000000"
            ),
        ),
    ],
)
def test_tables_that_a_role_makes_up_for_itself_do_not_deceive_the_guards(
    served: County, made_up: tuple[str, ...], statement: str
) -> None:
    served.harvest("A1", note="陈大文")
    with served.service.store.write() as connection:
        for each in made_up:
            connection.exec_driver_sql(each)
    with pytest.raises(IntegrityError), served.service.store.write() as connection:
        connection.exec_driver_sql(statement)


@pytest.mark.parametrize(
    "given, excess",
    [
        ("GRANT UPDATE (entry) ON entries TO {}", "UPDATE entries"),
        ("GRANT heji_scribe TO {}", "UPDATE nodes"),
        ("GRANT {owner} TO {}", "TRUNCATE entries"),
        ("GRANT SET ON PARAMETER session_replication_role TO {}", "SET session_replication_role"),
        ("GRANT CREATE ON SCHEMA public TO {}; ALTER SCHEMA public OWNER TO {}", "OWNER OF SCHEMA public"),
        ("ALTER FUNCTION heji_append_only() OWNER TO {}", "OWNER OF FUNCTION heji_append_only"),
        ("ALTER ROLE {} CREATEROLE", "CREATEROLE"),
        ("GRANT pg_write_server_files TO {}", "pg_write_server_files"),
    ],
)
def test_a_role_that_could_change_the_ledger_by_a_way_around_is_named(
    store: Store, cluster: Cluster, given: str, excess: str
) -> None:
    roundabout = "heji_roundabout"
    for role in (roundabout, "heji_scribe"):
        cluster.execute(f"CREATE ROLE {role} NOINHERIT")
    try:
        with store.write() as connection:
            connection.execute(text("GRANT UPDATE ON nodes TO heji_scribe"))
            privileges.grant(connection, roundabout)
            assert privileges.find_excess(connection, roundabout) == []
            connection.exec_driver_sql(given.format(*[roundabout] * 2, owner=OWNER))
            assert excess in privileges.find_excess(connection, roundabout)
            connection.rollback()
    finally:
        for role in (roundabout, "heji_scribe"):
            cluster.execute(f"DROP ROLE {role}")


def test_what_a_role_was_once_given_too_much_is_taken_back(
    settings: Settings, cluster: Cluster, now: Now
) -> None:
    served = granted(settings, cluster)
    with closing(Store(settings.database_url)) as store:
        with store.write() as connection:
            connection.execute(text(f"GRANT ALL ON entries, nodes TO {ROLE}"))
        with closing(Store(served.database_url)) as asking, asking.read() as connection:
            assert "DELETE entries" in privileges.find_excess(connection)
        with store.write() as connection:
            privileges.grant(connection, ROLE)
        with store.read() as connection:
            assert privileges.find_excess(connection, ROLE) == []


def test_the_doctor_names_a_role_that_could_change_the_ledger_and_a_server_that_does_not_sync(
    service: Service, settings: Settings, cluster: Cluster
) -> None:
    found = {(each.name, each.state, each.code) for each in examine(service)}
    assert ("role", "notice", "doctor-role-strong") in found
    # The tests' own server is not one to keep a county on.
    for line in ("server-fsync", "server-full-page-writes"):
        assert (line, "problem", "doctor-server-unsafe") in found
    assert len({name for name, _, _ in found}) == len(found), "each line has a name of its own"
    served = replace(settings, database_url=cluster.role(settings.database_url, ROLE))
    with service.store.write() as connection:
        privileges.grant(connection, ROLE)
    with closing(open_service(served)) as weaker:
        assert ("role", "fine", "doctor-role-fine") in {
            (each.name, each.state, each.code) for each in examine(weaker)
        }


def test_the_service_s_role_cannot_let_another_in_and_does_not_say_so(
    settings: Settings, cluster: Cluster
) -> None:
    served = granted(settings, cluster)
    cluster.role(settings.database_url, "heji_third")
    with (
        closing(Store(served.database_url)) as store,
        pytest.raises(Misconfigured) as refused,
        store.write() as connection,
    ):
        privileges.grant(connection, "heji_third")
    assert refused.value.code == "role-not-granted"


def test_a_role_that_is_not_there_is_named(store: Store) -> None:
    with pytest.raises(Misconfigured, match="nobody_at_all") as refused, store.write() as connection:
        privileges.grant(connection, "nobody_at_all")
    assert refused.value.code == "role-unknown"


def test_the_owner_is_too_strong_to_serve(store: Store) -> None:
    with pytest.raises(Misconfigured) as refused, store.write() as connection:
        privileges.grant(connection, OWNER)
    assert refused.value.code == "role-too-strong"


def test_a_role_with_an_odd_name_is_quoted(store: Store, cluster: Cluster) -> None:
    odd = 'odd"; DROP TABLE entries; --'
    cluster.execute('CREATE ROLE "odd""; DROP TABLE entries; --"')
    try:
        with store.write() as connection:
            privileges.grant(connection, odd)
            assert privileges.find_excess(connection, odd) == []
            connection.execute(text('DROP OWNED BY "odd""; DROP TABLE entries; --"'))
            upgrade.check_current(connection)
    finally:
        cluster.execute('DROP ROLE "odd""; DROP TABLE entries; --"')


def test_on_sqlite_there_is_nothing_to_grant(tmp_path: Path) -> None:
    with closing(Store(f"sqlite:///{tmp_path}/heji.db")) as store, store.write() as connection:
        with pytest.raises(Misconfigured) as refused:
            privileges.grant(connection, ROLE)
        assert refused.value.code == "roles-need-postgresql"


def test_a_role_without_a_grant_is_told_what_to_run(settings: Settings, cluster: Cluster) -> None:
    found_log(settings, "log.heji.example", os.urandom)
    served = replace(settings, database_url=cluster.role(settings.database_url, "heji_stranger"))
    service = open_service(served)
    with closing(service), pytest.raises(Misconfigured, match="grant-to"):
        service.start()
