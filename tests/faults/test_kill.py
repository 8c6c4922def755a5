"""kill -9 among concurrent appends: whatever was acknowledged is there, exactly so and once."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from county import opened_county
from faults.book import Book, check_against, send_all
from faults.length import lasting
from heji_web.service import open_service
from heji_web.settings import read_settings
from served import Served

APPENDS = lasting(2000, 100_000)
KILLS = lasting(10, 200)
CLIENTS = 16


@pytest.fixture
def data(tmp_path: Path) -> tuple[Path, str, list[dict[str, Any]]]:
    """A county's folder, a producer's token, and the statements to be sent."""
    with opened_county(tmp_path) as county:
        events = [county.harvesting(f"K{number}").body for number in range(APPENDS)]
        token = county.tokens["producer"]
    return tmp_path, token, events


def test_nothing_acknowledged_is_lost_or_doubled_by_kills(
    data: tuple[Path, str, list[dict[str, Any]]], record_property: Callable[[str, object], None]
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
            client.join(timeout=600)
        served.stop()
    finally:
        done.set()
        served.close()
    record_property(
        "kills, acknowledged, of them repeats", f"{KILLS}, {len(book.acknowledged)}, {book.repeats}"
    )
    with closing(open_service(read_settings({"HEJI_DATA": str(folder)}))) as service:
        service.start()
        check_against(book, APPENDS, service)
