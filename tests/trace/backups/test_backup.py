from __future__ import annotations

import os
import stat
from pathlib import Path
from threading import Thread
from zipfile import ZipFile

import pytest

from county import County
from heji_migrations import upgrade
from heji_trace.backups import backup
from heji_trace.backups.archive import KEY, Reader
from heji_trace.backups.backup import (
    Checked,
    check_backup,
    copy_backup,
    list_backups,
    prune_backups,
    write_backup,
)
from heji_trace.errors import BrokenChain, HejiError, Misconfigured, Untrusted
from heji_trace.proving.keys import dump_signer
from ledger_check import tamper


def quiet(_done: int) -> None:
    pass


def back_up(county: County, folder: Path, *, with_key: bool = False) -> Checked:
    with county.service.store.read() as connection:
        return write_backup(
            connection,
            county.service.signer,
            folder,
            revision=upgrade.head(),
            now_ms=county.service.clock.now_ms(),
            progress=quiet,
            with_key=with_key,
        )


def test_a_backup_is_a_private_file_named_by_log_size_and_moment(county: County, tmp_path: Path) -> None:
    made = back_up(county, tmp_path / "b")
    assert made.path.name == f"log.heji.example.{county.size}.20260528T202640Z.heji.zip"
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(made.path.parent.stat().st_mode) == 0o700
    assert list(made.path.parent.iterdir()) == [made.path]


def test_it_holds_the_newest_signed_checkpoint_and_its_root(county: County, tmp_path: Path) -> None:
    made = back_up(county, tmp_path)
    head = county.service.head.read()
    assert head is not None
    assert (made.manifest.size, made.roots[head.size]) == (head.size, head.root)
    assert check_backup(made.path, county.service.signer.verifier, quiet) == made


def test_the_roots_at_other_sizes_are_worked_out_when_asked_for(county: County, tmp_path: Path) -> None:
    early = back_up(county, tmp_path / "early")
    county.harvest("A1")
    late = back_up(county, tmp_path / "late")
    size = early.manifest.size
    roots = check_backup(late.path, None, quiet, [0, size, 10_000]).roots
    assert roots[size] == early.roots[size]
    assert 10_000 not in roots


def test_the_signing_key_is_not_in_it_unless_asked_for(county: County, tmp_path: Path) -> None:
    secret = dump_signer(county.service.signer)
    without = back_up(county, tmp_path / "without").path
    with Reader(without) as reader:
        assert reader.key_text() is None
    with ZipFile(without) as members:
        assert KEY not in members.namelist()
    with Reader(back_up(county, tmp_path / "with", with_key=True).path) as reader:
        assert reader.key_text() == secret


def test_it_is_one_state_though_events_are_recorded_meanwhile(county: County, tmp_path: Path) -> None:
    done = []

    def go_on() -> None:
        for number in range(40):
            county.harvest(f"B{number}")
        done.append(True)

    writing = Thread(target=go_on)
    writing.start()
    sizes: list[int] = []
    while not done:
        sizes.append(back_up(county, tmp_path / str(len(sizes))).manifest.size)
    writing.join()
    assert sizes == sorted(sizes)
    assert back_up(county, tmp_path / "last").manifest.size == county.size


def test_a_damaged_ledger_makes_no_backup(county: County, tmp_path: Path) -> None:
    tamper(county.service, "UPDATE entries SET record = record_salt WHERE seq = 3")
    with pytest.raises(BrokenChain) as raised:
        back_up(county, tmp_path / "b")
    assert (raised.value.seq, raised.value.code) == (3, "record-differs")
    assert list((tmp_path / "b").iterdir()) == []


def test_a_tail_that_nobody_signed_makes_no_backup(county: County, tmp_path: Path) -> None:
    tamper(county.service, "DELETE FROM checkpoints WHERE size = (SELECT max(size) FROM checkpoints)")
    with pytest.raises(Untrusted):
        back_up(county, tmp_path / "b")


def test_a_ledger_that_has_not_begun_makes_no_backup(county: County, tmp_path: Path) -> None:
    tamper(county.service, "DELETE FROM checkpoints")
    with pytest.raises(Misconfigured):
        back_up(county, tmp_path / "b")


@pytest.mark.sqlite_only
def test_a_folder_that_cannot_be_written_is_said(county: County, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Misconfigured) as raised:
        back_up(county, tmp_path / "file")
    assert raised.value.code == "backup-unwritable"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_leaves_no_archive(
    county: County, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "_private", lambda _path, flags: os.open("/dev/full", os.O_WRONLY))
    with pytest.raises(HejiError):
        back_up(county, tmp_path / "b")
    assert list((tmp_path / "b").iterdir()) == []


def test_a_copy_is_read_back_and_is_the_same(county: County, tmp_path: Path) -> None:
    made = back_up(county, tmp_path / "b")
    copied = copy_backup(made.path, county.service.signer.verifier, tmp_path / "elsewhere", quiet)
    assert copied.read_bytes() == made.path.read_bytes()
    assert stat.S_IMODE(copied.stat().st_mode) == 0o600


@pytest.mark.sqlite_only
def test_a_copy_of_what_has_rotted_meanwhile_is_refused(county: County, tmp_path: Path) -> None:
    made = back_up(county, tmp_path / "b")
    data = bytearray(made.path.read_bytes())
    data[200] ^= 1
    made.path.write_bytes(data)
    with pytest.raises(Untrusted):
        copy_backup(made.path, county.service.signer.verifier, tmp_path / "elsewhere", quiet)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def listed(county: County, folder: Path) -> list[Path]:
    return [
        each.path for each in list_backups(folder, county.service.signer.name, county.service.clock.now_ms())
    ]


def pruned(county: County, folder: Path, keep: int) -> list[Path]:
    return prune_backups(folder, county.service.signer.name, keep, county.service.clock.now_ms())


@pytest.mark.sqlite_only
def test_the_newest_are_kept_by_their_moment_and_not_by_their_size(county: County, tmp_path: Path) -> None:
    made = []
    for number in range(12):
        made.append(back_up(county, tmp_path).path)
        county.now.seconds += 3600
        if number % 2:
            county.harvest(f"C{number}")
    assert listed(county, tmp_path) == made
    assert pruned(county, tmp_path, 3) == made[:-3]
    assert sorted(tmp_path.glob("*.zip")) == sorted(made[-3:])
    assert listed(county, tmp_path / "absent") == []


@pytest.mark.sqlite_only
def test_what_is_not_of_this_log_or_of_the_past_is_neither_counted_nor_deleted(
    county: County, tmp_path: Path
) -> None:
    folder = tmp_path / "b"
    ours = back_up(county, folder).path
    others = [
        folder / name
        for name in (
            "log.heji.example.9.20991231T000000Z.heji.zip",
            "log.heji.example.9.20269931T000000Z.heji.zip",
            "log.heji.example_log-2.9.20260101T000000Z.heji.zip",
            "a.log.heji.example.9.20260101T000000Z.heji.zip",
            "before the upgrade.heji.zip",
            "mine.txt",
        )
    ]
    for each in others:
        each.write_text("kept")
    assert listed(county, folder) == [ours]
    assert pruned(county, folder, 1) == []
    assert sorted(folder.iterdir()) == sorted([ours, *others])


@pytest.mark.sqlite_only
def test_what_a_killed_process_left_is_deleted_and_what_another_is_writing_is_not(
    county: County, tmp_path: Path
) -> None:
    now_ms = county.service.clock.now_ms()
    (folder := tmp_path / "b").mkdir()
    left, growing, foreign = (
        folder / f".{log}.9.20260101T000000Z.heji.zip.{number}.part"
        for log, number in (("log.heji.example", 77), ("log.heji.example", 78), ("other.example", 77))
    )
    for draft, minutes in ((left, 61), (growing, 59), (foreign, 61)):
        draft.write_text("a part of an archive")
        os.utime(draft, ns=(0, (now_ms - minutes * 60_000) * 10**6))
    assert pruned(county, folder, 3) == []
    assert sorted(folder.iterdir()) == sorted([growing, foreign])
