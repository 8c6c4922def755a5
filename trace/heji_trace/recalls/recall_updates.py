"""Updates of a recall: how far it is, with figures and finish dates of each consignee."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, select

from heji_trace.events.event import Event
from heji_trace.events.posting import parse_short
from heji_trace.people.parties import Author
from heji_trace.store.tables import events, recall_scope, recall_updates
from heji_trace.vocabulary.times import dump_ms

_ENVELOPE: Final = ("id", "occurred_at", "organisation", "performed_by", "acknowledged", "note")
_DETAILS: Final = ("status", "consignees", "finish_on", "level", "reason", "document")


@dataclass(frozen=True, slots=True)
class Update:
    """One update, by `organisation`; `consignees` are the rows of figures that its reader may see.

    `is_of_conductor` says that it is by whoever opened the recall or a regulator, and not by a consignee of itself.
    """

    event_id: str
    seq: int
    organisation: str
    recorded_ms: int
    status: str
    finish_on: str | None
    consignees: tuple[Mapping[str, Any], ...]
    is_of_conductor: bool
    level: int | None = None


def parse_update(raw: object, recall: str, author: Author, event_id: str, now_ms: int) -> Event:
    """The `recall_update` event that a short statement asks for; raises InvalidEvent with pointers into `raw`."""
    blank = {
        "id": event_id,
        "kind": "recall_update",
        "occurred_at": dump_ms(now_ms),
        "organisation": author.organisation,
        "details": {"recall": recall},
    }
    return parse_short(raw, blank, _ENVELOPE, _DETAILS)


def updates_of(connection: Connection, recall: str, own: str | None) -> tuple[Update, ...]:
    """The updates of a recall in ledger order; with `own` what concerns that organisation alone."""
    query = (
        select(recall_updates, events.c.recorded_ms)
        .join(events, events.c.seq == recall_updates.c.seq)
        .where(recall_updates.c.recall == recall, recall_updates.c.withdrawn_seq.is_(None))
        .order_by(recall_updates.c.rank)
    )
    openers = _openers(connection, recall)
    found = []
    for row in connection.execute(query):
        figures = json.loads(row.data)
        rows = [each for each in figures.get("consignees", ()) if own in (None, each["organisation"])]
        spoken_of = {each["organisation"] for each in figures.get("consignees", ())}
        is_own_word = row.organisation not in openers and row.organisation in spoken_of
        if own not in (None, row.organisation) and is_own_word:
            continue
        found.append(
            Update(
                row.event_id,
                row.seq,
                row.organisation,
                row.recorded_ms,
                row.status,
                figures.get("finish_on"),
                tuple(rows),
                not is_own_word,
                figures.get("level"),
            )
        )
    return tuple(found)


def newest_status(updates: Sequence[Update]) -> str:
    """How far the recall is by who conducts it; empty before anything was said."""
    return next((each.status for each in reversed(updates) if each.is_of_conductor), "")


def newest_level(first: int, updates: Sequence[Update]) -> int:
    """The level of a recall that was opened with the level `first`, as who conducts it has stated it since."""
    return next((each.level for each in reversed(updates) if each.is_of_conductor and each.level), first)


def newest_figures(updates: Sequence[Update]) -> tuple[tuple[Update, Mapping[str, Any]], ...]:
    """Of each consignee and batch the newest figures, with the update that states them."""
    newest: dict[tuple[str, str], tuple[Update, Mapping[str, Any]]] = {}
    for update in updates:
        for row in update.consignees:
            newest[row["organisation"], row.get("batch", "")] = (update, row)
    return tuple(newest[key] for key in sorted(newest))


def _openers(connection: Connection, recall: str) -> frozenset[str]:
    query = select(recall_scope.c.organisation).where(recall_scope.c.event_id == recall).distinct()
    return frozenset(connection.execute(query).scalars())
