"""Erasing again: a restored backup brings back what was erased after it was made."""

from __future__ import annotations

from heji_trace.effects.erasing import again, returned
from heji_trace.events.schemas import parse_event
from heji_trace.people.parties import Author
from heji_trace.recording.recorder import Receipt, Recorder
from heji_trace.store.db import Store


def erase_again(recorder: Recorder, store: Store, author: Author, occurred_at: str) -> list[Receipt]:
    """Record an erasure for everything listed beside the remembered head that stands in the ledger again.

    The recorder must have been started, and the author be the operator. Where nothing came back nothing is recorded,
    so this can be run at any time. An event that was lost with the restore and is sent again later brings its values
    back once more: run it after the outboxes have been emptied too.
    """
    with store.read() as connection:
        back = returned(connection, recorder.erasures.read())
    return [
        recorder.submit(parse_event(again(listed, values, occurred_at)), author) for listed, values in back
    ]
