"""The application where a browser reaches it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from flask import Flask

from heji_web.service.serving import Server
from heji_web.service.settings import Settings


@contextmanager
def listening(app: Flask, settings: Settings) -> Iterator[str]:
    """The address at which the application listens as long as the block takes."""
    server = Server(app, settings)
    ready = Event()
    thread = Thread(target=server.run, args=(ready.set,))
    thread.start()
    assert ready.wait(10)
    try:
        yield server.addresses[0]
    finally:
        server.stop()
        thread.join(20)
