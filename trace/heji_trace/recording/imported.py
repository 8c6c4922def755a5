"""Imports that were recorded: which entries came out of which file, so that a file is found again and taken back.

An import's entries stand in the ledger one after the other, since a bulk has its transaction for itself. The row that
says so is written in the same transaction and is the service's own: the ledger itself knows only events.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, func, insert, select

from heji_trace.errors import Unknown
from heji_trace.ledger.ledger import Draft
from heji_trace.people.parties import Author
from heji_trace.store.tables import events, imported

_NAME_LENGTH = 120


@dataclass(frozen=True, slots=True)
class Origin:
    """The import that events are recorded under: `import_id` names it alone, `sha256` is of the file, in hex."""

    import_id: str
    file_name: str
    sha256: str
    kind: str


@dataclass(frozen=True, slots=True)
class Imported:
    """A recorded import: of its `rows` so many were new, the entries from `first_seq` on, and so many still stand."""

    import_id: str
    account: str
    organisation: str
    file_name: str
    sha256: str
    kind: str
    rows: int
    first_seq: int
    end_seq: int
    recorded_ms: int
    standing: int

    @property
    def entries(self) -> int:
        """How many entries it made; its other rows had been recorded before."""
        return self.end_seq - self.first_seq

    @property
    def state(self) -> str:
        """`live` where all entries stand, `undone` where none does, else `partly`: some were corrected since."""
        if self.standing == self.entries:
            return "live"
        return "partly" if self.standing else "undone"


def enter_import(connection: Connection, origin: Origin, author: Author, draft: Draft, rows: int) -> None:
    """Write down which entries of the draft came out of the import; part of the transaction that records them."""
    connection.execute(
        insert(imported),
        {
            "import_id": origin.import_id,
            "account": author.account,
            "organisation": author.organisation,
            "file_name": origin.file_name[-_NAME_LENGTH:],
            "sha256": origin.sha256,
            "kind": origin.kind,
            "row_count": rows,
            "first_seq": draft.start,
            "end_seq": draft.size,
            "recorded_ms": draft.recorded_ms,
        },
    )


def imports_of(
    connection: Connection, author: Author, *, before: int | None = None, limit: int = 50
) -> list[Imported]:
    """The imports of the author's organisation, the newest first; `before` is the first entry of the last one seen."""
    query = _select().where(imported.c.organisation == author.organisation)
    if before is not None:
        query = query.where(imported.c.first_seq < before)
    return _read(connection, query.order_by(imported.c.first_seq.desc()).limit(limit))


def imports_of_file(connection: Connection, author: Author, sha256: str) -> list[Imported]:
    """The imports that the author's organisation made of a file, the newest first."""
    query = _select().where(imported.c.sha256 == sha256, imported.c.organisation == author.organisation)
    return _read(connection, query.order_by(imported.c.first_seq.desc()))


def import_of(connection: Connection, author: Author, import_id: str) -> Imported:
    """One import; raises Unknown where there is none, or it is another organisation's."""
    query = _select().where(imported.c.import_id == import_id, imported.c.organisation == author.organisation)
    found = _read(connection, query)
    if not found:
        raise Unknown
    return found[0]


def standing_ids(connection: Connection, found: Imported) -> dict[str, list[str]]:
    """The ids of the import's events that nobody took back, in ledger order, by the organisation that answers for them."""
    query = select(events.c.organisation, events.c.event_id).where(
        events.c.seq >= found.first_seq, events.c.seq < found.end_seq, events.c.withdrawn_seq.is_(None)
    )
    ids: dict[str, list[str]] = {}
    for organisation, event_id in connection.execute(query.order_by(events.c.seq)):
        ids.setdefault(organisation, []).append(event_id)
    return ids


def entries_of(connection: Connection, found: Imported, end_seq: int) -> list[Row[Any]]:
    """The rows of `events` of the import's entries before `end_seq`, in ledger order."""
    query = select(events).where(events.c.seq >= found.first_seq, events.c.seq < min(end_seq, found.end_seq))
    return list(connection.execute(query.order_by(events.c.seq)))


def _select() -> Select[tuple[object, ...]]:
    standing = (
        select(func.count())
        .select_from(events)
        .where(
            events.c.seq >= imported.c.first_seq,
            events.c.seq < imported.c.end_seq,
            events.c.withdrawn_seq.is_(None),
        )
        .scalar_subquery()
    )
    return select(*imported.c, standing.label("standing"))


def _read(connection: Connection, query: Select[tuple[object, ...]]) -> list[Imported]:
    return [_imported(row) for row in connection.execute(query)]


def _imported(row: Row[tuple[object, ...]]) -> Imported:
    values: Sequence[object] = tuple(row)
    names = (*(column.name for column in imported.c), "standing")
    named = dict(zip(names, values, strict=True))
    named["rows"] = named.pop("row_count")
    return Imported(**named)  # type: ignore[arg-type]
