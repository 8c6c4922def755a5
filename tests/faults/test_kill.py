"""kill -9 among concurrent appends: whatever was acknowledged is there, exactly so and once."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from county import opened_county
from faults import hasty
from faults.book import Book, check_against, send_all
from faults.length import lasting
from heji_trace.ledger.ledger import size_of
from heji_web.service.service import open_service
from heji_web.service.settings import read_settings
from served import Served

APPENDS = lasting(2000, 100_000)
KILLS = lasting(10, 200)
CLIENTS = 16
CONTROL_APPENDS = 200


@dataclass(frozen=True)
class Prepared:
    """A county's folder with so many entries, a producer's token, and the statements to be sent."""

    folder: Path
    size: int
    token: str
    events: list[dict[str, Any]]


def prepare(folder: Path, appends: int) -> Prepared:
    with opened_county(folder) as county:
        events = [county.harvesting(f"K{number}").body for number in range(appends)]
        return Prepared(folder, county.size, county.tokens["producer"], events)


def kill_among(prepared: Prepared, served: Served, kills: int) -> Book:
    """Send all statements to a service that is killed and started again so many times meanwhile."""
    book, done = Book(prepared.events), Event()
    appends = len(prepared.events)
    served.start()
    clients = [Thread(target=send_all, args=(book, served.port, prepared.token)) for _ in range(CLIENTS)]
    try:
        for client in clients:
            client.start()
        for kill in range(1, kills + 1):
            while len(book.acknowledged) < kill * appends // (kills + 1) and not done.is_set():
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
    return book


def check_book(prepared: Prepared, book: Book) -> None:
    """Start the product on what is left, and compare it with what the clients were told."""
    with closing(open_service(read_settings({"HEJI_DATA": str(prepared.folder)}))) as service:
        service.start()
        check_against(book, len(prepared.events), service)
        with service.store.read() as connection:
            more = size_of(connection) - prepared.size - len(prepared.events)
        assert not more, f"{more} entries that nobody was told of"


def test_nothing_acknowledged_is_lost_or_doubled_by_kills(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    prepared = prepare(tmp_path, APPENDS)
    book = kill_among(prepared, Served(tmp_path), KILLS)
    record_property(
        "kills, acknowledged, of them repeats", f"{KILLS}, {len(book.acknowledged)}, {book.repeats}"
    )
    check_book(prepared, book)


@pytest.mark.parametrize(
    "variant, kills, said",
    [
        ("early", 3, "entries are lost"),
        ("misplaced", 0, "name another entry"),
        ("doubled", 0, "nobody was told of"),
    ],
)
def test_a_service_that_answers_early_or_wrongly_or_records_twice_is_found_out(
    tmp_path: Path, variant: str, kills: int, said: str
) -> None:
    prepared = prepare(tmp_path, CONTROL_APPENDS)
    book = kill_among(prepared, Served(tmp_path, (hasty.__file__, variant)), kills)
    with pytest.raises(AssertionError, match=said):
        check_book(prepared, book)
