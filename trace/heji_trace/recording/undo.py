"""Taking an import back: one correction that names all its events, so that they stay visible and count no longer."""

from __future__ import annotations

from uuid import UUID, uuid5

from sqlalchemy import Connection

from heji_trace.events.event import Event
from heji_trace.events.schemas import parse_event
from heji_trace.people.parties import Author
from heji_trace.recording.imported import Imported, standing_ids
from heji_trace.recording.recorder import Receipt, Recorder
from heji_trace.vocabulary.times import BEIJING, moment_of

_UNDONE = UUID("0d7a7c52-6d0f-4a36-8a7e-0c7b8a2f1c44")
"""The namespace of the corrections' ids: of two taps at the same time one is recorded."""


def undo_import(
    recorder: Recorder, connection: Connection, author: Author, found: Imported, reason: object, now_ms: int
) -> list[Receipt]:
    """Withdraw all events of an import that still stand; nothing is left to do where none does.

    There is one correction for each organisation that the events were recorded for, all of them or none: a statement
    is corrected in the name of who made it. Raises what `Recorder.submit_all` raises.
    """
    corrections = [
        _correction(found, organisation, ids, reason, now_ms)
        for organisation, ids in standing_ids(connection, found).items()
    ]
    return recorder.submit_all(corrections, author)


def _correction(found: Imported, organisation: str, ids: list[str], reason: object, now_ms: int) -> Event:
    return parse_event(
        {
            "id": str(uuid5(_UNDONE, f"{found.import_id} {organisation} {len(ids)}")),
            "kind": "correction",
            "occurred_at": moment_of(now_ms).astimezone(BEIJING).isoformat(timespec="seconds"),
            "organisation": organisation,
            "details": {"corrects": ids, "reason": reason},
        }
    )
