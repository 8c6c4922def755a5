from __future__ import annotations

import os
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from county import County
from heji_migrations import upgrade
from heji_trace.backups.archive import (
    MANIFEST,
    Manifest,
    Part,
    Reader,
    dump_manifest,
    kept_tables,
    parse_manifest,
)
from heji_trace.backups.backup import Checked, check_backup, write_backup
from heji_trace.errors import BadProof, BadSignature, HejiError, Misconfigured, Untrusted
from heji_trace.proving.keys import Signer, generate_signer
from heji_trace.store import tables

SIGNER = generate_signer("log.example/log", lambda size: b"\x07" * size)
OTHER = generate_signer("log.example/log", lambda size: b"\x08" * size)


def manifest(table: str = "entries", column: str = "seq", kind: str = "integer") -> Manifest:
    part = Part(table, ((column, kind),), 3, 40, "00")
    return Manifest(
        SIGNER.name, SIGNER.verifier_key, 1_780_000_000_000, "0001", 3, "a\n", (part,), has_key=False
    )


def quiet(_done: int) -> None:
    pass


def backed_up(county: County, folder: Path) -> Checked:
    with county.service.store.read() as connection:
        return write_backup(
            connection,
            county.service.signer,
            folder,
            revision=upgrade.head(),
            now_ms=county.service.clock.now_ms(),
            progress=quiet,
        )


def rewritten(source: Path, target: Path, name: str, data: bytes) -> Path:
    """The archive with another content of one member, its zip sums right."""
    with ZipFile(source) as old, ZipFile(target, "w", ZIP_DEFLATED) as new:
        for info in old.infolist():
            new.writestr(info.filename, data if info.filename == name else old.read(info))
    return target


def test_a_manifest_is_read_as_it_was_written() -> None:
    note = dump_manifest(manifest(), SIGNER)
    assert parse_manifest(note, SIGNER.verifier) == manifest()
    assert parse_manifest(note, None) == manifest()


def test_a_manifest_of_another_key_is_refused_also_under_the_same_name() -> None:
    with pytest.raises(BadSignature):
        parse_manifest(dump_manifest(manifest(), OTHER), SIGNER.verifier)
    with pytest.raises(BadSignature):
        parse_manifest(dump_manifest(manifest(), OTHER), None)


@pytest.mark.parametrize(
    ("table", "column", "kind"),
    [
        ("entries; DROP TABLE entries", "seq", "integer"),
        ("entries", 'seq") --', "integer"),
        ("entries", "seq", "real"),
        ("", "seq", "integer"),
    ],
)
def test_what_would_not_be_a_name_in_a_statement_is_refused(table: str, column: str, kind: str) -> None:
    with pytest.raises(BadProof):
        parse_manifest(dump_manifest(manifest(table, column, kind), SIGNER), SIGNER.verifier)


@pytest.mark.parametrize(
    "note", ["", "\n", "heji.backup.v1\n{}\n", "a\n1\nAAAA\n\n— x y\n", "heji.backup.v1\n[]\n\n— a b\n"]
)
def test_another_text_is_no_manifest(note: str) -> None:
    with pytest.raises(BadProof):
        parse_manifest(note, None)


def test_every_table_is_kept_but_read_tables_sessions_and_counters() -> None:
    kept = {table.name for table in kept_tables()}
    assert {table.name for table in tables.LEDGER} <= kept
    left_out = set(tables.metadata.tables) - kept
    assert left_out == {table.name for table in tables.PROJECTIONS} | {"sessions", "throttles"}


def test_the_rows_come_back_as_they_were(county: County, tmp_path: Path) -> None:
    county.harvest("A1")
    made = backed_up(county, tmp_path / "b")
    with Reader(made.path, county.service.signer.verifier) as reader:
        found = {
            part.table: [tuple(row) for run in reader.rows(part) for row in run]
            for part in reader.manifest.parts
        }
    with county.service.store.read() as connection:
        stored = {
            table.name: sorted(map(tuple, connection.execute(table.select()))) for table in kept_tables()
        }
    assert {name: sorted(rows) for name, rows in found.items()} == stored
    assert len(found["entries"]) == county.size


def test_the_same_state_gives_the_same_parts(county: County, tmp_path: Path) -> None:
    assert (
        backed_up(county, tmp_path / "a").manifest.parts == backed_up(county, tmp_path / "b").manifest.parts
    )


@pytest.mark.sqlite_only
def test_no_byte_of_an_archive_can_be_changed_unseen(county: County, tmp_path: Path) -> None:
    """A flip in the zip's own directory may change a date or a comment, which nobody reads: it must not change a row."""
    made = backed_up(county, tmp_path / "b")
    whole = made.path.read_bytes()
    key = county.service.signer.verifier
    flipped = tmp_path / "flipped.zip"
    unseen = 0
    for at in range(0, len(whole), max(1, len(whole) // 150)):
        flipped.write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :])
        try:
            checked = check_backup(flipped, key, quiet)
        except HejiError:
            continue
        unseen += 1
        assert checked.manifest == made.manifest
    assert unseen < 15


@pytest.mark.sqlite_only
@pytest.mark.parametrize("part", [1, 2, 3, 4, 5, 6, 7])
def test_a_cut_archive_is_refused(county: County, tmp_path: Path, part: int) -> None:
    made = backed_up(county, tmp_path / "b")
    whole = made.path.read_bytes()
    (cut := tmp_path / "cut.zip").write_bytes(whole[: len(whole) * part // 8])
    with pytest.raises(BadProof):
        check_backup(cut, county.service.signer.verifier, quiet)


@pytest.mark.sqlite_only
@pytest.mark.parametrize("table", [table.name for table in kept_tables()])
def test_another_content_of_any_part_is_refused(county: County, tmp_path: Path, table: str) -> None:
    made = backed_up(county, tmp_path / "b")
    with Reader(made.path) as reader:
        part = next(part for part in reader.manifest.parts if part.table == table)
    bad = rewritten(made.path, tmp_path / "bad.zip", table, b'["x"]\n' * (part.rows + 1))
    with pytest.raises(Untrusted):
        check_backup(bad, county.service.signer.verifier, quiet)


@pytest.mark.sqlite_only
def test_a_manifest_signed_by_another_makes_no_backup_of_this_log(county: County, tmp_path: Path) -> None:
    made = backed_up(county, tmp_path / "b")
    forger = Signer(county.service.signer.name, os.urandom(32))
    note = dump_manifest(made.manifest, forger).encode()
    with pytest.raises(BadSignature):
        check_backup(
            rewritten(made.path, tmp_path / "f.zip", MANIFEST, note), county.service.signer.verifier, quiet
        )


def test_what_is_no_archive_is_told_from_what_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "text.zip").write_text("hello")
    with pytest.raises(BadProof):
        Reader(tmp_path / "text.zip")
    with pytest.raises(Misconfigured):
        Reader(tmp_path / "absent.zip")
    with pytest.raises(Misconfigured):
        Reader(tmp_path)
