"""The file in which an outbox lies: its tables, and how it is opened so that nothing put into it is lost."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Final

from heji_trace.errors import Misconfigured

_VERSION: Final = 1
_SCHEMA: Final = (
    "CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    """CREATE TABLE files (
        sha256 TEXT PRIMARY KEY, path TEXT NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL, rows TEXT NOT NULL,
        taken_ms INTEGER NOT NULL)""",
    "CREATE INDEX files_by_path ON files (path)",
    # AUTOINCREMENT: a number that somebody has written down never comes to mean another entry.
    """CREATE TABLE entries (
        number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, form TEXT NOT NULL, kind TEXT NOT NULL,
        body BLOB NOT NULL, acknowledged TEXT NOT NULL DEFAULT '[]', replaces TEXT, file TEXT NOT NULL, line INTEGER,
        state TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, not_before_ms INTEGER NOT NULL DEFAULT 0,
        status INTEGER, answer TEXT, receipt TEXT, put_ms INTEGER NOT NULL, settled_ms INTEGER)""",
    "CREATE INDEX entries_by_state ON entries (state, number)",
    "CREATE TABLE steps (number INTEGER NOT NULL, at_ms INTEGER NOT NULL, step TEXT NOT NULL, said TEXT NOT NULL)",
    "CREATE INDEX steps_by_number ON steps (number)",
)
_BUSY_SECONDS: Final = 60


def open_outbox_file(path: Path) -> sqlite3.Connection:
    """The outbox at `path`, made where it is missing; raises Misconfigured where it cannot be used."""
    is_new = not path.exists()
    try:
        # What lies here is sealed in the ledger; nobody else on this machine is to read it.
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        db = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
        db.execute("PRAGMA synchronous=FULL")
        db.execute("PRAGMA journal_mode=TRUNCATE")
        with db:
            db.execute("BEGIN IMMEDIATE")
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if not version:
                for statement in _SCHEMA:
                    db.execute(statement)
                db.execute(f"PRAGMA user_version={_VERSION}")
        if is_new:
            _sync_folder(path.parent)
            _sync_folder(path.parent.parent)
    except (OSError, sqlite3.Error) as error:
        raise Misconfigured("scan-outbox-unusable", path=path, reason=error) from None
    if version > _VERSION:
        raise Misconfigured("scan-outbox-newer", path=path)
    return db


def _sync_folder(folder: Path) -> None:
    """Make a new name in a folder durable; Windows has no such call and needs none."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
