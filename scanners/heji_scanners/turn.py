"""Whose turn it is to send: of several processes on one outbox, one sends at a time."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from heji_trace.errors import Misconfigured


class Turn:
    """The right to send from the outbox in `folder`; the system takes it back when the process ends, however it ends.

    It is an exclusive transaction on an empty SQLite file, because that lock is the same on every system.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "sending.lock"
        self._db = sqlite3.connect(self._path, timeout=0, isolation_level=None)

    def take(self) -> bool:
        """Whether it is ours now; it stays so until it is given back."""
        if self._db.in_transaction:
            return True
        try:
            self._db.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                return False
            raise Misconfigured("scan-outbox-unusable", path=self._path, reason=error) from None
        return True

    def give_back(self) -> None:
        """Let another process send."""
        self._db.rollback()

    def close(self) -> None:
        """Give it back, and let go of the file."""
        self._db.close()
