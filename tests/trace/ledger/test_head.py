from __future__ import annotations

import errno
import os
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from county import County
from heji_trace.errors import BadProof, BadSignature, HejiError, LedgerBusy, Misconfigured, Untrusted
from heji_trace.ledger import ledger
from heji_trace.ledger.head import HeadFile, Standing, check_start, list_notes, replace_durably, set_aside
from heji_trace.proving import keys
from heji_trace.proving.checkpoint import dump_checkpoint, sign_note
from heji_web.service.service import Service
from ledger_check import check_ledger, tamper, tampering

SIGNER = keys.generate_signer("log.example/log", lambda size: bytes(range(size)))


def note(size: int, root: int = 0) -> str:
    return sign_note(dump_checkpoint(SIGNER.name, size, bytes([root]) * 32), SIGNER)


@pytest.fixture
def head(tmp_path: Path) -> HeadFile:
    return HeadFile(tmp_path / "head", SIGNER.verifier)


def test_what_was_written_is_remembered_by_another_reader(head: HeadFile, tmp_path: Path) -> None:
    assert head.read() is None
    head.write(note(3))
    again = HeadFile(tmp_path / "head", SIGNER.verifier).read()
    assert again is not None
    assert again.size == 3


def test_the_head_never_goes_backwards(head: HeadFile) -> None:
    head.write(note(5))
    head.write(note(4))
    assert head.read_note() == note(5)


def test_a_head_of_the_same_size_is_written_again(head: HeadFile) -> None:
    head.write(note(5, root=1))
    head.write(note(5, root=2))
    assert head.read_note() == note(5, root=2)


def test_what_this_log_did_not_sign_is_not_written(head: HeadFile) -> None:
    other = keys.generate_signer(SIGNER.name, lambda size: bytes([7]) * size)
    with pytest.raises(BadSignature):
        head.write(sign_note(dump_checkpoint(SIGNER.name, 1, bytes(32)), other))
    assert head.read() is None


def test_nothing_but_the_head_stays_in_its_folder(head: HeadFile, tmp_path: Path) -> None:
    for size in range(5):
        head.write(note(size))
    assert [path.name for path in (tmp_path / "head").iterdir()] == ["head"]


def test_a_folder_that_is_a_file_is_the_storage_refusing(tmp_path: Path) -> None:
    (tmp_path / "head").write_text("in the way")
    with pytest.raises(OSError):
        HeadFile(tmp_path / "head", SIGNER.verifier).write(note(1))


def test_a_head_that_is_a_folder_is_not_read_and_not_replaced(head: HeadFile, tmp_path: Path) -> None:
    (tmp_path / "head" / "head").mkdir(parents=True)
    with pytest.raises(Misconfigured):
        head.read()
    with pytest.raises(Misconfigured):
        head.write(note(1))


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"text", note(3).encode()[:-20]])
def test_a_torn_head_is_not_believed(head: HeadFile, tmp_path: Path, data: bytes) -> None:
    head.write(note(3))
    (tmp_path / "head" / "head").write_bytes(data)
    with pytest.raises((Untrusted, Misconfigured)):
        head.read()
    with pytest.raises((Untrusted, Misconfigured)):
        head.write(note(4))


def test_nobody_but_the_owner_may_write_the_head(head: HeadFile, tmp_path: Path) -> None:
    head.write(note(3))
    assert (tmp_path / "head" / "head").stat().st_mode & 0o022 == 0


@contextmanager
def files_no_longer_than(length: int) -> Iterator[None]:
    """The kernel then takes the part of a write that fits, as it does on a disk that fills up."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (length, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_head_of_which_only_a_part_fits_never_takes_the_place_of_the_old_one(
    head: HeadFile, tmp_path: Path
) -> None:
    head.write(note(3))
    with files_no_longer_than(40), pytest.raises(OSError) as refused:
        head.write(note(4))
    assert refused.value.errno == errno.ENOSPC
    assert head.read_note() == note(3)
    assert [path.name for path in (tmp_path / "head").iterdir()] == ["head"]
    head.write(note(4))
    assert head.read_note() == note(4)


def test_what_cannot_be_put_in_its_place_leaves_nothing_beside_it(tmp_path: Path) -> None:
    (tmp_path / "taken" / "inside").mkdir(parents=True)
    with pytest.raises(OSError):
        replace_durably(tmp_path / "taken", b"text")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_the_age_of_a_head_counts_from_its_last_writing_and_without_one_there_is_none(
    head: HeadFile, tmp_path: Path
) -> None:
    assert head.age_seconds(1000.0) is None
    head.write(note(3))
    os.utime(tmp_path / "head" / "head", (0, 900))
    assert head.age_seconds(1000.0) == 100.0


def test_the_heads_of_logs_that_are_not_continued_stay_known_beside_the_present_one(
    head: HeadFile, tmp_path: Path
) -> None:
    folder = tmp_path / "head"
    assert list_notes(folder) == []
    set_aside(tmp_path, SIGNER.verifier)
    assert list(tmp_path.iterdir()) == []
    head.write(note(3))
    set_aside(folder, SIGNER.verifier)
    assert head.read() is None
    head.write(note(1))
    for name in ("head.1234.5678", "heads", "head.0123abcd.old"):
        (folder / name).write_text("left by a crash, or somebody's copy")
    assert list_notes(folder) == [note(1), note(3)]


@pytest.mark.parametrize("data", [b"\xff\xfe", None])
def test_a_note_among_them_that_cannot_be_read_is_told(tmp_path: Path, data: bytes | None) -> None:
    if data is None:
        (tmp_path / "head").mkdir()
    else:
        (tmp_path / "head").write_bytes(data)
    with pytest.raises(Misconfigured) as refused:
        list_notes(tmp_path)
    assert refused.value.code == "head-unreadable"


# --- the rules at the start ------------------------------------------------------------------------------------------


def start(service: Service) -> Standing:
    with service.store.read() as connection:
        return check_start(connection, service.head, service.signer.verifier)


def fault_of(service: Service) -> HejiError:
    standing = start(service)
    assert standing.fault is not None
    return standing.fault


def noted(service: Service, size: int) -> str:
    with service.store.read() as connection:
        found = ledger.find_note(connection, size)
    assert found is not None
    return found


def put_head(service: Service, text: str) -> None:
    (service.settings.head / "head").write_text(text, "utf-8")


def test_equal_is_fine(county: County) -> None:
    assert start(county.service) == Standing(county.size, None)


def test_a_ledger_that_has_just_begun_gets_its_head(service: Service) -> None:
    (service.settings.head / "head").unlink(missing_ok=True)
    assert start(service) == Standing(0, None)
    assert service.head.read_note() == noted(service, 0)


def test_a_database_without_ledger_is_not_started_on(service: Service) -> None:
    (service.settings.head / "head").unlink(missing_ok=True)
    for table in ("foundation", "checkpoints"):
        tamper(service, f"DELETE FROM {table}")
    assert fault_of(service).code == "ledger-not-begun"


@pytest.mark.parametrize("size", [0, 1, 7, 15])
def test_a_database_ahead_of_its_head_is_what_a_crash_leaves_and_the_head_is_rolled_forward(
    county: County, size: int
) -> None:
    put_head(county.service, noted(county.service, size))
    assert start(county.service) == Standing(county.size, None)
    assert county.service.head.read_note() == noted(county.service, county.size)
    check_ledger(county.service)


def test_a_missing_head_beside_entries_is_refused_and_serves_nothing(county: County) -> None:
    (county.service.settings.head / "head").unlink()
    standing = start(county.service)
    assert standing.size == 0
    assert standing.fault is not None
    assert standing.fault.code == "head-missing"


def test_a_head_that_is_not_ours_is_refused(county: County) -> None:
    put_head(county.service, note(county.size))
    assert isinstance(fault_of(county.service), BadSignature)


def test_a_database_that_is_behind_is_refused(county: County) -> None:
    size = county.size
    tamper(county.service, "DELETE FROM entries WHERE seq = ?", size - 1)
    tamper(county.service, "DELETE FROM checkpoints WHERE size = ?", size)
    standing = start(county.service)
    assert standing.size == size - 1
    assert standing.fault is not None
    assert standing.fault.code == "ledger-behind"


def test_an_unsigned_tail_is_refused(county: County) -> None:
    put_head(county.service, noted(county.service, 5))
    tamper(county.service, "DELETE FROM checkpoints WHERE size = ?", county.size)
    assert fault_of(county.service).code == "ledger-unsigned-tail"


def test_a_tail_that_its_note_does_not_fit_is_refused(county: County) -> None:
    put_head(county.service, noted(county.service, 5))
    with tampering(county.service.settings.database_url) as connection:
        entry = connection.execute("SELECT entry FROM entries WHERE seq = 9").fetchone()[0]
        changed = entry.replace(b'"commitment":"', b'"commitment":"0')[: len(entry)]
        connection.execute("UPDATE entries SET entry = ? WHERE seq = 9", (changed,))
    assert fault_of(county.service).code == "ledger-differs"


def test_another_history_of_the_same_size_is_refused(county: County) -> None:
    signer = county.service.signer
    put_head(county.service, sign_note(dump_checkpoint(signer.name, county.size, bytes(32)), signer))
    assert fault_of(county.service).code == "ledger-differs"


def test_a_history_that_does_not_extend_the_head_is_refused(county: County) -> None:
    signer = county.service.signer
    put_head(county.service, sign_note(dump_checkpoint(signer.name, 7, bytes(32)), signer))
    standing = start(county.service)
    assert standing.size == 7
    assert isinstance(standing.fault, BadProof)


def test_a_head_that_cannot_be_rolled_forward_just_now_is_tried_again(county: County) -> None:
    put_head(county.service, noted(county.service, 5))
    # In the way of the new file, which is named after process and thread.
    in_the_way = county.service.settings.head / f"head.{os.getpid()}.{threading.get_ident()}"
    in_the_way.mkdir()
    with pytest.raises(LedgerBusy):
        start(county.service)
    assert county.service.head.read_note() == noted(county.service, 5)
    in_the_way.rmdir()
    assert start(county.service) == Standing(county.size, None)
