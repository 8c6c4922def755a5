"""Sockets that send slowly, or nothing, or do not listen: everybody else is served as if they were not there."""

from __future__ import annotations

import http.client
import resource
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from threading import Thread
from time import perf_counter
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from county import County, opened_county
from faults.length import LONG, lasting
from served import Caller, Served

# More than the process may open when it starts, which on Debian is 1,024.
STUCK = lasting(200, 1100)
DESCRIPTORS = lasting(128, 1024)
PROBES = lasting(20, 500)
_P99_SECONDS = 0.1

MANNERS = {
    "half a header": b"GET /healthz HTTP/1.1\r\nHost: loc",
    "half a body": b"POST /api/v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b'Content-Length: 4000\r\n\r\n{"id": "',
    "half a chunk": b"POST /api/v1/events HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{",
    "nothing": b"",
    "a whole request, never read": b"GET /api/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3,
    "a whole request, then silence": b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
}


@contextmanager
def stuck(port: int, count: int) -> Iterator[None]:
    """So many sockets that have begun and do not go on, of all manners."""
    with ExitStack() as opened:
        for number in range(count):
            begun = list(MANNERS.values())[number % len(MANNERS)]
            one = opened.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
            one.sendall(begun)
        yield


def probe(port: int, timeout: float = 5) -> float | None:
    """How long the health probe took on a connection of its own; None where it was not answered."""
    begun = perf_counter()
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)) as connection:
        try:
            connection.request("GET", "/healthz")
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            return None
    return perf_counter() - begun if answer.status == 200 else None


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Served, Caller, County]]:
    """A running service with few descriptors, and somebody who works with it."""
    with opened_county(tmp_path) as county:
        token = county.tokens["producer"]
    # The test needs as many sockets itself.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(DESCRIPTORS, most), most))
    served = Served(tmp_path)
    try:
        served.start()
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        with closing(Caller(served.port, token)) as caller:
            yield served, caller, county
    finally:
        served.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_stuck_sockets_hold_up_nobody(
    served: tuple[Served, Caller, County], record_property: Callable[[str, object], None]
) -> None:
    server, caller, county = served
    event = county.harvesting("A1").body
    with stuck(server.port, STUCK):
        taken = [probe(server.port) for _ in range(PROBES)]
        answered = sorted(each for each in taken if each is not None)
        assert caller.post("/api/v1/events", event) is not None
    assert len(answered) == PROBES, f"{PROBES - len(answered)} of {PROBES} probes were not answered"
    p99 = answered[(len(answered) * 99 - 1) // 100]
    record_property("stuck sockets", STUCK)
    record_property("p99 of the probe in ms", round(p99 * 1000, 1))
    # In a short run beside others a time tells nothing.
    assert p99 <= _P99_SECONDS or not LONG


def test_a_server_of_one_thread_is_held_up_by_one_socket(county: County) -> None:
    """The control: what the sockets do to a server that waits for each."""

    class Quiet(WSGIRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = make_server("127.0.0.1", 0, county.client.application, handler_class=Quiet)
    serving = Thread(target=server.serve_forever, daemon=True)
    serving.start()
    try:
        assert probe(server.server_port) is not None
        with stuck(server.server_port, 1):
            assert probe(server.server_port, timeout=1) is None
    finally:
        server.shutdown()
        server.server_close()
        serving.join()
