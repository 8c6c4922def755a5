"""Starts on what a crash, a cut file or a second process leaves: equal, or refused; never silently shorter."""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from county import County
from faults.length import LONG
from heji_trace.ledger.ledger import size_of
from heji_web.service.locking import locked
from heji_web.service.service import Service, open_service
from heji_web.service.settings import Settings, read_settings
from ledger_check import check_ledger, verified
from web.doors import CHEAP, Now

pytestmark = pytest.mark.sqlite_only
_WAL_HEADER, _FRAME_HEADER = 32, 24


def copied(settings: Settings, folder: Path) -> Settings:
    """Database, key and head as they lie there, without the writer's knowledge."""
    folder.mkdir()
    for path in (*settings.data.glob("heji.db"), *settings.data.glob("heji.db-wal"), settings.key):
        shutil.copy2(path, folder)
    shutil.copytree(settings.head, folder / "head")
    return read_settings({"HEJI_DATA": str(folder)})


def frames_of(wal: Path) -> tuple[int, int]:
    """How many bytes a frame has, and how many frames there are."""
    data = wal.read_bytes()
    size = struct.unpack(">I", data[8:12])[0] + _FRAME_HEADER
    return size, (len(data) - _WAL_HEADER) // size


def opened(settings: Settings, now: Now) -> Service:
    service = open_service(settings, now.clock, passwords=CHEAP)
    service.start()
    return service


def test_a_cut_write_ahead_log_is_refused_or_equal_never_shorter(
    county: County, now: Now, tmp_path: Path
) -> None:
    for number in range(6):
        county.harvest(f"A{number}")
    size = county.size
    _, frames = frames_of(county.service.settings.data / "heji.db-wal")
    assert frames > 100
    assert not shortened(county, now, tmp_path, frames)
    cuts = range(frames) if LONG else [*range(frames - 30, frames), *range(0, frames - 30, 25)]
    for cut in cuts:
        assert shortened(county, now, tmp_path, cut), cut
    assert county.size == size


def shortened(county: County, now: Now, folder: Path, cut: int) -> bool:
    """Whether a copy that keeps so many frames is refused; if it is not, it must be whole."""
    settings = copied(county.service.settings, folder / f"cut-{cut}")
    wal = settings.data / "heji.db-wal"
    frame, _ = frames_of(wal)
    with wal.open("r+b") as file:
        file.truncate(_WAL_HEADER + cut * frame)
    service = opened(settings, now)
    with service.store.read() as connection:
        left = size_of(connection)
    refused = service.recorder.fault is not None
    if refused:
        assert left < county.size
        assert verified(service).faults
    else:
        assert left == county.size
        check_ledger(service)
    service.close()
    return refused


def test_a_torn_frame_is_as_if_it_had_not_been_written(county: County, now: Now, tmp_path: Path) -> None:
    county.harvest("A1")
    settings = copied(county.service.settings, tmp_path / "torn")
    wal = settings.data / "heji.db-wal"
    data = bytearray(wal.read_bytes())
    data[-100] ^= 0x40
    wal.write_bytes(data)
    service = opened(settings, now)
    assert service.recorder.fault is not None
    assert service.recorder.fault.code == "ledger-behind"
    service.close()


def test_an_older_backup_of_the_database_is_refused(county: County, now: Now, tmp_path: Path) -> None:
    backup = copied(county.service.settings, tmp_path / "backup")
    county.harvest("A1")
    shutil.rmtree(backup.head)
    shutil.copytree(county.service.settings.head, backup.head)
    service = opened(backup, now)
    assert service.recorder.fault is not None
    assert service.recorder.fault.code == "ledger-behind"
    assert {fault.kind for fault in verified(service).faults} == {"entries-behind-head"}
    service.close()


def test_an_older_backup_of_everything_opens_because_nothing_here_remembers_more(
    county: County, now: Now, tmp_path: Path
) -> None:
    backup = copied(county.service.settings, tmp_path / "backup")
    size = county.size
    county.harvest("A1")
    service = opened(backup, now)
    assert service.recorder.fault is None
    assert service.recorder.durable_size == size
    service.close()


def test_a_torn_head_is_refused_at_whatever_byte_it_ends(county: County, now: Now, tmp_path: Path) -> None:
    county.harvest("A1")
    settings = copied(county.service.settings, tmp_path / "torn")
    head = settings.head / "head"
    note = head.read_bytes()
    for length in range(0, len(note), 1 if LONG else 7):
        head.write_bytes(note[:length])
        assert fault_at_start(settings, now), length
        assert head.read_bytes() == note[:length], "a head that is not believed is not healed in silence"
        head.write_bytes(note[:length] + bytes(len(note) - length))
        assert fault_at_start(settings, now), length
    head.write_bytes(note)
    assert fault_at_start(settings, now) is None


def fault_at_start(settings: Settings, now: Now) -> str | None:
    service = opened(settings, now)
    fault = service.recorder.fault
    service.close()
    return None if fault is None else fault.code


def test_a_head_that_is_gone_ahead_or_of_another_log_is_refused_and_one_behind_is_rolled_forward(
    county: County, now: Now, tmp_path: Path
) -> None:
    county.harvest("A1")
    behind = (county.service.settings.head / "head").read_bytes()
    county.harvest("A2")
    settings = copied(county.service.settings, tmp_path / "copy")
    head = settings.head / "head"
    note = head.read_bytes()
    head.unlink()
    assert fault_at_start(settings, now) == "head-missing"
    assert not head.exists(), "the memory is not made anew out of what it is to remember"
    head.write_bytes(note.replace(b"log.heji.example", b"log.heji.exomple"))
    assert fault_at_start(settings, now)
    county.harvest("A3")
    head.write_bytes((county.service.settings.head / "head").read_bytes())
    assert fault_at_start(settings, now) == "ledger-behind"
    head.write_bytes(behind)
    assert fault_at_start(settings, now) is None
    assert head.read_bytes() == note


@pytest.mark.parametrize("command", ["serve", "rebuild"])
def test_a_second_process_on_the_same_data_is_refused(county: County, command: str) -> None:
    with locked(county.service.settings):
        done = subprocess.run(
            [sys.executable, "-c", "from heji_web.commands.main import main; main()", command],
            env={"HEJI_DATA": str(county.service.settings.data), "LC_ALL": "en_US.UTF-8"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert str(county.service.settings.data) in done.stderr
