"""A process that records the statements of a file through the product and writes down what it was told: to be traced.

    python appending.py FOLDER STATEMENTS BOOK VARIANT

`BOOK` gets a line for each receipt, written with one system call after the answer. `VARIANT` is "product", or one of
the weakenings that the tests must notice: "normal" (`PRAGMA synchronous=NORMAL`), "no-head-sync" (nothing is done to make the
head file durable), "early" (each answer before the head file is durable).
"""

from __future__ import annotations

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from sqlalchemy import event as engine_events

from heji_trace.events.schemas import parse_event
from heji_trace.ledger.head import HeadFile
from heji_trace.people.parties import Author
from heji_web.service.service import Service, open_service
from heji_web.service.settings import read_settings
from web.doors import CHEAP, Now

# More often than the product does it, so that a short run meets checkpoints and a log that begins again.
_CHECKPOINT_PAGES = 60
_SUBMITTERS = 3


def main(folder: str, statements: str, book: str, variant: str) -> None:
    """Record all that is in `statements`."""
    given = json.loads(Path(statements).read_text("utf-8"))
    service = open_service(read_settings({"HEJI_DATA": folder}), Now().clock, passwords=CHEAP)
    weaken(service, variant)
    author = Author(given["account"], given["organisation"], frozenset(given["roles"]))
    written = os.open(book, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    service.start()

    def append(raw: dict[str, Any]) -> None:
        receipt = service.recorder.submit(parse_event(raw), author)
        os.write(written, f"{receipt.event_id} {receipt.seq} {receipt.entry_hash.hex()}\n".encode())

    with ThreadPoolExecutor(_SUBMITTERS) as submitters:
        list(submitters.map(append, given["events"]))
    service.close()


def weaken(service: Service, variant: str) -> None:
    """Make the writer as weak as `variant` says, after the product has set it up."""
    pragmas = [f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}"]
    if variant == "normal":
        pragmas.append("PRAGMA synchronous=NORMAL")

    def opened(raw: Any, _record: object) -> None:
        for pragma in pragmas:
            raw.execute(pragma).close()

    engine_events.listen(service.store._writer, "connect", opened)
    if variant == "no-head-sync":
        # SQLite does not sync through Python; only the head file does.
        vars(os)["fsync"] = lambda _descriptor: None
    if variant == "early":
        # What nobody waits for is as good as never written in time.
        setattr(HeadFile, "write", lambda _head, _note: None)  # noqa: B010  put in from outside


if __name__ == "__main__":
    main(*sys.argv[1:])
