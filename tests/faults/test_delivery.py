"""A bad line between outbox and service: what was stated arrives, all of it, once; and poorer clients show the line is bad."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from random import Random
from threading import Thread
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from county import CYCLE, PLOT, County, opened_county
from faults.faulty_line import BAD_LINE, FaultyLine
from faults.length import lasting
from heji_scanners.deciding import confirm
from heji_scanners.entries import EVENT, Draft, State
from heji_scanners.outbox import Outbox
from heji_scanners.sending import Sender, drain
from heji_scanners.server import Server
from heji_scanners.turn import Turn
from heji_trace.ledger import ledger
from heji_trace.proving import canonical
from heji_trace.store import tables
from heji_trace.vocabulary.times import Clock
from heji_web.service.service import open_service
from heji_web.service.settings import read_settings
from ledger_check import check_ledger
from served import Caller, Served

EVENTS = lasting(600, 10_000)
CONTROLS = 80
STATIONS = 3
# Many requests, so that the line has many chances.
TOGETHER = 10
# The client's clock runs fast: pauses of seconds pass in hundredths.
HASTE = 50
HASTY = Clock(time.time, lambda: time.monotonic() * HASTE)


@dataclass(frozen=True)
class Site:
    """A county's folder that is being served, a producer's token, and statements to be sent."""

    folder: Path
    served: Served
    token: str
    events: list[dict[str, Any]]
    before: int


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    folder = tmp_path / "county"
    folder.mkdir()
    with opened_county(folder) as county:
        events = [stated(county, number) for number in range(EVENTS)]
        site = Site(folder, Served(folder), county.tokens["producer"], events, county.size)
    site.served.start()
    yield site
    site.served.close()


def stated(county: County, number: int) -> dict[str, Any]:
    """Harvests make batches that only one event may make; what was done on a plot can be said any number of times."""
    if number % 2:
        return county.harvesting(f"D{number}").body
    return county.event(
        "field_operation", site=PLOT, cycles=[CYCLE], details={"operation": "weeding"}, note=f"No. {number}"
    ).body


@pytest.fixture
def line(site: Site) -> Iterator[FaultyLine]:
    line = FaultyLine(site.served.port, seed=20261127)
    line.start()
    yield line
    line.close()


def drafts_of(events: list[dict[str, Any]]) -> list[Draft]:
    return [Draft(event["id"], EVENT, event["kind"], canonical.dump(event)) for event in events]


def send_all(folder: Path, port: int, token: str, events: list[dict[str, Any]], seed: int) -> None:
    """What a station does: into the outbox, and sent until nothing waits."""
    random = Random(seed).random
    with (
        closing(Outbox(folder, HASTY)) as outbox,
        closing(Server(f"http://127.0.0.1:{port}", token, HASTY.monotonic)) as server,
        closing(Turn(folder)) as turn,
    ):
        outbox.put(drafts_of(events))
        sender = Sender(outbox, server, turn, HASTY, random, most=TOGETHER)
        for _ in drain(sender, outbox, HASTY, lambda seconds: time.sleep(seconds / HASTE), 3000):
            pass


def arrived(site: Site) -> list[dict[str, Any]]:
    """What stands in the ledger beyond the county's founding, in its order; the ledger itself is sound."""
    site.served.stop()
    service = open_service(read_settings({"HEJI_DATA": str(site.folder)}))
    service.start()
    try:
        check_ledger(service)
        with service.store.read() as connection:
            found = connection.execute(
                select(tables.entries.c.seq).where(tables.entries.c.seq >= site.before)
            )
            seqs = sorted(found.scalars())
            return [stored.event.body for stored in ledger.read_stored(connection, seqs)]
    finally:
        service.close()


def test_what_is_sent_over_a_bad_line_arrives_once(site: Site, line: FaultyLine, tmp_path: Path) -> None:
    folders = [tmp_path / f"station-{number}" for number in range(STATIONS)]
    stations = [
        Thread(target=send_all, args=(folder, line.port, site.token, site.events[number::STATIONS], number))
        for number, folder in enumerate(folders)
    ]
    for station in stations:
        station.start()
    for station in stations:
        station.join()
    line.flush()
    # The line was as bad as it is meant to be.
    assert line.met.keys() >= BAD_LINE.keys(), line.met
    receipts: dict[str, Any] = {}
    for folder in folders:
        with closing(Outbox(folder, HASTY)) as outbox:
            assert outbox.counts()[State.DELIVERED] == sum(outbox.counts().values())
            receipts |= {each.id: each.receipt for each in outbox.list_entries()}
    assert receipts.keys() == {event["id"] for event in site.events}
    check_replays(site, receipts)
    found = arrived(site)
    assert len(found) == EVENTS
    assert {event["id"]: event for event in found} == {event["id"]: event for event in site.events}


def test_on_a_bad_line_only_what_the_ledger_asks_about_waits_for_a_person(
    site: Site, line: FaultyLine, tmp_path: Path
) -> None:
    folder = tmp_path / "station"
    events = site.events[: 2 * CONTROLS]
    for at in range(5, len(events), 16):
        # Nobody knows a batch of that name, and so the ledger wants to hear it twice.
        events[at] = {**events[at], "kind": "receiving", "moves": [unknown_goods(at)]}
        events[at].pop("outputs"), events[at].pop("cycles")
    send_all(folder, line.port, site.token, events, seed=1)
    with closing(Outbox(folder, HASTY)) as outbox:
        parked = list(outbox.list_entries([State.PARKED]))
        assert [each.id for each in parked] == [event["id"] for event in events[5::16]]
        assert outbox.counts()[State.DELIVERED] == len(events) - len(parked)
        for each in parked:
            confirm(outbox, each, [str(question["code"]) for question in each.questions], HASTY.now_ms())
    send_all(folder, line.port, site.token, [], seed=2)
    line.flush()
    found = {event["id"]: event for event in arrived(site)}
    assert found.keys() == {event["id"] for event in events}
    assert all(found[event["id"]]["acknowledged"] for event in events[5::16])


def unknown_goods(number: int) -> dict[str, str]:
    return {"batch": f"U{number}", "quantity": "5", "unit": "kg"}


def check_replays(site: Site, receipts: dict[str, Any]) -> None:
    """Whoever sends again gets what he was given."""
    caller = Caller(site.served.port, site.token)
    for event in site.events[:: max(1, EVENTS // 100)]:
        assert caller.post("/api/v1/events", event) == (200, receipts[event["id"]])
    caller.close()


def test_control_a_client_that_drops_on_error_loses(site: Site, line: FaultyLine) -> None:
    caller = Caller(line.port, site.token)
    for event in site.events[:CONTROLS]:
        caller.post("/api/v1/events", event)
    caller.close()
    assert len(arrived(site)) < CONTROLS


def test_control_a_client_without_stable_ids_doubles(site: Site, line: FaultyLine) -> None:
    caller = Caller(line.port, site.token)
    for event in site.events[: 2 * CONTROLS : 2]:
        while not is_recorded(caller.post("/api/v1/events", {**event, "id": str(uuid4())})):
            pass
    caller.close()
    line.flush()
    said = [event["note"] for event in arrived(site)]
    assert len(set(said)) == CONTROLS
    assert len(said) > CONTROLS


def is_recorded(answered: tuple[int, dict[str, Any]] | None) -> bool:
    return answered is not None and answered[0] == 201 and "seq" in json.dumps(answered[1])
