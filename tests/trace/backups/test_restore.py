"""Archives that are signed and wrong all the same, and restores whose key or clock does not fit."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from county import County
from heji_migrations import upgrade
from heji_trace.backups.archive import MANIFEST, Manifest, Part, Reader, dump_manifest
from heji_trace.backups.backup import check_backup, write_backup
from heji_trace.backups.restore import Plan, plan_restore, restore
from heji_trace.errors import BadProof, HejiError, Misconfigured, Untrusted
from heji_trace.ledger import ledger
from heji_trace.proving.checkpoint import dump_checkpoint, sign_note
from heji_trace.proving.keys import generate_signer
from heji_trace.store.db import Store

pytestmark = pytest.mark.sqlite_only

Lines = dict[str, list[list[Any]]]


def quiet(_done: int) -> None:
    pass


@pytest.fixture
def archive(county: County, tmp_path: Path) -> Path:
    county.harvest("A1")
    with county.service.store.read() as connection:
        return write_backup(
            connection,
            county.service.signer,
            tmp_path / "b",
            revision=upgrade.head(),
            now_ms=county.service.clock.now_ms(),
            progress=quiet,
        ).path


@pytest.fixture
def forged(county: County, archive: Path, tmp_path: Path) -> Callable[..., Path]:
    """The archive with its lines or its manifest changed, signed by the log's own key all the same."""

    def made(change: Callable[[Lines], None] = lambda _lines: None, **facts: Any) -> Path:
        with ZipFile(archive) as source:
            with Reader(archive) as reader:
                manifest = reader.manifest
            lines: Lines = {
                part.table: [json.loads(line) for line in source.read(part.table).splitlines()]
                for part in manifest.parts
            }
        change(lines)
        path = tmp_path / "forged.heji.zip"
        columns = {part.table: part.columns for part in manifest.parts}
        parts = []
        with ZipFile(path, "w") as target:
            for table, rows in lines.items():
                data = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
                target.writestr(table, data)
                parts.append(Part(table, columns[table], len(rows), len(data), sha256(data).hexdigest()))
            new: Manifest = replace(manifest, parts=tuple(parts), **facts)
            target.writestr(MANIFEST, dump_manifest(new, county.service.signer))
        return path

    return made


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Store]:
    store = Store(f"sqlite:///{tmp_path / 'new.db'}")
    yield store
    store.close()


def plan_of(path: Path) -> Plan:
    return plan_restore(path, [], progress=quiet, nothing_later=True)


def restored(store: Store, plan: Plan, *, now_ms: int = 2_000_000_000_000, successor: Any = None) -> str:
    with store.write() as connection:
        return restore(
            connection,
            plan,
            successor,
            upgrade=upgrade.upgrade,
            random=lambda size: bytes(range(size)),
            now_ms=now_ms,
            progress=quiet,
        )


def test_what_is_not_changed_is_taken(forged: Callable[..., Path], empty: Store) -> None:
    assert restored(empty, plan_of(forged())).startswith("log.heji.example\n")


def drop_last_entry(lines: Lines) -> None:
    lines["entries"].pop()


def swap_entries(lines: Lines) -> None:
    lines["entries"][2], lines["entries"][3] = lines["entries"][3], lines["entries"][2]


def change_record(lines: Lines) -> None:
    lines["entries"][2][3] = b64encode(b"{}").decode()


def drop_entries(lines: Lines) -> None:
    del lines["entries"]


def bad_base64(lines: Lines) -> None:
    lines["entries"][1][2] = "?"


def number_for_bytes(lines: Lines) -> None:
    lines["entries"][1][2] = 7


def text_for_number(lines: Lines) -> None:
    lines["entries"][1][0] = "1"


def short_row(lines: Lines) -> None:
    lines["accounts"][0].pop()


def no_row(lines: Lines) -> None:
    lines["accounts"][0] = {"account": "x"}  # type: ignore[call-overload]


def other_origin(lines: Lines) -> None:
    for row in lines["foundation"]:
        if row[0] == "origin":
            row[1] = "other.example/log"


@pytest.mark.parametrize(
    "change",
    [
        drop_last_entry,
        swap_entries,
        change_record,
        drop_entries,
        bad_base64,
        number_for_bytes,
        text_for_number,
        short_row,
        no_row,
        other_origin,
    ],
)
def test_a_signed_archive_whose_rows_do_not_fit_is_refused(
    forged: Callable[..., Path], county: County, change: Callable[[Lines], None]
) -> None:
    with pytest.raises(Untrusted):
        check_backup(forged(change), county.service.signer.verifier, quiet)


def test_a_manifest_that_names_another_checkpoint_is_refused(
    forged: Callable[..., Path], county: County
) -> None:
    signer = county.service.signer
    size = county.size
    for facts in (
        {"size": size - 1},
        {"origin": "other.example/log"},
        {"note": sign_note(dump_checkpoint(signer.name, size, bytes(32)), signer)},
        {"note": sign_note(dump_checkpoint(signer.name, size + 1, bytes(32)), signer), "size": size + 1},
        {"note": "nothing"},
        {"verifier_key": generate_signer(signer.name, lambda length: bytes(range(length))).verifier_key},
    ):
        with pytest.raises(Untrusted):
            check_backup(forged(**facts), signer.verifier, quiet)


def test_a_part_without_the_columns_of_an_entry_is_refused(
    forged: Callable[..., Path], county: County, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rename(lines: Lines) -> None:
        lines["entries"] = [row[:2] for row in lines["entries"]]

    original = Part

    def narrow(table: str, columns: Any, *rest: Any) -> Part:
        return original(table, columns[:2] if table == "entries" else columns, *rest)

    monkeypatch.setattr(f"{__name__}.Part", narrow)
    path = forged(rename)
    monkeypatch.undo()
    with pytest.raises(BadProof):
        check_backup(path, county.service.signer.verifier, quiet)


def drop_nodes_and_half(lines: Lines) -> None:
    lines["checkpoints"][0][2] = None


def twice_the_same(lines: Lines) -> None:
    lines["accounts"].append(lines["accounts"][0])


@pytest.mark.parametrize("change", [drop_nodes_and_half, twice_the_same])
def test_rows_that_the_database_refuses_are_told_as_a_bad_archive_and_nothing_is_left(
    forged: Callable[..., Path], empty: Store, change: Callable[[Lines], None]
) -> None:
    with pytest.raises(BadProof):
        restored(empty, plan_of(forged(change)))
    with empty.read() as connection:
        assert upgrade.current(connection) is None


def test_a_key_is_given_exactly_where_the_log_does_not_continue(archive: Path, empty: Store) -> None:
    plan = plan_of(archive)
    successor = generate_signer("log.heji.example-2", lambda size: bytes(range(size)))
    with pytest.raises(ValueError):
        restored(empty, plan, successor=successor)
    behind = plan_restore(archive, [], progress=quiet, new_log=True)
    assert not behind.continues
    with pytest.raises(ValueError):
        restored(empty, behind)


def test_no_gap_is_recorded_by_a_clock_before_the_ledger(archive: Path, empty: Store) -> None:
    behind = plan_restore(archive, [], progress=quiet, new_log=True)
    successor = generate_signer("log.heji.example-2", lambda size: bytes(range(size)))
    with pytest.raises(Misconfigured) as refused:
        restored(empty, behind, successor=successor, now_ms=1_000_000_000_000)
    assert refused.value.code == "clock-behind-ledger"
    restored(empty, behind, successor=successor)
    with empty.read() as connection:
        assert ledger.size_of(connection) == behind.manifest.size + 1


def test_what_is_known_decides(archive: Path, county: County) -> None:
    head = county.service.head.read_note()
    assert head is not None
    assert plan_restore(archive, [head], progress=quiet).continues
    with pytest.raises(Misconfigured):
        plan_restore(archive, [], progress=quiet)
    county.harvest("A2")
    later = county.service.head.read_note()
    assert later is not None
    plan = plan_restore(archive, [head, later], progress=quiet)
    assert (plan.continues, plan.lost) == (False, 1)
    signer = county.service.signer
    forked = sign_note(dump_checkpoint(signer.name, 3, bytes(32)), signer)
    for notes in ([forked], [later, forked], ["x"], [head.replace("log.heji", "log.hejj")]):
        with pytest.raises(HejiError):
            plan_restore(archive, notes, progress=quiet, new_log=True)
