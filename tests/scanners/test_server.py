from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from time import monotonic

import pytest

from heji_scanners.server import Server
from heji_trace.errors import ServerUnreachable
from scanners.answering import Answering, answering
from served import free_port


@pytest.fixture
def other() -> Iterator[Answering]:
    with answering() as other:
        yield other


@pytest.fixture
def server(other: Answering) -> Iterator[Server]:
    with closing(Server(other.address, "secret", monotonic)) as server:
        yield server


def test_a_whole_answer_is_told_with_its_status(server: Server, other: Answering) -> None:
    other.status, other.document, other.headers = 429, {"code": "too-many"}, {"Retry-After": "7"}
    answer = server.post_event(b"{}")
    assert (answer.status, answer.document, answer.retry_after) == (429, {"code": "too-many"}, 7.0)
    assert other.asked == [("/api/v1/events", b"{}")]


@pytest.mark.parametrize("body", [b"<html>", b"[1, 2]", b"", b"\xff", b"[" * 100_000])
def test_what_is_no_json_object_has_no_document(server: Server, other: Answering, body: bytes) -> None:
    other.document = body
    assert server.post_event(b"{}").document == {}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"HTTP/1.1 201 Cre",
        b"HTTP/1.1 201 Created\r\nContent-Le",
        b'HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{"seq": 1}',
        b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
        b"SMTP ready\r\n\r\n",
    ],
)
def test_half_an_answer_is_none(server: Server, other: Answering, raw: bytes) -> None:
    other.raw = raw
    with pytest.raises(ServerUnreachable) as failed:
        server.post_event(b"{}")
    assert failed.value.code == "scan-answer-torn"
    # The line is opened anew, and the next answer is of the next request.
    other.raw, other.document = None, {"seq": 2}
    assert server.post_event(b"{}").document == {"seq": 2}


def test_nobody_there_is_told() -> None:
    with closing(Server(f"http://127.0.0.1:{free_port()}", "secret", monotonic)) as server:
        with pytest.raises(ServerUnreachable) as failed:
            server.post_event(b"{}")
        assert failed.value.code == "scan-server-unreachable"


def test_a_server_that_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with closing(Server(address, "secret", monotonic, silence=0.05)) as server:
            with pytest.raises(ServerUnreachable) as failed:
                server.post_event(b"{}")
            assert failed.value.code == "scan-answer-torn"


def test_an_answer_that_nobody_waits_for_is_not_taken_for_the_next(server: Server, other: Answering) -> None:
    stray = b"HTTP/1.1 201 Created\r\nContent-Length: 12\r\n\r\n" + b'{"seq": 666}'
    other.document = b"{}"
    server.post_event(b"{}")
    # A second answer to the same request comes in while the line is idle.
    left, right = socket.socketpair()
    held = server._connection.sock
    server._connection.sock = left
    right.sendall(stray)
    other.document = {"seq": 1}
    assert server.post_event(b"{}").document == {"seq": 1}
    right.close()
    held.close()


def test_a_redirect_is_an_answer_and_is_not_followed(server: Server, other: Answering) -> None:
    other.status, other.headers = 302, {"Location": "http://elsewhere.example/"}
    assert server.post_event(b"{}").status == 302
    assert len(other.asked) == 1


def test_the_ledger_behind_an_address_is_known_by_name(server: Server, other: Answering) -> None:
    assert server.log_name() == "log.heji.example"
    for key in (b"<html>conditions</html>", b"", b"\xff"):
        other.key = key
        with pytest.raises(ServerUnreachable) as failed:
            server.log_name()
        assert failed.value.code == "scan-not-heji"


def test_a_file_goes_with_its_name_and_what_was_confirmed(server: Server, other: Answering) -> None:
    server.post_file(b"data", "检测 1.csv", ("A", "B"))
    assert other.asked == [
        ("/api/v1/lab/imports?name=%E6%A3%80%E6%B5%8B%201.csv&acknowledged=A%2CB", b"data")
    ]
