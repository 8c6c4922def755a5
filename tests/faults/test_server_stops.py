"""PostgreSQL stops at once, as by a power cut, among appends of two processes: what was acknowledged is there."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from threading import Thread
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from county import County, opened_county
from faults.book import Book, check_against, send_all
from faults.length import lasting
from heji_trace.errors import LedgerBusy
from heji_trace.store.db import Store
from heji_web.service.service import open_service
from heji_web.service.settings import read_settings
from ledger_check import check_ledger
from postgresql import Cluster, NoServer
from served import Served

APPENDS = lasting(900, 20_000)
STOPS = lasting(3, 100)
PROCESSES = 2
CLIENTS = 16

pytestmark = pytest.mark.postgresql_only


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    """A server of these tests' own, which syncs as a real one does and only writes its log when it is told to."""
    try:
        started = Cluster(durable=True, settings=("wal_writer_delay=10s",))
    except NoServer as error:
        pytest.skip(f"no PostgreSQL: {error}")
    with closing(started):
        yield started


def asked(port: int, path: str) -> tuple[int, dict[str, Any]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    with closing(connection):
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def wait_until_ready(served: Served) -> None:
    end = time.monotonic() + 30
    while asked(served.port, "/readyz")[0] != 200:
        assert time.monotonic() < end, asked(served.port, "/readyz")
        time.sleep(0.05)


def test_nothing_acknowledged_is_lost_or_doubled_by_stops_among_two_processes(
    server: Cluster, tmp_path: Path, record_property: Any
) -> None:
    with ExitStack() as stack:
        url = stack.enter_context(server.database())
        with opened_county(tmp_path, url) as county:
            book = Book([county.harvesting(f"K{number}").body for number in range(APPENDS)])
            token = county.tokens["producer"]
        services = [Served(tmp_path, HEJI_DATABASE_URL=url) for _ in range(PROCESSES)]
        for served in services:
            stack.callback(served.close)
            served.start()
        clients = [
            Thread(target=send_all, args=(book, services[number % PROCESSES].port, token), daemon=True)
            for number in range(CLIENTS)
        ]
        for client in clients:
            client.start()
        for stop in range(1, STOPS + 1):
            while len(book.acknowledged) < stop * APPENDS // (STOPS + 1):
                assert not book.refused, book.refused[0]
                time.sleep(0.005)
            server.stop("immediate")
            assert {asked(served.port, "/readyz")[0] for served in services} == {503}
            assert {asked(served.port, "/healthz")[0] for served in services} == {200}
            server.start()
        for client in clients:
            client.join(timeout=120)
        for served in services:
            wait_until_ready(served)
            served.stop()
        settings = read_settings({"HEJI_DATA": str(tmp_path), "HEJI_DATABASE_URL": url})
        with closing(open_service(settings)) as service:
            service.start()
            check_against(book, APPENDS, service)
    record_property("appends, stops, repeats", (APPENDS, STOPS, book.repeats))


def test_a_service_starts_while_the_database_is_down_and_is_ready_once_it_is_up(
    server: Cluster, tmp_path: Path
) -> None:
    with server.database() as url:
        with opened_county(tmp_path, url):
            pass
        server.stop("fast")
        served = Served(tmp_path, HEJI_DATABASE_URL=url)
        try:
            served.start()
            assert asked(served.port, "/healthz") == (200, {"ok": True})
            status, told = asked(served.port, "/readyz")
            assert status == 503
            assert not told["checks"]["database"]["ok"]
        finally:
            server.start()
        wait_until_ready(served)
        served.stop()
        served.close()


def test_a_service_that_waited_does_not_start_on_tables_of_another_version(
    server: Cluster, tmp_path: Path
) -> None:
    with server.database() as url:
        with opened_county(tmp_path, url) as county:
            settings = county.service.settings
        name = url.partition("?")[0].rpartition("/")[2]
        [(revision,)] = server.execute("SELECT version_num FROM alembic_version", name)
        server.execute("UPDATE alembic_version SET version_num = '0001'", name)
        server.stop("fast")
        with closing(open_service(settings)) as service:
            try:
                service.start_when_possible()
            finally:
                server.start()
            time.sleep(3)
            assert not service.recorder.is_alive
            server.execute(f"UPDATE alembic_version SET version_num = '{revision}'", name)
            end = time.monotonic() + 30
            while not service.recorder.is_alive:
                assert time.monotonic() < end
                time.sleep(0.05)


def test_an_append_while_the_database_is_down_is_refused_and_succeeds_later(
    server: Cluster, tmp_path: Path
) -> None:
    with server.database() as url, opened_county(tmp_path, url) as county:
        event = county.harvesting("A1")
        server.stop("immediate")
        try:
            with pytest.raises(LedgerBusy):
                county.recorder.submit(event, county.authors["producer"])
        finally:
            server.start()
        receipt = county.recorder.submit(event, county.authors["producer"])
        assert receipt.seq == county.size - 1
        check_ledger(county.service)


def test_a_connection_lost_before_its_group_was_written_is_not_noticed(
    server: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with server.database() as url, opened_county(tmp_path, url) as county:
        lost = losing(county, monkeypatch, after_commit=False)
        receipt = county.harvest("A1")
        assert lost == [True]
        assert (receipt.seq, receipt.repeated) == (county.size - 1, False)
        check_ledger(county.service)


def test_a_connection_lost_after_its_group_was_committed_finds_its_own_entries(
    server: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with server.database() as url, opened_county(tmp_path, url) as county:
        lost = losing(county, monkeypatch, after_commit=True)
        receipt = county.harvest("A1")
        assert lost == [True]
        assert (receipt.seq, receipt.repeated) == (county.size - 1, True)
        head = county.service.head.read()
        assert head is not None
        assert head.size == county.size == county.recorder.durable_size
        check_ledger(county.service)


def losing(county: County, monkeypatch: pytest.MonkeyPatch, *, after_commit: bool) -> list[bool]:
    """Let the next group's connection be lost, before its commit or after; says when it was."""
    store, lost = county.service.store, list[bool]()
    pool = store._writer.dialect

    def commit(raw: Any) -> None:
        if not lost:
            lost.append(True)
            if after_commit:
                raw.commit()
            with psycopg.connect(store.url.replace("+psycopg", ""), autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s)", (raw.driver_connection.info.backend_pid,))
            # The driver speaks to the server again only where something is open.
            raw.driver_connection.execute("SELECT 1")
        raw.commit()

    monkeypatch.setattr(pool, "do_commit", commit)
    return lost


def test_a_server_that_need_not_sync_is_made_to(server: Cluster) -> None:
    """The control: on this server a commit that does not wait for the log is lost by a stop, and ours is not."""
    with server.database() as url:
        server.execute("ALTER SYSTEM SET synchronous_commit = off")
        server.execute("SELECT pg_reload_conf()")
        name = url.partition("?")[0].rpartition("/")[2]
        with closing(Store(url)) as store:
            insert = "INSERT INTO throttles VALUES ('{}', 1, 1)"
            with store.write() as connection:
                connection.execute(text(insert.format("ours")))
                level = connection.execute(text("SHOW synchronous_commit")).scalar()
            server.execute(insert.format("theirs"), name)
            server.stop("immediate")
            server.start()
            with store.read() as connection:
                kept = connection.execute(text("SELECT key FROM throttles")).scalars().all()
        server.execute("ALTER SYSTEM RESET synchronous_commit")
        server.execute("SELECT pg_reload_conf()")
    assert (level, kept) == ("on", ["ours"])
