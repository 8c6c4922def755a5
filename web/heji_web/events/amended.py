"""What a correction did: the record that it takes back, and what it says otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from heji_trace.events.kinds import KINDS, Kind
from heji_trace.known.statements import stated
from heji_trace.ledger.ledger import Stored, read_stored
from heji_trace.people.parties import Author
from heji_trace.rights import disclosure, reading
from heji_web.events import naming
from heji_web.events.described import Fact, facts_of
from heji_web.requests.languages import language

# The correction of an import takes back all of its records; what each was, the page of the import lists.
_MOST_NAMED = 10


@dataclass(frozen=True, slots=True)
class Change:
    """One value that was corrected; "" where it was not, or is no longer, said."""

    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Amended:
    """What a correction amends: the first records that it names, as far as its reader may read them.

    `kind` is what it took back and says nothing instead of, where that is one record. `changes` are told of one that
    says something else instead.
    """

    records: tuple[Stored, ...]
    kind: Kind | None = None
    changes: tuple[Change, ...] = ()


def amended_by(connection: Connection, author: Author, stored: Stored) -> Amended | None:
    """What a record amends; None for one that is no correction."""
    if stored.event.kind != "correction":
        return None
    named = stored.event.details["corrects"]
    found = reading.seqs_of(connection, author, named[:_MOST_NAMED])
    records = tuple(read_stored(connection, list(found.values())))
    if len(named) != 1 or not records:
        return Amended(records)
    if "replacement" not in stored.event.details:
        return Amended(records, KINDS[stated(records[0].event).kind])
    bodies = [_said(connection, author, each) for each in (records[0], stored)]
    before, after = (facts_of(body, language(), naming.names_in(connection, author, body)) for body in bodies)
    return Amended(records, changes=tuple(changes_of(before, after)))


def changes_of(before: Sequence[Fact], after: Sequence[Fact]) -> Iterable[Change]:
    """The values that differ, in the order of the later facts, then those that are no longer said."""
    old = {fact.label: _text(fact) for fact in before}
    new = {fact.label: _text(fact) for fact in after}
    for label in dict.fromkeys([*new, *old]):
        if old.get(label, "") != new.get(label, ""):
            yield Change(label, old.get(label, ""), new.get(label, ""))


def _said(connection: Connection, author: Author, stored: Stored) -> Mapping[str, Any]:
    """What a record says, of a correction its replacement, as far as its reader may read it."""
    body = disclosure.body_of(connection, author, stored)
    replacement: Mapping[str, Any] | None = body.get("details", {}).get("replacement")
    return replacement or body


def _text(fact: Fact) -> str:
    rows = [" · ".join(cell for cell in row if cell) for row in fact.rows]
    return "\n".join(rows) if fact.rows else fact.text
