"""Rows of a sheet that say what an earlier file said: a sheet is added to, saved and handed in again.

The same file is known by its bytes, and its events by their ids; one that was saved again has others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from hashlib import sha256

from sqlalchemy import Connection, select

from heji_trace.errors import Question
from heji_trace.events.event import Event
from heji_trace.events.kinds import KINDS
from heji_trace.ledger.ledger import read_stored
from heji_trace.proving import canonical
from heji_trace.store.tables import events, imported

_MOST_IMPORTS = 50
_MOST_ENTRIES = 20_000

_When = tuple[str, str, int]


class SaidBefore:
    """What the newest imports of an organisation recorded and nobody took back, found by what it says.

    Goods and growing alone are looked for: whoever registers the same once more changes nothing.
    """

    def __init__(self, connection: Connection, organisation: str, kind: str, end_seq: int) -> None:
        self._connection = connection
        self._unread: dict[_When, list[int]] = defaultdict(list)
        self._said: dict[bytes, int] = {}
        # What programs send and instruments write has ids of its own making.
        if kind in KINDS:
            for first, end in self._ranges(organisation, end_seq):
                self._find(first, end)

    def question(self, event: Event) -> Question | None:
        """What is asked about an event that says exactly what was recorded before."""
        if not (event.inputs or event.outputs or event.moves or event.cycles or event.batches):
            return None
        unread = self._unread.pop((event.kind, event.organisation, event.occurred_ms), None)
        for stored in read_stored(self._connection, unread) if unread else ():
            self._said.setdefault(_content(stored.event), stored.seq)
        seq = self._said.get(_content(event)) if self._said else None
        return None if seq is None else Question("SAID_BEFORE", {"entry": seq + 1})

    def _ranges(self, organisation: str, end_seq: int) -> Iterable[tuple[int, int]]:
        query = select(imported.c.first_seq, imported.c.end_seq).where(
            imported.c.organisation == organisation,
            imported.c.kind.in_(list(KINDS)),
            imported.c.end_seq <= end_seq,
        )
        left = _MOST_ENTRIES
        for first, end in self._connection.execute(
            query.order_by(imported.c.first_seq.desc()).limit(_MOST_IMPORTS)
        ).all():
            if left > 0:
                yield max(first, end - left), end
            left -= end - first

    def _find(self, first: int, end: int) -> None:
        query = select(events.c.seq, events.c.kind, events.c.organisation, events.c.occurred_ms).where(
            events.c.seq >= first, events.c.seq < end, events.c.withdrawn_seq.is_(None)
        )
        for seq, kind, organisation, occurred_ms in self._connection.execute(query):
            self._unread[kind, organisation, occurred_ms].append(seq)


def _content(event: Event) -> bytes:
    """What the event says, whatever it is called and whoever confirmed it."""
    said = {name: value for name, value in event.body.items() if name not in ("id", "acknowledged")}
    return sha256(canonical.dump(said)).digest()
