from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

import pytest

from county import County
from heji_trace.errors import Misconfigured, Untrusted
from heji_trace.proving.checkpoint import dump_checkpoint, sign_note
from heji_trace.proving.keys import Signer
from heji_trace.store.db import LOG_LIMIT
from heji_web.app import create_app
from heji_web.commands.doctor import examine, examine_without_key
from heji_web.commands.findings import Finding
from heji_web.service.service import Service, open_service
from heji_web.service.settings import Settings
from ledger_check import tamper
from postgresql import Cluster
from served import Served
from web.doors import CHEAP, Now


class _Usage(NamedTuple):
    total: int
    used: int
    free: int


def found(service: Service) -> dict[str, Finding]:
    findings = examine(service)
    by_name = {finding.name: finding for finding in findings}
    assert len(by_name) == len(findings), "a name stands for one line"
    for finding in findings:
        for language in ("zh", "en"):
            assert finding.sentence(language)
            assert bool(finding.remedy_sentence(language)) is (finding.state != "fine"), finding
    return by_name


def seen(service: Service, **changes: Any) -> dict[str, Finding]:
    """What the doctor finds of the same service under other settings."""
    settings: Settings = replace(service.settings, **changes)
    return found(replace(service, settings=settings))


def told(finding: Finding) -> tuple[str, str]:
    return finding.state, finding.code


@pytest.fixture(autouse=True)
def private(settings: Settings) -> None:
    settings.data.chmod(0o700)


def test_a_new_service_has_no_problem_and_is_told_what_is_left_to_do(service: Service) -> None:
    findings = found(service)
    assert {name for name, each in findings.items() if each.state == "problem"} == set()
    assert {name for name, each in findings.items() if each.state == "notice"} >= {
        "head-disk",
        "service",
        "address",
        "backups",
    }
    assert {"key", "database", "schema", "head", "clock", "codes", "time-zone"} <= {
        name for name, each in findings.items() if each.state == "fine"
    }


def test_the_key_is_held_against_the_log(service: Service) -> None:
    other = Signer("other.example/log", os.urandom(32))
    assert told(found(replace(service, signer=other))["key"]) == ("problem", "doctor-key-other")


def test_a_data_folder_that_is_open_to_all_is_a_problem(service: Service) -> None:
    service.settings.data.chmod(0o755)
    assert told(found(service)["folder-data"]) == ("problem", "doctor-folder-open")


def test_a_head_that_everybody_could_exchange_is_a_problem(service: Service) -> None:
    service.settings.head.chmod(0o755)
    assert told(found(service)["folder-head"]) == ("fine", "doctor-head-folder-fine"), (
        "it is published anyway"
    )
    service.settings.head.chmod(0o757)
    assert told(found(service)["folder-head"]) == ("problem", "doctor-head-open")


def test_the_folder_of_a_database_that_lies_elsewhere_is_looked_at_too(
    service: Service, tmp_path: Path
) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir(mode=0o755)
    settings = replace(service.settings, database_url=f"sqlite:///{folder}/heji.db")
    findings = seen(service, database_url=settings.database_url)
    assert told(findings["folder-database"]) == ("problem", "doctor-folder-open")
    folder.chmod(0o700)
    assert seen(service, database_url=settings.database_url)["folder-database"].state == "fine"


def test_a_folder_that_is_not_there_is_a_problem(service: Service, tmp_path: Path) -> None:
    assert told(seen(service, head=tmp_path / "absent")["folder-head"]) == ("problem", "doctor-folder-absent")


def test_a_folder_that_cannot_be_written_is_a_problem(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The modes of a folder say nothing to root, who may run this.
    monkeypatch.setattr(os, "access", lambda path, _mode: Path(path) != service.settings.head)
    assert told(found(service)["folder-head"]) == ("problem", "doctor-folder-closed")


def test_a_database_that_does_not_answer_is_a_problem(service: Service, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/absent/heji.db"
    settings = replace(service.settings, database_url=url)
    with closing(open_service(settings, service.clock, passwords=CHEAP)) as lost:
        findings = found(lost)
    assert told(findings["database"]) == ("problem", "database-absent")
    assert "heji migrate" in str(findings["database"].remedy_sentence("zh")), "which would make an empty one"
    for line in ("schema", "head"):
        assert told(findings[line]) == ("problem", "doctor-unseen"), (
            "a silent database is no reason to restore"
        )
        assert "备份" not in findings[line].sentence("zh")
    assert told(findings["clock"]) == ("notice", "doctor-clock-alone")


@pytest.mark.postgresql_only
def test_why_a_server_lets_nobody_in_is_told_to_whoever_runs_the_machine(
    service: Service, cluster: Cluster
) -> None:
    url = cluster.url("postgres", "nobody_of_this_name")
    with closing(open_service(replace(service.settings, database_url=url), passwords=CHEAP)) as refused:
        sentence = found(refused)["database"].sentence("en")
        answer = create_app(refused).test_client().get("/readyz").get_data(as_text=True)
    assert 'role "nobody_of_this_name" does not exist' in sentence
    assert "nobody_of_this_name" not in answer, "those who call the service need not know"


def test_an_empty_database_is_no_ledger_that_an_upgrade_would_mend(service: Service, tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch(0o600)
    url = f"sqlite:///{tmp_path}/empty.db"
    with closing(open_service(replace(service.settings, database_url=url), passwords=CHEAP)) as empty:
        findings = found(empty)
    assert told(findings["database"]) == ("problem", "database-empty")
    assert told(findings["schema"]) == ("problem", "doctor-unseen")


def test_a_damaged_database_is_to_be_kept_and_a_backup_restored(service: Service, tmp_path: Path) -> None:
    (tmp_path / "torn.db").write_bytes(b"SQLite format 3" + bytes(5000))
    url = f"sqlite:///{tmp_path}/torn.db"
    with closing(open_service(replace(service.settings, database_url=url), passwords=CHEAP)) as torn:
        finding = found(torn)["database"]
    assert told(finding) == ("problem", "database-damaged")
    assert "heji restore" in str(finding.remedy_sentence("en"))


def test_a_head_that_is_lost_can_be_made_again(county: County) -> None:
    (county.service.settings.head / "head").unlink()
    finding = found(county.service)["head"]
    assert told(finding) == ("problem", "head-missing")
    assert "heji log head --from" in str(finding.remedy_sentence("zh"))


def test_without_a_key_folders_and_disks_are_examined_all_the_same(service: Service, tmp_path: Path) -> None:
    settings = replace(service.settings, head=tmp_path / "away")
    findings = {
        each.name: each for each in examine_without_key(settings, Misconfigured("key-weak", path="k"))
    }
    assert told(findings["key"]) == ("problem", "key-weak")
    assert told(findings["folder-head"]) == ("problem", "doctor-folder-absent"), (
        "often the whole disk is away"
    )
    assert {"folder-data", "space-data", "address"} <= set(findings)


def test_a_file_that_root_made_in_the_service_s_folder_is_named_whoever_looks(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert told(found(service)["files"]) == ("fine", "doctor-files-fine")
    # As if the folder were the service's and this file root's, which only root could make so.
    looked = Path.stat

    def stat(path: Path, **how: bool) -> os.stat_result:
        fields = list(looked(path, **how))
        fields[4] = 0 if path.name == "heji.db" else 999
        return os.stat_result(fields)

    monkeypatch.setattr(Path, "stat", stat)
    finding = found(service)["files"]
    assert told(finding) == ("problem", "doctor-file-foreign")
    assert str(service.settings.data / "heji.db") in finding.sentence("zh")
    assert "chown" in str(finding.remedy_sentence("zh"))


def test_a_file_system_that_was_made_read_only_is_no_matter_of_owners(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = os.statvfs
    fixed = lambda path: os.statvfs_result((*looked(path)[:8], os.ST_RDONLY, 255))  # noqa: E731 - a stand-in
    monkeypatch.setattr(os, "statvfs", fixed)
    finding = found(service)["folder-data"]
    assert told(finding) == ("problem", "doctor-folder-fixed")
    assert "chown" not in str(finding.remedy_sentence("zh"))


def test_a_head_needs_little_room(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: _Usage(2**26, 2**24, 40 * 2**20))
    findings = found(service)
    assert (findings["space-head"].state, findings["space-data"].state) == ("fine", "problem")
    assert "40.0 MiB" in findings["space-head"].sentence("zh")


def test_the_disk_of_the_head_is_held_against_that_of_the_database(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key_disk = service.settings.data
    monkeypatch.setattr("heji_web.commands.doctor.device_of", lambda path: 1 if path == key_disk else 2)
    assert "head-disk" not in found(service)
    moved = tmp_path / "elsewhere"
    moved.mkdir(mode=0o700)
    url = f"sqlite:///{moved}/heji.db"
    shutil.copy(service.settings.data / "heji.db", moved)
    shared = seen(service, database_url=url)
    assert told(shared["head-disk"]) == ("notice", "doctor-head-same-disk"), "whatever disk the key is on"


def test_another_program_on_the_port_is_not_taken_for_the_service(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(404)

        def log_message(self, *_words: object) -> None:
            """Says nothing."""

    # What the environment names for the world outside is not asked about this machine.
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with HTTPServer(("127.0.0.1", 0), Other) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        finding = seen(service, port=server.server_port)["service"]
        server.shutdown()
        thread.join()
    assert told(finding) == ("problem", "doctor-port-other")


def test_looking_for_a_database_that_is_lost_makes_none(service: Service, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/lost.db"
    with closing(open_service(replace(service.settings, database_url=url), passwords=CHEAP)) as lost:
        assert told(found(lost)["database"]) == ("problem", "database-absent")
    assert not (tmp_path / "lost.db").exists()


def test_a_head_that_another_history_signed_does_not_fit_because_it_is_as_long(county: County) -> None:
    signer, size = county.service.signer, county.size
    assert told(found(county.service)["head"]) == ("fine", "doctor-head-fine")
    note = sign_note(dump_checkpoint(signer.name, size, bytes(32)), signer)
    (county.service.settings.head / "head").write_text(note, "utf-8")
    assert told(found(county.service)["head"]) == ("problem", "ledger-differs")


def test_a_missing_trigger_is_a_problem(service: Service) -> None:
    tamper(service, "INSERT INTO throttles VALUES ('x', 1, 1)")
    with service.store.write() as connection:
        connection.exec_driver_sql("DROP TRIGGER entries_no_update")
    finding = found(service)["schema"]
    assert told(finding) == ("problem", "ledger-unguarded")
    assert "entries_no_update" in finding.sentence("en")


def test_a_clock_before_the_ledger_is_a_problem(county: County, now: Now) -> None:
    now.seconds -= 3600
    assert told(found(county.service)["clock"]) == ("problem", "doctor-clock-behind")


@pytest.mark.parametrize("free, state", [(10 * 2**20, "problem"), (2**30, "notice"), (50 * 2**30, "fine")])
def test_little_space_is_said_before_there_is_none(
    service: Service, monkeypatch: pytest.MonkeyPatch, free: int, state: str
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: _Usage(2**40, 2**40 - free, free))
    assert found(service)["space-data"].state == state


def test_a_log_that_somebody_keeps_growing_is_named(service: Service) -> None:
    assert "log" not in found(service)
    file = service.settings.database_file
    assert file is not None
    service.close()
    with file.with_name(f"{file.name}-wal").open("wb") as log:
        log.truncate(3 * LOG_LIMIT)
    assert told(found(service)["log"]) == ("notice", "doctor-log-long")


def test_processes_that_have_the_database_open_are_counted_and_named(service: Service) -> None:
    database = service.settings.data / "heji.db"
    code = (
        f"import sqlite3, sys; connection = sqlite3.connect({str(database)!r}); "
        "connection.execute('SELECT 1 FROM entries'); print(1, flush=True); sys.stdin.read()"
    )
    others = [
        subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    try:
        for other in others:
            assert other.stdout is not None
            other.stdout.readline()
        finding = found(service)["processes"]
        assert told(finding) == ("problem", "doctor-processes-several")
        assert all(str(other.pid) in finding.sentence("zh") for other in others)
    finally:
        for other in others:
            other.communicate()
    assert found(service)["processes"].state == "fine"


@pytest.mark.parametrize(
    "base_url, proxies, state, code",
    [
        ("https://heji.example", 1, "fine", "doctor-address-fine"),
        ("http://heji.example", 0, "problem", "doctor-address-open"),
        ("http://127.0.0.1:8080", 0, "notice", "doctor-address-local"),
    ],
)
def test_the_address_must_be_reachable_and_encrypted(
    service: Service, base_url: str, proxies: int, state: str, code: str
) -> None:
    hosts = ("heji.example", "127.0.0.1", "localhost")
    findings = seen(service, base_url=base_url, proxies=proxies, trusted_hosts=hosts)
    assert told(findings["address"]) == (state, code)
    assert "trusted-hosts" not in findings
    assert "proxies" not in findings


def test_a_host_that_is_not_trusted_and_a_proxy_that_is_not_set_are_said(service: Service) -> None:
    findings = seen(service, base_url="https://heji.example", trusted_hosts=("localhost",))
    assert findings["trusted-hosts"].state == "problem"
    assert findings["proxies"].state == "notice"


def test_backups_are_judged_by_their_age_and_by_reading_them(
    county: County, now: Now, tmp_path: Path
) -> None:
    service = county.service
    assert told(seen(service, backup=None)["backups"]) == ("notice", "doctor-backups-off")
    assert told(found(service)["backups"]) == ("notice", "doctor-backups-none")
    away = seen(service, backup_copy=tmp_path / "drive" / "heji")
    assert told(away["backup-copy"]) == ("problem", "backup-copy-absent"), "before there is a backup too"
    assert "space-copy" not in away, "the disk it would lie on is not the drive"
    made = service.backups.back_up_when_due()
    assert made is not None
    findings = found(service)
    assert told(findings["backups"]) == ("fine", "doctor-backups-fine")
    assert told(findings["backup-copy"]) == ("notice", "doctor-copy-none")
    (tmp_path / "drive").mkdir()
    assert told(seen(service, backup_copy=tmp_path / "drive")["backup-copy"]) == (
        "problem",
        "doctor-copy-old",
    )
    copied = seen(service, backup_copy=service.settings.backup)["backup-copy"]
    assert told(copied) == ("notice", "doctor-copy-same-disk")
    data = bytearray(made.path.read_bytes())
    data[len(data) // 3] ^= 1
    made.path.write_bytes(data)
    assert found(service)["backups"].state == "problem"
    now.seconds += 3 * 24 * 3600
    assert told(found(service)["backups"]) == ("problem", "doctor-backups-old")


def test_a_folder_of_backups_that_another_account_made_is_told_and_hides_no_other_line(
    county: County, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drive = tmp_path / "drive"
    drive.mkdir()
    assert county.service.backups.back_up_when_due() is not None
    listed = Path.iterdir

    def closed(path: Path) -> Iterator[Path]:
        if path in (drive, county.service.settings.backup):
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(Path, "iterdir", closed)
    findings = seen(county.service, backup_copy=drive)
    for line in ("backups", "backup-copy"):
        assert told(findings[line]) == ("problem", "doctor-folder-absent")
        assert "chown" in str(findings[line].remedy_sentence("zh"))
    assert "time-zone" in findings


def test_a_drive_that_takes_no_copy_is_told_before_two_days_have_gone_by(
    county: County, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The modes of a folder say nothing to root, who may run this.
    monkeypatch.setattr(os, "access", lambda path, _mode: Path(path) != tmp_path)
    assert county.service.backups.back_up_when_due() is not None
    assert told(seen(county.service, backup_copy=tmp_path)["backup-copy"]) == (
        "problem",
        "doctor-folder-closed",
    )
    # As in the sandbox of the service, to which a folder is read-only that the unit does not name.
    assert told(seen(county.service, backup=tmp_path)["backups"]) == ("problem", "doctor-folder-closed")


def test_codes_that_cannot_be_drawn_are_a_problem(service: Service) -> None:
    finding = seen(service, base_url="https://" + "a" * 1200)["codes"]
    assert told(finding) == ("problem", "doctor-codes")


def test_the_time_zone_is_told_and_does_not_matter(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    import time  # noqa: PLC0415 - to be told of the zone

    for zone, code in (("Asia/Shanghai", "doctor-zone-fine"), ("Europe/Berlin", "doctor-zone-other")):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        assert told(found(service)["time-zone"]) == ("fine", code)
    monkeypatch.delenv("TZ")
    time.tzset()


def test_the_password_file_of_the_database_must_be_private(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Elsewhere:
        dialect = "postgresql"

    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "pgpass"))
    from heji_web.commands.doctor import _passwords  # noqa: PLC0415 - the rest would want a server

    elsewhere = replace(service, store=Elsewhere())  # type: ignore[arg-type]
    assert [told(each) for each in _passwords(elsewhere)] == [("problem", "doctor-passfile-absent")]
    (tmp_path / "pgpass").write_text("*:*:*:heji:x")
    (tmp_path / "pgpass").chmod(0o644)
    assert [told(each) for each in _passwords(elsewhere)] == [("problem", "secret-readable")]
    (tmp_path / "pgpass").chmod(0o600)
    assert [told(each) for each in _passwords(elsewhere)] == [("fine", "doctor-passfile-fine")]


def test_a_service_that_runs_is_asked_whether_it_is_ready(service: Service, settings: Settings) -> None:
    service.close()
    served = Served(settings.data)
    try:
        served.start()
        running = open_service(replace(settings, port=served.port), passwords=CHEAP)
        with closing(running):
            assert told(found(running)["service"]) == ("fine", "doctor-running")
            (settings.head / "head").unlink()
            finding = found(running)["service"]
            assert told(finding) == ("problem", "doctor-not-ready")
            assert Untrusted("head-missing").sentence("zh") in finding.sentence("zh"), "no browser is at hand"
    finally:
        served.close()
