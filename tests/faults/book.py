"""What clients were told while the service or its database was killed: the only truth about what must be there."""

from __future__ import annotations

import time
from collections import Counter
from queue import Empty, SimpleQueue
from threading import Lock
from typing import Any

from sqlalchemy import select

from heji_trace.ledger import ledger
from heji_trace.proving import merkle
from heji_trace.store import tables
from heji_web.service.service import Service
from ledger_check import check_ledger
from served import Caller


class Book:
    """Events that wait to be sent, and what was answered to each."""

    def __init__(self, events: list[dict[str, Any]]) -> None:
        self.waiting: SimpleQueue[dict[str, Any]] = SimpleQueue()
        for event in events:
            self.waiting.put(event)
        self.acknowledged: dict[str, tuple[int, str]] = {}
        self.refused: list[dict[str, Any]] = []
        self.repeats = 0
        self._mutex = Lock()

    def write_down(self, event_id: str, status: int, answer: dict[str, Any]) -> None:
        with self._mutex:
            if status in (200, 201):
                self.acknowledged[event_id] = (answer["seq"], answer["entry_hash"])
                self.repeats += status == 200
            else:
                self.refused.append(answer)


def send_all(book: Book, port: int, token: str) -> None:
    """Send what waits, each until it is acknowledged, always under the same id."""
    caller = Caller(port, token)
    while True:
        try:
            event = book.waiting.get_nowait()
        except Empty:
            break
        while (answered := caller.post("/api/v1/events", event)) is None or answered[0] == 503:
            time.sleep(0.02)
        book.write_down(event["id"], *answered)
    caller.close()


def check_against(book: Book, appends: int, service: Service) -> None:
    """Every acknowledged event stands where its receipt says, and each id once, in a ledger that is whole."""
    assert not book.refused
    assert len(book.acknowledged) == appends
    with service.store.read() as connection:
        rows = connection.execute(
            select(tables.entries.c.seq, tables.entries.c.event_id, tables.entries.c.entry)
        )
        stored = {row.event_id: (row.seq, merkle.leaf_hash(row.entry).hex()) for row in rows}
        size = ledger.size_of(connection)
    lost = book.acknowledged.keys() - stored.keys()
    assert not lost, f"{len(lost)} acknowledged entries are lost"
    misplaced = {
        event_id: place for event_id, place in book.acknowledged.items() if stored[event_id] != place
    }
    assert not misplaced, f"{len(misplaced)} receipts name another entry"
    assert len(stored) == size
    assert max(Counter(seq for seq, _ in book.acknowledged.values()).values()) == 1
    check_ledger(service)
