from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from heji_trace.errors import InvalidEvent, Misconfigured
from heji_trace.proving import keys
from heji_trace.proving.checkpoint import open_note, sign_note

SEED = bytes(range(32))


@pytest.fixture
def signer() -> keys.Signer:
    return keys.generate_signer("heji.example/log", lambda count: SEED[:count])


def code_of(refusal: pytest.ExceptionInfo[Misconfigured]) -> str:
    return refusal.value.code


def test_a_key_is_made_of_the_randomness_handed_in(signer: keys.Signer) -> None:
    # The public key of this seed is given by RFC 8032's algorithm; the value is that of OpenSSL and of libsodium.
    assert signer.verifier.public.hex() == "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"
    assert len(signer.sign(b"")) == 64


def test_a_key_does_not_show_its_secret(signer: keys.Signer) -> None:
    assert "seed" not in repr(signer)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u3000b", "\ud800"])
def test_a_name_that_notes_cannot_carry_is_refused(name: str) -> None:
    with pytest.raises(Misconfigured) as refusal:
        keys.generate_signer(name, os.urandom)
    assert code_of(refusal) == "key-name"


def test_a_key_is_written_for_its_owner_alone_and_read_again(tmp_path: Path, signer: keys.Signer) -> None:
    path = tmp_path / "log.key"
    before = os.umask(0)
    try:
        keys.write_signer(path, signer)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert keys.read_signer(path) == signer
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_is_of_the_form_that_go_reads(tmp_path: Path, signer: keys.Signer) -> None:
    keys.write_signer(tmp_path / "k", signer)
    text = (tmp_path / "k").read_text()
    assert text.startswith(f"PRIVATE+KEY+heji.example/log+{signer.key_id.hex()}+AQAB")


def test_a_key_is_never_overwritten(tmp_path: Path, signer: keys.Signer) -> None:
    path = tmp_path / "log.key"
    keys.write_signer(path, signer)
    with pytest.raises(Misconfigured) as refusal:
        keys.write_signer(path, keys.generate_signer("other", os.urandom))
    assert code_of(refusal) == "key-exists"
    assert keys.read_signer(path) == signer
    assert list(tmp_path.iterdir()) == [path]


def test_a_draft_left_by_a_crash_does_not_hinder(tmp_path: Path, signer: keys.Signer) -> None:
    (tmp_path / f".log.key.{os.getpid()}.new").write_text("half")
    keys.write_signer(tmp_path / "log.key", signer)
    assert keys.read_signer(tmp_path / "log.key") == signer


def test_a_folder_that_is_not_there_is_said(tmp_path: Path, signer: keys.Signer) -> None:
    with pytest.raises(Misconfigured) as refusal:
        keys.write_signer(tmp_path / "none" / "log.key", signer)
    assert code_of(refusal) == "key-unwritable"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601, 0o644])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, signer: keys.Signer, mode: int) -> None:
    path = tmp_path / "log.key"
    keys.write_signer(path, signer)
    path.chmod(mode)
    with pytest.raises(Misconfigured) as refusal:
        keys.read_signer(path)
    assert code_of(refusal) == "key-readable"
    assert f"{mode:04o}" in refusal.value.sentence("zh")


def test_a_missing_key_and_a_folder_are_said(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured) as refusal:
        keys.read_signer(tmp_path / "none")
    assert code_of(refusal) == "key-unreadable"
    with pytest.raises(Misconfigured) as refusal:
        keys.read_signer(tmp_path)
    assert code_of(refusal) in {"key-unreadable", "key-damaged"}


def test_a_pipe_in_the_keys_place_does_not_stop_the_start(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "log.key", 0o600)
    with pytest.raises(Misconfigured) as refusal:
        keys.read_signer(tmp_path / "log.key")
    assert code_of(refusal) == "key-damaged"


def test_every_changed_byte_of_a_key_file_is_noticed(tmp_path: Path, signer: keys.Signer) -> None:
    path = tmp_path / "log.key"
    keys.write_signer(path, signer)
    good = path.read_bytes()
    for at in range(len(good) - 1):
        path.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        with pytest.raises(Misconfigured) as refusal:
            keys.read_signer(path)
        assert code_of(refusal) == "key-damaged"
    for bad in (b"", good[:-2], good + b"x", b"\xff" * 50, good * 2):
        path.write_bytes(bad)
        with pytest.raises(Misconfigured):
            keys.read_signer(path)


def test_a_key_comes_back_from_its_sheet(signer: keys.Signer) -> None:
    sheet = keys.recovery_sheet(signer)
    assert "恢复单" in sheet
    assert "recovery sheet" in sheet
    restored = keys.restore_signer(sheet)
    assert restored == signer
    assert open_note(sign_note("text\n", restored), [signer.verifier]) == "text\n"


def test_a_sheet_may_be_typed_carelessly(signer: keys.Signer) -> None:
    lines = [
        line
        for line in keys.recovery_sheet(signer).splitlines()
        if line[:2] in {"1:", "2:", "3:", "4:", "he"}
    ]
    name, *rows = lines
    typed = [row.upper().replace(" ", "").replace("0", "O").replace(":", "：") for row in reversed(rows)]
    assert keys.restore_signer("\r\n\r\n".join([*typed, f"  {name}  "])) == signer


def test_a_mistyped_row_is_named(signer: keys.Signer) -> None:
    sheet = keys.recovery_sheet(signer)
    row = next(line for line in sheet.splitlines() if line.startswith("3:"))
    changed = row[:4] + ("a" if row[4] != "a" else "b") + row[5:]
    with pytest.raises(InvalidEvent) as refusal:
        keys.restore_signer(sheet.replace(row, changed))
    (problem,) = refusal.value.problems
    assert (problem.code, problem.names) == ("recovery-sheet-row", {"row": 3})
    assert sheet.splitlines()[(problem.line or 0) - 1] == row


def test_a_missing_row_is_named(signer: keys.Signer) -> None:
    sheet = "\n".join(line for line in keys.recovery_sheet(signer).splitlines() if not line.startswith("2:"))
    with pytest.raises(InvalidEvent) as refusal:
        keys.restore_signer(sheet)
    assert [problem.names for problem in refusal.value.problems] == [{"row": 2}]


def test_a_wrong_name_is_noticed(signer: keys.Signer) -> None:
    sheet = keys.recovery_sheet(signer)
    for changed in (sheet.replace("heji key heji", "heji key Heji"), sheet.replace("heji key", "heji")):
        with pytest.raises(InvalidEvent) as refusal:
            keys.restore_signer(changed)
        assert [problem.code for problem in refusal.value.problems] == ["recovery-sheet-key"]


def test_a_sheet_does_not_bring_in_a_name_that_notes_cannot_carry() -> None:
    with pytest.raises(InvalidEvent) as refusal:
        keys.restore_signer(keys.recovery_sheet(keys.Signer("a+b", SEED)))
    assert [problem.code for problem in refusal.value.problems] == ["recovery-sheet-key"]


def test_rows_of_another_sheet_are_noticed(signer: keys.Signer) -> None:
    other = keys.recovery_sheet(keys.generate_signer("heji.example/log", os.urandom)).splitlines()
    sheet = keys.recovery_sheet(signer).splitlines()
    sheet[sheet.index(next(line for line in sheet if line.startswith("1:")))] = next(
        line for line in other if line.startswith("1:")
    )
    with pytest.raises(InvalidEvent) as refusal:
        keys.restore_signer("\n".join(sheet))
    assert [problem.code for problem in refusal.value.problems] == ["recovery-sheet-key"]


@pytest.mark.parametrize(
    "seed", [bytes(32), b"\x01" * 32, b"heji" * 8, bytes(range(8)) * 4, b"hejihejihejihejihejiheji20261127"]
)
def test_a_key_that_was_not_drawn_at_random_is_not_signed_with(tmp_path: Path, seed: bytes) -> None:
    keys.write_signer(tmp_path / "k", keys.Signer("log.example", seed))
    with pytest.raises(Misconfigured) as refused:
        keys.read_signer(tmp_path / "k")
    assert refused.value.code == "key-weak"


def test_keys_drawn_at_random_are_signed_with(tmp_path: Path) -> None:
    for number in range(200):
        signer = keys.generate_signer("log.example", os.urandom)
        keys.write_signer(tmp_path / str(number), signer)
        assert keys.read_signer(tmp_path / str(number)) == signer
