"""Taking in what other processes record: several may write to one PostgreSQL, and each remembers the head itself.

What a process has once seen it holds on to: a database that no longer continues it was exchanged, put back, or is a
standby that had fallen behind, and neither written to nor served as the newest.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, select

from heji_trace.errors import BrokenChain, LedgerBusy, Untrusted
from heji_trace.ledger import ledger
from heji_trace.ledger.head import HeadFile
from heji_trace.proving.checkpoint import VerifierKey, open_checkpoint
from heji_trace.proving.entries import parse_entry
from heji_trace.proving.merkle import leaf_hash
from heji_trace.store.db import Store
from heji_trace.store.prepared import Prepared
from heji_trace.store.tables import entries

_AT_ONCE = 2000
_FROM = Prepared(
    select(entries.c.seq, entries.c.entry)
    .where(entries.c.seq >= bindparam("start"))
    .order_by(entries.c.seq)
    .limit(_AT_ONCE)
)


def follow(connection: Connection, tip: ledger.Tip, key: VerifierKey) -> ledger.Tip:
    """The tip as it is now; the same object where nobody has written since.

    Raises Untrusted where the database does not continue `tip`, or where its new end is not signed.
    """
    frontier = tip.frontier.copy()
    last, recorded_ms = tip.last_leaf, tip.recorded_ms
    # With the last entry that is known, which proves that the others continue it.
    new = _read(connection, max(tip.size - 1, 0))
    if tip.size:
        if not new or new[0].seq != tip.size - 1:
            raise Untrusted("ledger-behind", size=ledger.size_of(connection), remembered=tip.size)
        if leaf_hash(new[0].entry) != tip.last_leaf:
            raise Untrusted("ledger-differs", size=tip.size)
        new = new[1:]
    while new:
        for seq, data in new:
            entry = parse_entry(data, seq)
            if seq != frontier.size or entry.prev != last:
                raise BrokenChain(frontier.size, "entry-prev")
            last, recorded_ms = leaf_hash(data), entry.recorded_ms
            frontier.append(last)
        new = _read(connection, frontier.size)
    if frontier.size == tip.size:
        return tip
    note = ledger.find_note(connection, frontier.size)
    if note is None:
        raise Untrusted("ledger-unsigned-tail", size=frontier.size)
    if open_checkpoint(note, [key]).root != frontier.root():
        raise Untrusted("ledger-differs", size=frontier.size)
    return ledger.Tip(frontier.size, last, recorded_ms, frontier, note)


def _read(connection: Connection, start: int) -> Sequence[Any]:
    return _FROM.run(connection, start=start).all()


class Follower:
    """Keeps this process's remembered head up with the others, beside its own recording."""

    def __init__(self, store: Store, head: HeadFile, key: VerifierKey, tip: ledger.Tip) -> None:
        self._store = store
        self._head = head
        self._key = key
        self._tip = tip
        self._mutex = threading.Lock()

    def advance(self) -> int:
        """The size of the ledger as it is now, once its head is remembered durably here.

        Raises Untrusted as `follow` does, Unavailable while the database or the head's storage does not answer.
        """
        with self._mutex:
            with self._store.read() as connection:
                tip = follow(connection, self._tip, self._key)
            if tip is not self._tip and tip.note is not None:
                try:
                    self._head.write(tip.note)
                except OSError as error:
                    raise LedgerBusy("head-not-durable") from error
            self._tip = tip
            return tip.size
