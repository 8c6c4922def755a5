"""The remembered head: the last signed checkpoint, kept durably outside the database.

A write-ahead log that was cut opens cleanly with a shorter, valid chain; only somebody who remembers the end can
tell. The file is that memory, and nothing is served beyond the size it holds.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from heji_trace import ledger
from heji_trace.checkpoint import Checkpoint, VerifierKey, open_checkpoint
from heji_trace.errors import HejiError, Misconfigured, Untrusted
from heji_trace.merkle import consistency_proof, verify_consistency


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

    def write(self, note: str) -> None:
        """Make `note` the remembered head, durably; a smaller size than the file's is left alone.

        Raises OSError where the storage refuses: the caller then answers nobody.
        """
        size = open_checkpoint(note, [self._key]).size
        with self._mutex:
            remembered = self.read()
            if remembered is not None and remembered.size >= size:
                return
            self._path.parent.mkdir(parents=True, exist_ok=True)
            temporary = self._path.with_name(f"head.{os.getpid()}.{threading.get_ident()}")
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
            try:
                os.write(descriptor, note.encode())
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            temporary.replace(self._path)
            # Without this the rename itself may be lost with the power, and the file goes back in time.
            folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether the ledger may be continued: `size` may be served; `fault` says why nothing may be written."""

    size: int
    fault: HejiError | None


def check_start(connection: Connection, head: HeadFile, key: VerifierKey) -> Standing:
    """Compare the database with the remembered head, and roll the head forward after an ordinary crash.

    The database may be ahead by groups that were committed and signed before their head was durable. Everything
    else is not healed but refused: an unsigned tail, a database that is behind or different, a missing file.
    """
    size = ledger.size_of(connection)
    try:
        remembered = head.read()
    except HejiError as error:
        return Standing(0, error)
    newest = ledger.newest_note(connection)
    if remembered is None:
        if size:
            return Standing(0, Untrusted("head-missing"))
        if newest is None:
            return Standing(0, Misconfigured("ledger-not-begun"))
        head.write(newest[1])
        return Standing(0, None)
    try:
        _check_extends(connection, remembered, size, newest, key)
    except HejiError as error:
        return Standing(min(size, remembered.size), error)
    if newest is not None and newest[0] > remembered.size:
        head.write(newest[1])
    return Standing(size, None)


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
