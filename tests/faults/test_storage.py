"""Storage that is full, read-only, limited or taken by another: refused aloud, nothing lost, and well again afterwards."""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from time import sleep
from typing import Any

import pytest
from sqlalchemy import select

from county import County, found_county, opened_county
from faults.disks import read_only, small_disk
from heji_trace.errors import LedgerBusy
from heji_trace.recording.recorder import Receipt
from heji_trace.store import tables
from heji_web.app import create_app
from heji_web.service.founding import found_log
from heji_web.service.service import Service, open_service
from heji_web.service.settings import Settings, read_settings
from ledger_check import check_ledger
from served import Caller, Served, free_port
from web.doors import CHEAP, Now

_BALLAST = 512 * 1024


@contextmanager
def county_on(settings: Settings) -> Iterator[County]:
    """A county on these settings."""
    now = Now()
    found_log(settings, "log.heji.example/log", os.urandom)
    with closing(open_service(settings, now.clock, passwords=CHEAP)) as service:
        service.start()
        yield found_county(service, now)


def said_until_full(county: County, most: int) -> tuple[dict[str, Receipt], dict[str, Any]]:
    """The receipts of what was recorded before the storage refused, and the statement that was refused."""
    receipts: dict[str, Receipt] = {}
    for number in range(most):
        event = county.harvesting(f"F{number}", note="满" * 800)
        try:
            receipts[event.id] = county.recorder.submit(event, county.authors["producer"])
        except LedgerBusy:
            return receipts, event.body
    raise AssertionError("the storage was never full")


def check_kept(service: Service, receipts: dict[str, Receipt]) -> None:
    """Every receipt holds, and the ledger is whole."""
    with service.store.read() as connection:
        stored = {row.event_id: row.seq for row in connection.execute(select(tables.entries))}
    assert {event_id: stored.get(event_id) for event_id in receipts} == {
        event_id: receipt.seq for event_id, receipt in receipts.items()
    }
    check_ledger(service)


@pytest.mark.parametrize("full", ["database", "head"])
def test_a_full_disk_refuses_and_loses_nothing(tmp_path: Path, full: str) -> None:
    with small_disk(tmp_path / "disk", "5m") as disk:
        ballast = disk / "ballast"
        ballast.write_bytes(b"\xff" * _BALLAST)
        places = {"HEJI_DATA": str(disk)} if full == "database" else {"HEJI_DATA": str(tmp_path / "data")}
        if full == "head":
            places["HEJI_HEAD"] = str(disk / "head")
        with county_on(read_settings(places)) as county:
            if full == "head":
                fill(disk)
            receipts, refused = said_until_full(county, 5000)
            size = county.size
            for _ in range(3):
                with pytest.raises(LedgerBusy):
                    county.harvest(f"G{county.made}", note="满" * 800)
            assert county.get("/healthz").status_code == 200
            assert county.size - size <= 1
            ballast.unlink()
            for spare in disk.glob("spare*"):
                spare.unlink()
            answer = county.post("/api/v1/events", refused)
            assert answer.status_code in (200, 201)
            county.harvest("AFTER")
            check_kept(county.service, receipts)
        assert len(receipts) >= (20 if full == "database" else 0)


def fill(disk: Path) -> None:
    """Leave no room on a disk."""
    with (disk / "spare").open("wb", buffering=0) as file:
        for size in (64 * 1024, 1):
            try:
                while file.write(b"\xff" * size) == size:
                    pass
            except OSError:
                continue


def test_a_service_on_a_disk_that_is_full_from_the_start_is_alive_and_comes_back(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "5m") as disk:
        settings = read_settings({"HEJI_DATA": str(disk)})
        with county_on(settings) as county:
            county.harvest("A1")
            events, token = [county.harvesting(f"B{n}").body for n in range(5)], county.tokens["producer"]
        fill(disk)
        served = Served(tmp_path, HEJI_DATA=str(disk))
        with ExitStack() as closing_all:
            closing_all.callback(served.close)
            served.start()
            caller = Caller(served.port, token)
            closing_all.callback(caller.close)
            answers = [caller.post("/api/v1/events", event) for event in events]
            assert {answer[0] if answer else None for answer in answers} == {503}
            (disk / "spare").unlink()
            for event in events:
                # It looks again every two seconds; until then it says so.
                while (answer := caller.post("/api/v1/events", event)) and answer[0] == 503:
                    sleep(0.1)
                assert answer
                assert answer[0] == 201
            served.stop()
        with closing(open_service(settings, passwords=CHEAP)) as service:
            service.start()
            check_ledger(service)


def test_a_read_only_disk_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "20m") as disk:
        settings = read_settings({"HEJI_DATA": str(disk)})
        with county_on(settings) as county:
            receipt = county.harvest("A1")
            event = county.harvesting("A2")
            author, now = county.authors["producer"], county.now
        with read_only(disk), closing(open_service(settings, now.clock, passwords=CHEAP)) as service:
            service.start_when_possible()
            client = create_app(service).test_client()
            assert client.get("/healthz").status_code == 200
            with pytest.raises(LedgerBusy):
                service.recorder.submit(event, author)
        with closing(open_service(settings, now.clock, passwords=CHEAP)) as service:
            service.start()
            assert service.recorder.submit(event, author).seq == receipt.seq + 1
            check_kept(service, {receipt.event_id: receipt})


def test_commands_say_that_the_data_folder_is_read_only(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "20m") as disk:
        with county_on(read_settings({"HEJI_DATA": str(disk)})):
            pass
        with read_only(disk):
            done = call_heji("serve", disk)
        assert done.returncode == 1
        assert str(disk) in done.stderr
        assert "Traceback" not in done.stderr


def call_heji(command: str, data: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from heji_web.commands.main import main; main()", command],
        env={**os.environ, "HEJI_DATA": str(data), "LC_ALL": "en_US.UTF-8", **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Served, str, list[dict[str, Any]]]]:
    """A running service, a producer's token, and statements to be sent."""
    with opened_county(tmp_path) as county:
        events = [county.harvesting(f"K{number}", note="长" * 800).body for number in range(60)]
        token = county.tokens["producer"]
    served = Served(tmp_path)
    served.start()
    try:
        yield served, token, events
    finally:
        served.close()


def test_a_limit_on_the_size_of_files_refuses_and_loses_nothing(
    served: tuple[Served, str, list[dict[str, Any]]], tmp_path: Path
) -> None:
    process, token, events = served
    assert process.process is not None
    pid = process.process.pid
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (400 * 1024, resource.RLIM_INFINITY))
    caller = Caller(process.port, token)
    answers = {event["id"]: caller.post("/api/v1/events", event) for event in events}
    statuses = {answer[0] for answer in answers.values() if answer}
    assert statuses == {201, 503}, statuses
    assert (caller.post("/api/v1/events", events[-1]) or (0,))[0] == 503
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    again = {event["id"]: caller.post("/api/v1/events", event) for event in events}
    for event_id, first in answers.items():
        second = again[event_id]
        assert second is not None
        assert second[0] in (200, 201)
        if first is not None and first[0] == 201:
            assert second == (200, first[1])
    caller.close()
    process.stop()
    with closing(open_service(read_settings({"HEJI_DATA": str(tmp_path)}), passwords=CHEAP)) as service:
        service.start()
        check_ledger(service)


def test_a_foreign_lock_on_the_database_is_waited_for_and_then_refused(tmp_path: Path) -> None:
    with opened_county(tmp_path) as county:
        event, size = county.harvesting("A1"), county.size
        path = county.service.settings.data / "heji.db"
        with closing(sqlite3.connect(path, isolation_level=None)) as foreign:
            foreign.execute("BEGIN IMMEDIATE")
            with pytest.raises(LedgerBusy):
                county.recorder.submit(event, county.authors["producer"])
            assert county.get("/api/v1/events").status_code == 200
            foreign.execute("ROLLBACK")
        receipt = county.recorder.submit(event, county.authors["producer"])
        assert (receipt.seq, receipt.repeated) == (size, False)
        check_ledger(county.service)


def test_a_second_service_on_the_same_folder_is_refused_and_the_first_goes_on(
    served: tuple[Served, str, list[dict[str, Any]]], tmp_path: Path
) -> None:
    first, token, events = served
    second = call_heji("serve", tmp_path, HEJI_PORT=str(free_port()))
    assert second.returncode == 1
    assert str(tmp_path) in second.stderr
    caller = Caller(first.port, token)
    assert (caller.post("/api/v1/events", events[0]) or (0,))[0] == 201
    caller.close()
    # The lock goes with the process, however it ends.
    first.kill()
    heir = Served(tmp_path)
    try:
        heir.start()
        caller = Caller(heir.port, token)
        assert (caller.post("/api/v1/events", events[0]) or (0,))[0] == 200
        caller.close()
    finally:
        heir.close()
