"""Backups: the ledger written to an archive, read back and hashed again before it counts as one."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from shutil import copyfileobj
from typing import BinaryIO

from sqlalchemy import Connection

from heji_trace.backups.archive import (
    KEY,
    MANIFEST,
    Manifest,
    Part,
    Reader,
    Writer,
    dump_manifest,
    kept_tables,
)
from heji_trace.errors import BadProof, BrokenChain, Misconfigured, Untrusted
from heji_trace.ledger import ledger
from heji_trace.proving.checkpoint import VerifierKey, open_checkpoint
from heji_trace.proving.entries import check_chain, commit_record, parse_entry
from heji_trace.proving.keys import Signer, dump_signer
from heji_trace.proving.merkle import Frontier
from heji_trace.vocabulary.times import moment_of, ms_of

SUFFIX = ".heji.zip"

_MOMENT = "%Y%m%dT%H%M%SZ"
_DRAFT = ".part"
_DRAFT_LEFT_MS = 60 * 60 * 1000
_COPIED_AT_ONCE = 2**20

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Checked:
    """An archive that was read whole: its manifest, and the roots of its tree at the sizes asked for."""

    path: Path
    manifest: Manifest
    roots: dict[int, bytes]


def write_backup(
    connection: Connection,
    signer: Signer,
    folder: Path,
    *,
    revision: str,
    now_ms: int,
    progress: Progress,
    with_key: bool = False,
) -> Checked:
    """Write an archive of everything the connection sees into `folder`, mode 0600, and check it by reading it back.

    Nothing may have been read on `connection` before. `progress` is told how many entries are read back. Raises
    Misconfigured where the folder cannot be written, and what `check_backup` raises; then no archive is left.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    newest = ledger.newest_note(connection)
    if newest is None:
        raise Misconfigured("ledger-not-begun")
    size, note = newest
    if size != ledger.size_of(connection):
        # What the log's key never signed is no ledger; it must not look like one in a safe place.
        raise Untrusted("ledger-unsigned-tail", size=ledger.size_of(connection))
    path = folder / _file_name(signer.name, size, now_ms)
    with _placed(path) as file:
        with Writer(file) as writer:
            for table in kept_tables():
                writer.add_table(connection, table)
            if with_key:
                writer.add_text(KEY, dump_signer(signer))
            parts = tuple(writer.parts)
            manifest = Manifest(
                signer.name, signer.verifier_key, now_ms, revision, size, note, parts, with_key
            )
            writer.add_text(MANIFEST, dump_manifest(manifest, signer))
        file.flush()
        os.fsync(file.fileno())
        checked = check_backup(Path(file.name), signer.verifier, progress)
    return replace(checked, path=path)


def check_backup(
    path: Path, key: VerifierKey | None, progress: Progress, sizes: Iterable[int] = ()
) -> Checked:
    """Read a whole archive again: hashes of all parts, chain, tree, records, newest signature, fixed facts.

    Without a `key` the archive's own is believed, which tells rot and mistakes but not a forger. The roots at `sizes`
    are worked out on the way. Raises Untrusted's children, and Misconfigured for a file that cannot be read.
    """
    with Reader(path, key) as reader:
        manifest = reader.manifest
        signed = open_checkpoint(manifest.note, [manifest.verifier_key])
        if (signed.origin, signed.size) != (manifest.origin, manifest.size):
            raise BadProof("backup-form")
        roots: dict[int, bytes] = {}
        for part in manifest.parts:
            match part.table:
                case "entries":
                    roots = _check_entries(reader, part, {*sizes, signed.size}, progress)
                case "foundation":
                    _check_foundation(reader, part, manifest)
                case _:
                    for _ in reader.rows(part):
                        pass
        if roots.get(signed.size) != signed.root:
            raise Untrusted("ledger-differs", size=signed.size)
        return Checked(path, manifest, roots)


def copy_backup(source: Path, key: VerifierKey, folder: Path, progress: Progress) -> Path:
    """A copy of an archive in another folder, mode 0600, read back as the first was; where it lies.

    Raises Misconfigured where the one cannot be read or the other written, and what `check_backup` raises.
    """
    path = folder / source.name
    with _placed(path) as file:
        with source.open("rb") as original:
            copyfileobj(original, file, _COPIED_AT_ONCE)
        file.flush()
        os.fsync(file.fileno())
        check_backup(Path(file.name), key, progress)
    return path


@dataclass(frozen=True, slots=True)
class Found:
    """An archive as its name tells of it."""

    path: Path
    made_ms: int


def list_backups(folder: Path, origin: str, now_ms: int) -> list[Found]:
    """The archives of one log in a folder, unread, the newest last; none where there is no folder.

    One from the future was made by a clock that was wrong: how old it is cannot be said, and it is passed over. So is
    what another log, or a person, has put there.
    """
    named = re.compile(
        rf"{re.escape(_place_of(origin))}\.[0-9]+\.(?P<moment>[0-9]{{8}}T[0-9]{{6}}Z){re.escape(SUFFIX)}"
    )
    found = []
    for path in folder.iterdir() if folder.is_dir() else ():
        if parts := named.fullmatch(path.name):
            try:
                made = datetime.strptime(parts["moment"], _MOMENT).replace(tzinfo=UTC)
            except ValueError:
                continue
            if ms_of(made) <= now_ms:
                found.append(Found(path, ms_of(made)))
    return sorted(found, key=lambda each: (each.made_ms, each.path.name))


def find_newest(folder: Path, origin: str, now_ms: int) -> Found | None:
    """The newest of `list_backups`."""
    return next(reversed(list_backups(folder, origin, now_ms)), None)


def prune_backups(folder: Path, origin: str, keep: int, now_ms: int) -> list[Path]:
    """Delete all but the newest `keep` of `list_backups`, and what killed processes have left; the archives deleted."""
    superfluous = [each.path for each in list_backups(folder, origin, now_ms)[:-keep]]
    for draft in folder.glob(f".{_place_of(origin)}.*{SUFFIX}.*{_DRAFT}"):
        # A younger one may be growing under the hands of another process, perhaps on another machine.
        with suppress(FileNotFoundError):
            if draft.stat().st_mtime * 1000 < now_ms - _DRAFT_LEFT_MS:
                draft.unlink()
    for path in superfluous:
        path.unlink(missing_ok=True)
    return superfluous


def _file_name(origin: str, size: int, now_ms: int) -> str:
    return f"{_place_of(origin)}.{size}.{moment_of(now_ms):{_MOMENT}}{SUFFIX}"


def _place_of(origin: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-." else "_" for letter in origin)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


@contextmanager
def _placed(path: Path) -> Iterator[BinaryIO]:
    """A draft, mode 0600, that takes its place when the block ends well, durably; else nothing is left."""
    draft = path.with_name(f".{path.name}.{os.getpid()}{_DRAFT}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft.unlink(missing_ok=True)
        with open(draft, "xb", opener=_private) as file:
            yield file
        draft.replace(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise Misconfigured("backup-unwritable", path=path.parent, reason=error.strerror) from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def _check_entries(reader: Reader, part: Part, sizes: set[int], progress: Progress) -> dict[int, bytes]:
    """The roots at `sizes`, as far as the entries reach."""
    places = {name: at for at, (name, _) in enumerate(part.columns)}
    try:
        seq, entry, record, salt = (places[name] for name in ("seq", "entry", "record", "record_salt"))
    except KeyError as error:
        raise BadProof("backup-form") from error

    def pairs() -> Iterator[tuple[int, bytes]]:
        for run in reader.rows(part):
            for row in run:
                if commit_record(row[salt], row[record]) != parse_entry(row[entry], row[seq]).commitment:
                    raise BrokenChain(row[seq], "record-differs")
                yield row[seq], row[entry]
            progress(run[-1][seq])

    frontier = Frontier()
    roots = {}
    leaves = check_chain(pairs())
    for size in sorted(size for size in sizes if size >= 0):
        for _ in frontier.extend(islice(leaves, size - frontier.size)):
            pass
        if frontier.size == size:
            roots[size] = frontier.root()
    for _ in frontier.extend(leaves):
        pass
    if frontier.size != part.rows:
        raise BadProof("backup-part-differs", table=part.table)
    return roots


def _check_foundation(reader: Reader, part: Part, manifest: Manifest) -> None:
    facts = {row[0]: row[1] for run in reader.rows(part) for row in run}
    if (facts.get("origin"), facts.get("verifier_key")) != (manifest.origin, manifest.verifier_key):
        raise BadProof("backup-form")
