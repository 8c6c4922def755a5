"""A county behind real HTTP for the field client, and a field machine whose clock and chance are moved by hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from county import County
from heji_scanners.entries import EVENT, Draft, Entry, State
from heji_scanners.outbox import Outbox
from heji_scanners.sending import MOST_TOGETHER, Sender
from heji_scanners.server import Server
from heji_scanners.turn import Turn
from heji_trace.proving import canonical
from heji_web.app import create_app
from heji_web.service import serving
from scanners.scan import Scan, scan_settings
from served import free_port
from web.doors import Now


@dataclass
class Machine:
    """A field machine: an outbox in `folder`, and senders to wherever a test says."""

    folder: Path
    now: Now = field(default_factory=Now)
    chance: float = 1.0
    opened: ExitStack = field(default_factory=ExitStack)

    def __post_init__(self) -> None:
        self.outbox = self.open_outbox()

    def open_outbox(self) -> Outbox:
        """The outbox as one more process has it."""
        return self.opened.enter_context(closing(Outbox(self.folder, self.now.clock)))

    def sender(self, address: str, token: str = "token", most: int = MOST_TOGETHER) -> Sender:
        server = self.opened.enter_context(closing(Server(address, token, self.now.clock.monotonic)))
        turn = self.opened.enter_context(closing(Turn(self.folder)))
        return Sender(self.outbox, server, turn, self.now.clock, lambda: self.chance, most=most)

    def put(self, *events: dict[str, Any]) -> None:
        self.outbox.put([draft_of(event) for event in events])

    def entry(self, event: dict[str, Any]) -> Entry:
        return self.outbox.entry_of(event["id"])

    def states(self, *events: dict[str, Any]) -> list[State]:
        return [self.entry(event).state for event in events]


def draft_of(event: dict[str, Any]) -> Draft:
    return Draft(event["id"], EVENT, event["kind"], canonical.dump(event))


def send_until_still(sender: Sender) -> int:
    """Step until nothing waits or something pauses; how many requests that took."""
    steps = 0
    while sender.step() == 0.0:
        steps += 1
        assert steps < 1000
    return steps


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path / "outbox")
    with machine.opened:
        yield machine


@contextmanager
def answered(county: County) -> Iterator[str]:
    """Where a county answers over HTTP."""
    settings = replace(county.service.settings, port=free_port())
    server = serving.Server(create_app(county.service), settings)
    thread = Thread(target=server.run)
    thread.start()
    try:
        yield server.addresses[0]
    finally:
        server.stop()
        thread.join(timeout=30)


@pytest.fixture
def address(county: County) -> Iterator[str]:
    """Where the county answers over HTTP."""
    with answered(county) as address:
        yield address


@pytest.fixture
def scan(county: County, address: str, tmp_path: Path) -> Scan:
    return Scan(tmp_path, scan_settings(tmp_path, address, county.tokens["producer"]))


@pytest.fixture
def alone(tmp_path: Path) -> Scan:
    """Without a server."""
    return Scan(tmp_path, scan_settings(tmp_path, f"http://127.0.0.1:{free_port()}", "token"))
