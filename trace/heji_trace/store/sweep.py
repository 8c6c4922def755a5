"""Clearing the storage of what an erasure took: deleting rows alone leaves their bytes behind.

SQLite's `secure_delete` overwrites what is deleted, but the write-ahead log still holds the pages as they were, and a
page that was once split can keep a copy in the gap between its cells. So the log is brought into the file and cut to
nothing, the file is looked through for the values, and made anew where one is found.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from heji_trace.errors import LedgerBusy
from heji_trace.store import looking
from heji_trace.store.db import Store
from heji_trace.store.tables import ERASABLE, PROJECTIONS, disclosures, imported, imports
from heji_trace.store.whereabouts import files_beside

_WINDOW: Final = 16
COPYING: Final = tuple(
    table for table in PROJECTIONS if any(column.info == ERASABLE for column in table.columns)
)
"""The read tables that copy sealed values into erasable columns."""
SWEPT: Final = (disclosures, imports, imported, *COPYING)
"""The tables from which an erasure takes rows or words."""


def sweep(store: Store, values: Iterable[bytes] | None) -> None:
    """Leave no byte of deleted values in the database's files; None where they are no longer known.

    On PostgreSQL the dead rows are vacuumed; what its own write-ahead log and replicas keep is theirs to forget.
    Raises LedgerBusy while somebody reads an older state of the database.
    """
    if store.dialect == "postgresql":
        store.maintain(
            "SET statement_timeout = 0",
            *(f"VACUUM {table.name}" for table in SWEPT),
        )
        return
    _cut_log(store)
    if values is None or is_found(database_files(store), values):
        store.maintain("VACUUM")
        _cut_log(store)


def database_files(store: Store) -> list[Path]:
    """The files that make up a SQLite database, those that exist."""
    if store.path is None:
        return []
    path = store.path.resolve()
    journal = path.with_name(f"{path.name}-journal")
    return [each for each in (path, *files_beside(path), journal) if each.exists()]


def is_found(files: Iterable[Path], values: Iterable[bytes]) -> bool:
    """Whether a piece of one of the values stands in one of the files; raises LedgerBusy where that cannot be looked at."""
    wanted = {piece.hex() for value in values for piece in pieces(value)}
    try:
        # Elsewhere: to open and close them here would give back the locks of the database.
        looked = subprocess.run(  # noqa: S603 - our own program, on our own files
            [sys.executable, "-I", looking.__file__, *map(str, files)],
            input="\n".join(wanted),
            capture_output=True,
            encoding="ascii",
            check=False,
        )
    except OSError as error:
        raise LedgerBusy("values-not-swept") from error
    if looked.returncode not in (looking.ABSENT, looking.FOUND):
        raise LedgerBusy("values-not-swept")
    return looked.returncode == looking.FOUND


def pieces(value: bytes) -> Iterator[bytes]:
    """A value cut up, since a page's end or an overflow page parts it; a short one is looked for whole."""
    if len(value) <= _WINDOW:
        yield value
    for at in range(0, len(value) - _WINDOW + 1, _WINDOW):
        yield value[at : at + _WINDOW]


def _cut_log(store: Store) -> None:
    [(busy, *_)] = store.maintain("PRAGMA wal_checkpoint(TRUNCATE)")
    if busy:
        raise LedgerBusy("values-not-swept")
