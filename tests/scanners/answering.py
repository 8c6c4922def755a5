"""A server that answers as a test says: for answers that no healthy service gives."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from heji_trace.proving.keys import generate_signer

KEY = generate_signer("log.heji.example", lambda size: b"\x07" * size).verifier_key


@dataclass
class Answering:
    """What is answered to each request after the key was asked for; `asked` are paths and bodies."""

    address: str = ""
    key: bytes = KEY.encode()
    status: int = 200
    document: Any = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    answer: Callable[[str, bytes], tuple[int, Any]] | None = None
    asked: list[tuple[str, bytes]] = field(default_factory=list)
    # What is answered under a path that is only looked at; the key for all others.
    found: dict[str, tuple[int, Any]] = field(default_factory=dict)
    # Sent instead of an answer.
    raw: bytes | None = None


@contextmanager
def answering() -> Iterator[Answering]:
    """A server on this machine whose answers can be changed while it runs."""
    told = Answering()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, document = told.found.get(self.path, (200, told.key))
            self.tell(status, document if isinstance(document, bytes) else json.dumps(document).encode())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.asked.append((self.path, body))
            if told.raw is not None:
                self.wfile.write(told.raw)
                self.close_connection = True
                return
            status, document = told.answer(self.path, body) if told.answer else (told.status, told.document)
            self.tell(status, document if isinstance(document, bytes) else json.dumps(document).encode())

        def tell(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            for name, value in told.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_request(self, *_: object) -> None:
            """Nothing: the tests' own output is enough."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        told.address = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield told
        finally:
            server.shutdown()
            thread.join()
