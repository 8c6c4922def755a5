"""What a person decides about an entry of the outbox: it is true, try again, give it up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID, uuid5

from heji_scanners.entries import EVENT, Draft, Entry, State
from heji_scanners.outbox import Outbox
from heji_scanners.taking import OWN_QUESTIONS
from heji_trace.errors import Conflict
from heji_trace.proving import canonical
from heji_trace.sentences import say
from heji_trace.vocabulary.times import BEIJING, moment_of


def confirm(outbox: Outbox, entry: Entry, codes: Sequence[str], now_ms: int) -> None:
    """Say that what is asked about an entry is true, so that it is sent again with these codes confirmed.

    A row that corrects one of an earlier version goes as a correction of it. Raises Conflict where nothing is asked,
    or something else.
    """
    asked = [str(question["code"]) for question in entry.questions]
    if entry.state != State.PARKED or not asked:
        raise Conflict("scan-nothing-asked", number=entry.number)
    if not set(asked) <= set(codes):
        raise Conflict("scan-more-is-asked", number=entry.number, codes=", ".join(asked))
    if entry.replaces is not None:
        draft = correction(entry, entry.replaces, now_ms)
        outbox.discard(entry.number, say("scan-sent-as-correction", "zh", id=draft.id), draft)
        return
    outbox.resume(entry.number, "confirmed", [code for code in asked if code not in OWN_QUESTIONS])


def correction(entry: Entry, corrected: str, now_ms: int) -> Draft:
    """The event that puts an entry's event in the place of an earlier one."""
    event = entry.event
    moment = moment_of(now_ms).astimezone(BEIJING)
    reason = say("scan-correction-reason", "zh", name=entry.name[-80:], line=entry.line)
    body = {
        "id": str(uuid5(UUID(entry.id), corrected)),
        "kind": "correction",
        # The ledger judges a time to come as a mistake, and the server's clock may be a little behind this one.
        "occurred_at": (moment - timedelta(seconds=1)).isoformat(timespec="seconds"),
        "organisation": event["organisation"],
        "details": {"corrects": [corrected], "reason": reason, "replacement": event},
    }
    return Draft(str(body["id"]), EVENT, "correction", canonical.dump(body), entry.file, entry.line)
