"""The remembered head: the last signed checkpoint, kept durably outside the database.

A write-ahead log that was cut opens cleanly with a shorter, valid chain; only somebody who remembers the end can
tell. The file is that memory, and nothing is served beyond the size it holds.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from heji_trace.errors import HejiError, LedgerBusy, Misconfigured, Untrusted
from heji_trace.ledger import ledger
from heji_trace.proving.checkpoint import Checkpoint, VerifierKey, open_checkpoint
from heji_trace.proving.merkle import consistency_proof, verify_consistency

_NOTE_NAME = re.compile(r"head(\.[0-9a-f]{8})?")


class HeadFile:
    """The file `head` in a folder of its own, best on other storage than the database."""

    def __init__(self, folder: Path, key: VerifierKey) -> None:
        self._path = folder / "head"
        self._key = key
        self._mutex = threading.Lock()

    def read(self) -> Checkpoint | None:
        """The remembered checkpoint, or None where there is no file; raises Untrusted for a file that is not ours."""
        note = self.read_note()
        return None if note is None else open_checkpoint(note, [self._key])

    def read_note(self) -> str | None:
        """The remembered signed note as text."""
        try:
            return self._path.read_text("utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise Misconfigured("head-unreadable", path=self._path) from error

    def age_seconds(self, now: float) -> float | None:
        """How long ago it was written last, at `now` in seconds since 1970; None where there is no file."""
        try:
            return now - self._path.stat().st_mtime
        except OSError:
            return None

    def write(self, note: str) -> None:
        """Make `note` the remembered head, durably; a smaller size than the file's is left alone.

        Raises OSError where the storage refuses: the caller then answers nobody.
        """
        opened = open_checkpoint(note, [self._key])
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._mutex, locked_folder(self._path.parent) as sync:
            remembered = self.read()
            # An equal one is written again: its first time may have failed after the rename.
            if remembered is None or remembered.size <= opened.size:
                replace_durably(self._path, note.encode())
            # Without this the rename itself may be lost with the power, and the file goes back in time.
            sync()

    @property
    def folder(self) -> Path:
        """The folder that the file stands in."""
        return self._path.parent


def list_notes(folder: Path) -> list[str]:
    """The notes remembered in a folder: the head, and those that `set_aside` left there; none where there is no folder."""
    try:
        return [
            path.read_text("utf-8")
            for path in sorted(folder.glob("head*"))
            if _NOTE_NAME.fullmatch(path.name)
        ]
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured("head-unreadable", path=folder) from error


def set_aside(folder: Path, key: VerifierKey) -> None:
    """Keep the head of a log that is not continued under another name, so that it stays known, durably."""
    path = folder / "head"
    if path.exists():
        path.replace(path.with_name(f"head.{key.id.hex()}"))
        with locked_folder(folder) as sync:
            sync()


@contextmanager
def locked_folder(path: Path) -> Iterator[Callable[[], None]]:
    """Hold a folder against other processes that share it; what is given makes its names durable."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield lambda: os.fsync(folder)
    finally:
        os.close(folder)


def replace_durably(path: Path, data: bytes) -> None:
    """Write a whole file beside `path`, make it durable and put it in the place of the old one; raises OSError."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        with temporary.open("wb", buffering=0) as file:
            # A full disk takes part of it without an error, and a torn head is worse than none.
            if file.write(data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(temporary))
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether the ledger may be continued: `size` may be served; `fault` says why nothing may be written."""

    size: int
    fault: HejiError | None


def check_start(connection: Connection, head: HeadFile, key: VerifierKey) -> Standing:
    """Compare the database with the remembered head, and roll the head forward after an ordinary crash.

    The database may be ahead by groups that were committed and signed before their head was durable. Everything
    else is not healed but refused: an unsigned tail, a database that is behind or different, a missing file. Raises
    LedgerBusy where the head cannot be rolled forward just now.
    """
    size = ledger.size_of(connection)
    newest = ledger.newest_note(connection)
    known = 0
    try:
        remembered = head.read()
        if remembered is None:
            _check_begun(size, newest)
        else:
            known = min(size, remembered.size)
            _check_extends(connection, remembered, size, newest, key)
        if newest is not None and (remembered is None or newest[0] > remembered.size):
            head.write(newest[1])
    except OSError as error:
        raise LedgerBusy("head-not-durable") from error
    except HejiError as error:
        return Standing(known, error)
    return Standing(size, None)


def check_remembered(connection: Connection, remembered: Checkpoint, key: VerifierKey) -> int:
    """The size of the ledger, which continues the remembered head; raises what says why it does not. Nothing is written."""
    size = ledger.size_of(connection)
    _check_extends(connection, remembered, size, ledger.newest_note(connection), key)
    return size


def _check_begun(size: int, newest: tuple[int, str] | None) -> None:
    if size:
        raise Untrusted("head-missing")
    if newest is None:
        raise Misconfigured("ledger-not-begun")


def _check_extends(
    connection: Connection,
    remembered: Checkpoint,
    size: int,
    newest: tuple[int, str] | None,
    key: VerifierKey,
) -> None:
    if size < remembered.size:
        raise Untrusted("ledger-behind", size=size, remembered=remembered.size)
    if newest is None or newest[0] != size:
        raise Untrusted("ledger-unsigned-tail", size=size)
    signed = open_checkpoint(newest[1], [key])
    tip = ledger.load_tip(connection)
    if signed.size != size or signed.root != tip.frontier.root():
        raise Untrusted("ledger-differs", size=size)
    if remembered.size == size:
        if remembered.root != signed.root:
            raise Untrusted("ledger-differs", size=size)
    elif remembered.size > 0:
        proof = consistency_proof(remembered.size, size, ledger.hash_reader(connection))
        verify_consistency(remembered.size, size, remembered.root, signed.root, proof)
