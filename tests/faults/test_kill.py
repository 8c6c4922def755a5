"""kill -9 among concurrent appends: whatever was acknowledged is there, exactly so and once."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event, Lock, Thread
from typing import Any

import pytest
from sqlalchemy import select

from county import opened_county
from heji_trace import ledger, merkle, tables
from heji_web.service import open_service
from heji_web.settings import read_settings
from ledger_check import check_ledger
from served import Caller, Served

APPENDS = 2000
KILLS = 10
CLIENTS = 16


class Book:
    """What the clients were told: the only truth about what must be there."""

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


@pytest.fixture
def data(tmp_path: Path) -> tuple[Path, str, list[dict[str, Any]]]:
    """A county's folder, a producer's token, and the statements to be sent."""
    with opened_county(tmp_path) as county:
        events = [county.harvesting(f"K{number}").body for number in range(APPENDS)]
        token = county.tokens["producer"]
    return tmp_path, token, events


def test_nothing_acknowledged_is_lost_or_doubled_by_kills(
    data: tuple[Path, str, list[dict[str, Any]]],
) -> None:
    folder, token, events = data
    book, done = Book(events), Event()
    served = Served(folder)
    served.start()
    clients = [Thread(target=send_all, args=(book, served.port, token)) for _ in range(CLIENTS)]
    try:
        for client in clients:
            client.start()
        for kill in range(1, KILLS + 1):
            while len(book.acknowledged) < kill * APPENDS // (KILLS + 1) and not done.is_set():
                assert not book.refused, book.refused[0]
                time.sleep(0.005)
            served.kill()
            served.start()
        for client in clients:
            client.join(timeout=60)
        served.stop()
    finally:
        done.set()
        served.close()
    assert not book.refused
    check_against(book, folder)


def check_against(book: Book, folder: Path) -> None:
    """Every acknowledged event stands where its receipt says, and each id once."""
    assert len(book.acknowledged) == APPENDS
    service = open_service(read_settings({"HEJI_DATA": str(folder)}))
    service.start()
    try:
        with service.store.read() as connection:
            rows = connection.execute(
                select(tables.entries.c.seq, tables.entries.c.event_id, tables.entries.c.entry)
            )
            stored = {row.event_id: (row.seq, merkle.leaf_hash(row.entry).hex()) for row in rows}
            size = ledger.size_of(connection)
        told = {event_id: stored[event_id] for event_id in book.acknowledged}
        assert told == book.acknowledged
        assert len(stored) == size
        assert max(Counter(seq for seq, _ in book.acknowledged.values()).values()) == 1
        check_ledger(service)
    finally:
        service.close()
