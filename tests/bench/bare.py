"""The least that a durable, chained ledger can do: hash, chain, one INSERT and one commit a group; nothing is checked."""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import Future
from hashlib import sha256
from pathlib import Path
from queue import SimpleQueue

from heji_trace.proving.entries import FIRST_PREV, dump_entry
from heji_trace.proving.merkle import leaf_hash

_GROUP = 256


class BareLedger:
    """Records of bytes, appended in groups by one thread on SQLite with the product's own durability."""

    def __init__(self, path: Path) -> None:
        self._queue: SimpleQueue[tuple[bytes, Future[int]] | None] = SimpleQueue()
        self._path = path
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def submit(self, record: bytes) -> int:
        """Append a record and wait until it is durable; its number."""
        answer: Future[int] = Future()
        self._queue.put((record, answer))
        return answer.result()

    def close(self) -> None:
        """Finish what waits."""
        self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        database = sqlite3.connect(self._path, isolation_level=None)
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
        database.execute("CREATE TABLE entries (seq INTEGER PRIMARY KEY, entry BLOB, record BLOB) STRICT")
        seq, prev, last = 0, FIRST_PREV, False
        while not last:
            group = []
            waiting = self._queue.get()
            while waiting is not None:
                group.append(waiting)
                if self._queue.empty() or len(group) == _GROUP:
                    break
                waiting = self._queue.get()
            last = waiting is None
            rows = []
            for at, (record, _) in enumerate(group):
                entry = dump_entry(seq + at, prev, sha256(record).digest(), 1_780_000_000_000)
                prev = leaf_hash(entry)
                rows.append((seq + at, entry, record))
            database.execute("BEGIN IMMEDIATE")
            database.executemany("INSERT INTO entries VALUES (?, ?, ?)", rows)
            database.execute("COMMIT")
            for at, (_, answer) in enumerate(group):
                answer.set_result(seq + at)
            seq += len(group)
        database.close()
