"""Consumer pages kept in the process: rendered and compressed once, served while what they rest on has not changed.

A page holds for one Beijing day and at most a minute, so that a ledger that was tampered with is noticed.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from heji_trace.store.prepared import Prepared, among
from heji_trace.store.tables import batches, events

_MOST = 1000
_KEPT_MS = 60_000
_MANY = 200
# What these state is shown on pages without touching a batch.
_REGISTERS = ("organisation", "site", "product", "certificate", "edition", "correction", "erasure")

_newest = func.max(events.c.seq)
_registers = [select(_newest).where(events.c.kind == kind).scalar_subquery() for kind in _REGISTERS]
_concerned = among(batches.c.batch, "rests_on")
_OF_FEW = Prepared(
    select(*_registers, select(func.max(batches.c.version)).where(_concerned).scalar_subquery())
)
_OF_ALL = Prepared(select(*_registers, select(_newest).scalar_subquery()))

Version = tuple[int | None, ...]
Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KeptPage:
    """One answer, compressed with gzip, and what it rests on.

    `size` is that of the ledger when the version was last compared: while it stays, so does the page.
    """

    body: bytes
    rests_on: tuple[str, ...]
    version: Version
    day: str
    kept_ms: int
    etag: str
    size: int


class KeptPages:
    """The pages of one process, the longest unused dropped first."""

    def __init__(self) -> None:
        self.making = threading.Lock()
        """Held while a page is made: when one runs out, thirty-two requests would else make it at once."""
        self._pages: OrderedDict[Key, KeptPage] = OrderedDict()
        self._mutex = threading.Lock()

    def find(self, key: Key, day: str, now_ms: int) -> KeptPage | None:
        """The page under `key`, if it is of this Beijing day and young enough; its version is the caller's to check."""
        with self._mutex:
            page = self._pages.get(key)
            if page is None or page.day != day or not 0 <= now_ms - page.kept_ms < _KEPT_MS:
                return None
            self._pages.move_to_end(key)
            return page

    def keep(self, key: Key, page: KeptPage) -> None:
        """Keep a page."""
        with self._mutex:
            self._pages[key] = page
            self._pages.move_to_end(key)
            while len(self._pages) > _MOST:
                self._pages.popitem(last=False)


def version_of(connection: Connection, rests_on: tuple[str, ...]) -> Version:
    """What changes whenever a page that rests on these batches could: one query, each part of it by an index."""
    if len(rests_on) > _MANY:
        return tuple(_OF_ALL.run(connection).one())
    return tuple(_OF_FEW.run(connection, rests_on=list(rests_on)).one())
