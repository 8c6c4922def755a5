"""The log: JSON lines on the standard error, with request ids and no personal data."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from logging.handlers import QueueHandler, QueueListener
from queue import Empty, SimpleQueue
from typing import Any

import orjson
from flask import Flask, Response, g, has_request_context, request

from heji_trace.recording.recorder import Receipt
from heji_trace.vocabulary.times import dump_ms
from heji_web.requests.headers import request_id
from heji_web.service.service import Service, the_service

_TOGETHER_SECONDS = 0.05

_requests = logging.getLogger("heji.requests")


class JsonLines(logging.Formatter):
    """One JSON object a line; what a record carries as `facts` becomes members of it."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record; of an exception only the class and the place, since its text may hold anything."""
        line: dict[str, object] = {
            "at": dump_ms(int(record.created * 1000)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update(getattr(record, "facts", {}))
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__qualname__
        return orjson.dumps(line).decode()


_LINES = JsonLines()


def _line_of(record: logging.LogRecord) -> str:
    """The line of a record, or that it cannot be written: the thread that writes must outlive what somebody logs."""
    try:
        return _LINES.format(record)
    except Exception as error:  # noqa: BLE001 - a library may log anything
        told = logging.LogRecord(
            record.name, logging.ERROR, "", 0, "a record that cannot be written", (), None
        )
        vars(told)["facts"] = {"error": type(error).__qualname__}
        return _LINES.format(told)


class _Queued(QueueHandler):
    """Hands records to the one thread that writes."""

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """The record as it is: what it says does not change any more, and its line is made where it is written."""
        return record


class _Written(QueueListener):
    """Writes records to the standard error in a thread of its own, those of a moment together.

    Woken for each it took the interpreter from those who answer, twice a line.
    """

    def handle(self, record: logging.LogRecord) -> None:
        """Write a record, and those that came with it."""
        time.sleep(_TOGETHER_SECONDS)
        records = [record]
        with suppress(Empty):
            while (other := self.dequeue(block=False)) is not self._sentinel:  # type: ignore[attr-defined]
                records.append(other)
            self.enqueue_sentinel()
        sys.stderr.write("".join(f"{_line_of(each)}\n" for each in records))
        sys.stderr.flush()


def start_logging() -> QueueListener:
    """Write the log of this process to the standard error, until the listener that is returned is stopped.

    Thirty-two threads that wait in turn for one to come back from writing a line gave an eighth of the pages.
    """
    # Neither the line of code nor the thread is told, and to find them out for each request cost more than the line.
    logging._srcfile = None  # noqa: SLF001  the standard library's own advice
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    lines: SimpleQueue[Any] = SimpleQueue()
    logging.basicConfig(level=logging.INFO, handlers=[_Queued(lines)], force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # Queue depth is no news: the recorder's groups are made of what waits.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    listener = _Written(lines)
    listener.start()
    return listener


def install_logs(app: Flask, service: Service) -> None:
    """Log each request: its rule, never its address, which may hold a trace code or what somebody searched.

    A request that recorded something is logged with the place of it in the ledger, of several the first and the last.
    """
    service.recorder.heard = _note_places
    app.before_request(_begin)
    app.after_request(_log_request)


def _note_places(receipts: Sequence[Receipt]) -> None:
    if has_request_context():
        g.seqs = [*g.get("seqs", ()), *(receipt.seq for receipt in receipts)]


def _begin() -> None:
    g.began = the_service().clock.monotonic()


def _log_request(response: Response) -> Response:
    if not _requests.isEnabledFor(logging.INFO):
        return response
    facts: dict[str, object] = {
        "request": request_id(),
        "method": request.method,
        "rule": request.url_rule.rule if request.url_rule else None,
        "status": response.status_code,
    }
    if "began" in g:
        facts["ms"] = round((the_service().clock.monotonic() - g.began) * 1000, 1)
    if "seqs" in g:
        facts["seq"] = g.seqs[0] if len(g.seqs) == 1 else [min(g.seqs), max(g.seqs)]
    _requests.info("request", extra={"facts": facts})
    return response
