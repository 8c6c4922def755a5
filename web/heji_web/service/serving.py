"""Serving over HTTP: waitress with many threads, drained on SIGTERM before the process ends."""

from __future__ import annotations

import ctypes
import gc
import json
import logging
import os
import resource
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from threading import Event
from time import monotonic
from typing import Any

from flask import Flask
from waitress import create_server, wasyncore
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.task import ErrorTask
from waitress.utilities import BadRequest

from heji_trace import sentences
from heji_web.service.settings import Settings

DRAIN_SECONDS = 30
# Room for the frame of a multipart form around the largest file.
_FRAME_BYTES = 64 * 1024
# What stands before a chunk, or behind the last one; a packet that waitress reads at once is as long.
_LONGEST_LINE = 8 * 1024
# Sockets that only sit there must not keep others out; each costs a descriptor and a few kilobytes.
_CONNECTIONS = 2000
# For the database, the head and the files of imports, beside the connections.
_OTHER_DESCRIPTORS = 200
_LOOP_SECONDS = 0.5
# So many bytes of an answer wait for the rest of it; what is longer goes out in parts.
_SENT_AT_ONCE = 64 * 1024
# Objects made and not yet gone before the young ones are looked through, and how many such looks before the old ones.
_COLLECT_AFTER = (5_000, 20, 50)
# Numbers of GNU's `mallopt` (malloc.h): M_ARENA_MAX and M_TRIM_THRESHOLD.
_HEAPS, _GIVE_BACK_ABOVE = -8, -1

_log = logging.getLogger("heji.serving")


class _ProblemTask(ErrorTask):  # type: ignore[misc]
    """What waitress itself refuses, before any view: told in the shape of all problems."""

    def execute(self) -> None:
        error = self.request.error
        is_too_large = error.code == 413
        code = "too-large" if is_too_large else "bad-request"
        limit = self.channel.adj.max_request_body_size - _FRAME_BYTES
        said = sentences.say_both(code, size=sentences.size_said(limit))
        problem = {
            "type": "about:blank",
            "title": error.reason,
            "status": error.code,
            "detail": said["zh"],
            "code": code,
            "detail_zh": said["zh"],
            "detail_en": said["en"],
        }
        body = json.dumps(problem, ensure_ascii=False).encode()
        self.status = f"{error.code} {error.reason}"
        self.response_headers.append(("Content-Type", "application/problem+json"))
        self.response_headers.append(("X-Content-Type-Options", "nosniff"))
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class _Parser(HTTPRequestParser):  # type: ignore[misc]
    def parse_header(self, header_plus: bytes) -> None:
        """Refuse two lengths at once, which RFC 9112 (6.3) calls an attempt at smuggling.

        waitress goes by the chunks, as the standard asks, and keeps the connection: a proxy in front that goes by the
        number would take the rest of this body for its next client's request.
        """
        super().parse_header(header_plus)
        if self.chunked and "CONTENT_LENGTH" in self.headers:
            # What comes behind is nobody's body any more.
            self.body_rcv = None
            raise ParsingError("Transfer-Encoding beside Content-Length")

    def received(self, data: bytes) -> int:
        """Refuse a chunk or a trailer whose own line does not end.

        waitress keeps such a line in memory, up to the largest body, and copies it whole at every packet, in the one
        thread that listens to all.
        """
        consumed: int = super().received(data)
        chunks: Any = self.body_rcv if self.chunked else None
        if chunks is not None and len(chunks.control_line) + len(chunks.trailer) > _LONGEST_LINE:
            self.error = BadRequest("Chunk line too long")
            self.completed = True
        return consumed


class _Channel(HTTPChannel):  # type: ignore[misc]
    error_task_class = _ProblemTask
    parser_class = _Parser

    def writable(self) -> bool:
        """Whether the loop has something to do here besides reading.

        The beginning of an answer waits for its rest; a socket that is told to be writable meanwhile would keep the
        loop turning for as long as the rest takes.
        """
        is_waiting = self.requests and self.total_outbufs_len < self.adj.send_bytes
        return bool(self.will_close or self.close_when_flushed or (self.total_outbufs_len and not is_waiting))

    def _flush_some(self, **options: bool) -> bool:
        """Send what waits, one thread at a time: the loop believes itself alone where no request is worked on.

        But a thread that has just answered may be telling the client to go on with a body that it announced, and both
        would send the answer.
        """
        with self.outbuf_lock:
            return bool(super()._flush_some(**options))

    def service(self) -> None:
        """Answer the next request of this client, but first send what he asked for before it."""
        if self.total_outbufs_len:
            self._flush_exception(self._flush_some, do_close=False)
        super().service()


def spare_collector() -> None:
    """Let the search for cycles of garbage run seldom, and pass over what was loaded at the start.

    Rows and events hold no cycles and go when nobody has them any more; looking through those of a group again and
    again, at the interpreter's own pace, took a fifth of the time of a bulk.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)


def spare_switches() -> None:
    """Let no thread of this process that wakes push aside the one that runs; called before there are others.

    The interpreter lets one of its threads work at a time: who is pushed aside keeps that right, and who pushed can
    only wait for it. It gave a tenth more pages. A sandbox may forbid it.
    """
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def spare_memory() -> None:
    """Let all threads of this process share two heaps, and give back what is free; called before there are others.

    The C library would keep one for each, where what a large import has used stays. Another C library than GNU's has no
    such setting and no such heaps.
    """
    setting = getattr(ctypes.CDLL(None), "mallopt", None)
    if setting is not None:
        setting(_HEAPS, 2)
        setting(_GIVE_BACK_ABOVE, 1 << 20)


class Server:
    """A listening server; `run` works until `stop` is called, from a signal handler or another thread."""

    def __init__(self, app: Flask, settings: Settings) -> None:
        _allow_descriptors(_CONNECTIONS + _OTHER_DESCRIPTORS)
        self._map: dict[int, Any] = {}
        self._stopping = Event()
        self._is_woken = False
        try:
            self._server = create_server(
                app,
                map=self._map,
                host=settings.host,
                port=settings.port,
                threads=settings.threads,
                ident=None,
                url_scheme="https" if settings.is_https else "http",
                connection_limit=_CONNECTIONS,
                asyncore_use_poll=True,
                max_request_body_size=settings.bulk_limit + _FRAME_BYTES,
                # Flask's own middleware believes so many proxies as the settings say.
                clear_untrusted_proxy_headers=settings.proxies == 0,
            )
        except OSError:
            # The port is taken: what was opened before that was seen stays open otherwise.
            wasyncore.close_all(self._map)
            raise
        for listener in self._listeners():
            listener.channel_class = _Channel
            # Otherwise each of 32 threads sends the head of its answer and then the body, and at each of the two lets the
            # others go first. So answers that are not large are left to the thread that waits for the sockets anyhow.
            listener.adj.send_bytes = _SENT_AT_ONCE
            listener.pull_trigger = partial(self._wake, listener.pull_trigger)

    @property
    def addresses(self) -> list[str]:
        """Where it listens."""
        return sorted(
            f"http://{listener.effective_host}:{listener.effective_port}" for listener in self._listeners()
        )

    def stop(self) -> None:
        """Accept nothing more, and let `run` return when what was accepted is answered."""
        self._stopping.set()

    def run(self, on_ready: Callable[[], None] | None = None) -> None:
        """Serve until `stop`, then finish the requests that have been received."""
        if on_ready is not None:
            on_ready()
        while not self._stopping.is_set():
            self._turn()
        for listener in self._listeners():
            wasyncore.dispatcher.close(listener)
        give_up_at = monotonic() + DRAIN_SECONDS
        while (channels := self._channels()) and monotonic() < give_up_at:
            for channel in channels:
                if not channel.requests and not channel.total_outbufs_len:
                    channel.will_close = True
            self._turn()
        if channels:
            _log.warning("%d requests were cut off after %d seconds", len(channels), DRAIN_SECONDS)
        self._server.task_dispatcher.shutdown()
        wasyncore.close_all(self._map)

    def _wake(self, pull: Callable[[], None]) -> None:
        """Let the loop see what a thread has done; one who has been woken already sees it too."""
        if not self._is_woken:
            self._is_woken = True
            pull()

    def _turn(self) -> None:
        # Before it looks at what there is to send: who comes later must wake it again.
        self._is_woken = False
        wasyncore.loop(timeout=_LOOP_SECONDS, use_poll=True, map=self._map, count=1)

    def _listeners(self) -> list[Any]:
        return [each for each in self._map.values() if getattr(each, "accepting", False)]

    def _channels(self) -> list[Any]:
        return [each for each in self._map.values() if isinstance(each, HTTPChannel)]


def _allow_descriptors(wanted: int) -> None:
    """Raise what a process usually may open, as far as the system lets it: out of descriptors nobody is answered."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
