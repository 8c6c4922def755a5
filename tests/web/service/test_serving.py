from __future__ import annotations

import re
import socket
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from http.client import HTTPConnection
from threading import Event, Thread

import pytest
from flask import Flask, request

from heji_web.service.serving import Server
from heji_web.service.settings import Settings


@pytest.fixture
def settings(settings: Settings) -> Settings:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return replace(settings, port=free.getsockname()[1], bulk_limit=100_000)


@contextmanager
def serving(app: Flask, settings: Settings) -> Iterator[tuple[Server, Thread]]:
    server = Server(app, settings)
    ready = Event()
    thread = Thread(target=server.run, args=(ready.set,), daemon=True)
    thread.start()
    try:
        assert ready.wait(10)
        yield server, thread
    finally:
        server.stop()
        thread.join(20)
    assert not thread.is_alive()


def connect(settings: Settings) -> HTTPConnection:
    return HTTPConnection("127.0.0.1", settings.port, timeout=20)


def test_what_is_served_is_the_application(app: Flask, settings: Settings) -> None:
    with serving(app, settings) as (server, _thread):
        assert server.addresses == [f"http://127.0.0.1:{settings.port}"]
        connection = connect(settings)
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b'{"ok":true}\n')
        assert "Server" not in answer.headers
        connection.close()


def test_a_request_that_was_received_is_finished_after_the_signal(app: Flask, settings: Settings) -> None:
    entered, leave = Event(), Event()

    @app.post("/slow")
    def slow() -> bytes:
        entered.set()
        assert leave.wait(20)
        return request.get_data() * 1000

    with serving(app, settings) as (server, thread):
        connection = connect(settings)
        connection.request("POST", "/slow", body=b"x" * 1000)
        assert entered.wait(10)
        idle = connect(settings)
        idle.connect()
        server.stop()
        # The idle connection is let go first, while the one that works is waited for.
        assert idle.sock.recv(1) == b""
        idle.close()
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.1", settings.port), timeout=1)
        assert thread.is_alive()
        leave.set()
        answer = connection.getresponse()
        assert (answer.status, len(answer.read())) == (200, 1_000_000)
        connection.close()


def test_a_body_larger_than_any_route_takes_is_a_problem_too(app: Flask, settings: Settings) -> None:
    with serving(app, settings):
        connection = connect(settings)
        connection.putrequest("POST", "/api/v1/events/bulk")
        connection.putheader("Content-Length", "100000000000")
        connection.endheaders()
        answer = connection.getresponse()
        body = answer.read().decode()
        assert (answer.status, answer.headers["Content-Type"]) == (413, "application/problem+json")
        assert '"code": "too-large"' in body
        assert "97 KB" in body
        connection.close()


@pytest.mark.parametrize(
    "bytes_sent",
    [
        b"\0\0\0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"GET / HTTP/1.1\r\nBad Header\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"a" * 300_000 + b"\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused_without_a_fault(
    app: Flask, settings: Settings, bytes_sent: bytes
) -> None:
    with serving(app, settings), socket.create_connection(("127.0.0.1", settings.port), timeout=20) as raw:
        raw.sendall(bytes_sent)
        status = raw.recv(12).decode()
        assert status.startswith("HTTP/1."), status
        assert status[9] in "45", status
        assert status[9:12] != "500", status


SMUGGLED = b"0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@pytest.mark.parametrize(
    "framing",
    [
        b"Content-Length: %d\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: chunked\r\nContent-Length: %d",
        b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        b"Content-Length: %d\r\nContent-Length: 3",
        b"Content-Length: +%d",
        b"Transfer-Encoding: xchunked\r\nX: %d",
        b"Transfer-Encoding : chunked\r\nX: %d",
    ],
)
def test_a_second_request_hidden_in_a_body_is_never_answered(
    app: Flask, settings: Settings, framing: bytes
) -> None:
    head = b"POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\n" + framing % len(SMUGGLED) + b"\r\n\r\n"
    with serving(app, settings), socket.create_connection(("127.0.0.1", settings.port), timeout=20) as raw:
        raw.sendall(head + SMUGGLED)
        answer = b""
        # The connection is closed behind the refusal: nothing that follows can be taken for a request.
        with suppress(ConnectionError):
            while chunk := raw.recv(65536):
                answer += chunk
    assert answer.count(b"HTTP/1.") == 1
    assert answer[9:12] in (b"400", b"501")


@pytest.mark.parametrize("before", [b"2;", b"0\r\n"])
def test_a_chunk_or_trailer_without_end_is_refused_before_it_is_kept(
    app: Flask, settings: Settings, before: bytes
) -> None:
    head = b"POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    with serving(app, settings), socket.create_connection(("127.0.0.1", settings.port), timeout=20) as raw:
        # Far less than a body may have; whoever waits for the end of this line would wait here too.
        raw.sendall(head + before + b"a" * 20_000)
        assert raw.recv(12)[9:12] == b"400"


def test_a_chunked_body_is_read_up_to_the_cap(app: Flask, settings: Settings) -> None:
    entered = Event()

    @app.post("/any")
    def any_body() -> bytes:
        entered.set()
        return b""

    with serving(app, settings):
        connection = connect(settings)
        # Whoever is still sending when the connection is closed may lose the answer with it.
        with suppress(ConnectionError):
            chunks = (b"x" * 10_000 for _ in range(30))
            connection.request("POST", "/any", body=chunks, encode_chunked=True)
            assert connection.getresponse().status == 413
        assert not entered.is_set()
        connection.close()


def test_the_loop_rests_while_the_rest_of_an_answer_is_made(app: Flask, settings: Settings) -> None:
    begun, go_on = Event(), Event()

    @app.get("/slow")
    def slow() -> Iterator[bytes]:
        yield b"begun"
        begun.set()
        assert go_on.wait(20)
        yield b", done"

    with serving(app, settings) as (server, _thread):
        connection = connect(settings)
        connection.request("GET", "/slow")
        assert begun.wait(10)
        turns = 0
        turn = server._turn

        def counted() -> None:
            nonlocal turns
            turns += 1
            turn()

        server._turn = counted  # type: ignore[method-assign]
        # A loop that does not rest turns ten thousand times meanwhile; one that does, when its half second is over.
        assert not go_on.wait(0.7)
        go_on.set()
        assert connection.getresponse().read() == b"begun, done"
        connection.close()
    assert turns < 100


def test_an_answer_does_not_wait_for_the_next_request_of_the_same_client(
    app: Flask, settings: Settings
) -> None:
    go_on = Event()

    @app.get("/slow")
    def slow() -> bytes:
        assert go_on.wait(20)
        return b"at last"

    ask = b"GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with serving(app, settings), socket.create_connection(("127.0.0.1", settings.port), timeout=20) as raw:
        raw.sendall(ask % b"/healthz" + ask % b"/slow")
        first = raw.recv(65536)
        assert first.startswith(b"HTTP/1.1 200 ")
        assert first.endswith(b'{"ok":true}\n')
        go_on.set()
        second = raw.recv(65536)
        assert second.endswith(b"at last")


def test_an_answer_larger_than_all_buffers_waits_for_a_slow_reader_and_arrives_whole(
    app: Flask, settings: Settings
) -> None:
    # As much as waitress holds for a client before it lets the view wait.
    is_full = Event()

    @app.get("/large")
    def large() -> Iterator[bytes]:
        for number in range(4000):
            if number * 10_000 > 16 * 2**20:
                is_full.set()
            yield bytes([number % 256]) * 10_000

    with serving(app, settings):
        connection = connect(settings)
        connection.request("GET", "/large")
        assert is_full.wait(20)
        # Long enough for the view to be stopped by its full buffers.
        assert not Event().wait(0.3)
        body = connection.getresponse().read()
        connection.close()
    assert body == b"".join(bytes([number % 256]) * 10_000 for number in range(4000))


def test_an_answer_is_sent_once_though_the_next_request_asks_to_go_on(app: Flask, settings: Settings) -> None:
    """The head of a request that expects `100 Continue`, sent together with the request before it."""

    @app.get("/first")
    def first() -> bytes:
        return b"first" * 500

    @app.post("/second")
    def second() -> bytes:
        return request.get_data()

    asked = (
        b"GET /first HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        b"POST /second HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"
    )

    def ask(_number: int) -> list[bytes]:
        with socket.create_connection(("127.0.0.1", settings.port), timeout=20) as raw:
            raw.sendall(asked)
            received = b""
            while b"100 Continue" not in received:
                received += raw.recv(65536)
            raw.sendall(b"body")
            while not received.endswith(b"body"):
                received += raw.recv(65536)
        return re.findall(rb"HTTP/1.1 (\d+)", received)

    with serving(app, settings), ThreadPoolExecutor(8) as clients:
        answers = Counter(each.count(b"200") for each in clients.map(ask, range(800)))
    assert answers == {2: 800}
