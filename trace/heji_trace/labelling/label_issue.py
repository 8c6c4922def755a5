"""Issuing labels: the one way in which a batch of a product gets its trace code and its telephone code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from heji_trace.errors import Conflict
from heji_trace.events.event import Event
from heji_trace.events.schemas import parse_event
from heji_trace.identifiers.codes import make_phone_code, make_trace_code
from heji_trace.identifiers.event_ids import new_event_id
from heji_trace.labelling.label_runs import run_of
from heji_trace.people.parties import Author
from heji_trace.recording.recorder import Receipt, Recorder
from heji_trace.store.db import Store
from heji_trace.vocabulary.times import BEIJING, moment_of


@dataclass(frozen=True, slots=True)
class IssuedLabel:
    """A run of labels: `event_id` names the run, the codes are as made, without groups."""

    event_id: str
    trace_code: str
    phone_code: str
    receipt: Receipt


def issue_label(
    recorder: Recorder,
    author: Author,
    *,
    product: str,
    batch: str | None,
    copies: int,
    now_ms: int,
    random: Callable[[int], bytes],
) -> IssuedLabel:
    """Record the issue of `copies` labels, all with one new trace code; `batch` may be bound later.

    `random` must be unguessable, as the trace code is a secret until it is printed. Raises what `Recorder.submit`
    raises: Conflict for a batch that is held or recalled, NeedsAcknowledgement for one whose day is over, LedgerBusy
    too where, once in hundreds of millions, the telephone code is already taken.
    """
    wanted = {"product": product, "batch": batch, "copies": copies}
    return record_label(recorder, author, draft_label(author, wanted, now_ms=now_ms, random=random))


def draft_label(
    author: Author,
    wanted: Mapping[str, object],
    *,
    now_ms: int,
    random: Callable[[int], bytes],
    event_id: str | None = None,
    acknowledged: object = None,
) -> Event:
    """The event that issues what is `wanted` (product, batch, copies), with new codes; raises InvalidEvent.

    `event_id` is the one that a form made when it was opened, for `record_label_once`; `acknowledged` are the codes of
    the questions that were confirmed, as somebody sent them.
    """
    codes = {"trace_code": make_trace_code(random), "phone_code": make_phone_code(random)}
    return parse_event(
        {
            "id": new_event_id(now_ms, random) if event_id is None else event_id,
            "kind": "label_issue",
            "occurred_at": moment_of(now_ms).astimezone(BEIJING).isoformat(timespec="seconds"),
            "organisation": author.organisation,
            "details": {**wanted, **codes},
            **({} if acknowledged is None else {"acknowledged": acknowledged}),
        }
    )


def record_label(recorder: Recorder, author: Author, event: Event) -> IssuedLabel:
    """Record a drafted issue; raises what `Recorder.submit` raises."""
    receipt = recorder.submit(event, author)
    return IssuedLabel(event.id, event.details["trace_code"], event.details["phone_code"], receipt)


def record_label_once(store: Store, recorder: Recorder, author: Author, event: Event) -> str:
    """Record a drafted issue unless its id has been recorded with the same wishes; answers the run.

    A second tap drafts other codes: the first ones count, and one code is issued. Raises what `record_label` raises.
    """
    try:
        return record_label(recorder, author, event).event_id
    except Conflict as error:
        if error.code != "id-with-other-content":
            raise
        with store.read() as connection:
            run = run_of(connection, author, event.id)
        wished = (event.details["product"], event.details.get("batch"), event.details["copies"])
        if run.organisation != author.organisation or (run.product, run.batch, run.copies) != wished:
            raise
        return run.run
