"""Releasing official results: the authority that drew a sample decides when the public sees what was found.

A release is a further `testing` event of the sample, by a regulator, that says again what the laboratory's newest
step says and adds `released_at`: it stands by itself on a consumer's page, and can be taken back like any statement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, func, select

from heji_trace.errors import Conflict, Unknown
from heji_trace.events.event import Event
from heji_trace.events.kinds.words import OFFICIAL
from heji_trace.events.schemas import parse_event
from heji_trace.known.state import State
from heji_trace.known.statements import stated
from heji_trace.ledger.ledger import read_stored
from heji_trace.people.parties import Author
from heji_trace.rights.concern import is_release
from heji_trace.rights.reading import seq_of
from heji_trace.store.lineage import known_at
from heji_trace.store.tables import samples, tests

RELEASABLE: Final = ("reviewed", "final")

_SAID_AGAIN: Final = ("sample", "laboratory", "method", "method_class", "results", "conclusion", "status")


@dataclass(frozen=True, slots=True)
class AwaitingRelease:
    """An official result that the public does not see; `event_id` is the laboratory's step, `targets` its goods."""

    event_id: str
    seq: int
    sample: str
    targets: tuple[str, ...]
    drawn_by: str
    occurred_ms: int
    details: Mapping[str, Any]


def check_release(state: State, event: Event, withdrawn: frozenset[int]) -> None:
    """Raise Conflict for a release of what no laboratory has stated, or of something else than what it stated.

    Steps of the entries `withdrawn` do not count: a correction takes them back.
    """
    if not is_release(state, event) or event.details["laboratory"] == event.organisation:
        return
    sample = event.details["sample"]
    steps = [row for row in state.tests.of("sample", sample) if row["seq"] not in withdrawn]
    newest = max(steps, key=lambda row: row["rank"], default=None)
    if newest is None or newest["status"] not in RELEASABLE or newest["released"]:
        raise Conflict("nothing-to-release", sample=sample)
    if [_said(each) for each in _statements(state.connection, [newest["seq"]])] != [_said(event)]:
        raise Conflict("released-otherwise", sample=sample)


def results_awaiting(connection: Connection) -> list[AwaitingRelease]:
    """The official results whose newest step is reviewed or final and not released, the oldest first."""
    newest = (
        select(func.max(tests.c.rank).label("rank"))
        .join(samples, samples.c.sample == tests.c.sample)
        .where(samples.c.purpose == OFFICIAL, known_at(samples, None), known_at(tests, None))
        .group_by(tests.c.sample)
        .subquery()
    )
    query = select(tests).join(newest, newest.c.rank == tests.c.rank).where(known_at(tests, None))
    query = query.where(tests.c.status.in_(RELEASABLE), tests.c.released == 0).order_by(tests.c.rank)
    rows = {row.seq: row for row in connection.execute(query)}
    drawn: dict[str, list[Any]] = {}
    of = select(samples).where(
        samples.c.sample.in_([row.sample for row in rows.values()]), known_at(samples, None)
    )
    for each in connection.execute(of.order_by(samples.c.seq, samples.c.target)):
        drawn.setdefault(each.sample, []).append(each)
    return [
        AwaitingRelease(
            stored.event.id,
            stored.seq,
            rows[stored.seq].sample,
            tuple(each.target for each in drawn[rows[stored.seq].sample]),
            drawn[rows[stored.seq].sample][0].organisation,
            rows[stored.seq].occurred_ms,
            stated(stored.event).details,
        )
        for stored in read_stored(connection, list(rows))
    ]


def draft_release(
    connection: Connection, author: Author, step: str, *, event_id: str, occurred_at: str
) -> Event:
    """The event by which the author releases what the event `step` says; raises Unknown where there is no such step.

    `event_id` and `occurred_at` are made when the form is opened: a second tap then says the very same.
    """
    [step_said] = _statements(connection, [seq_of(connection, author, step)])
    if step_said.kind != "testing":
        raise Unknown
    return parse_event(
        {
            "id": event_id,
            "kind": "testing",
            "occurred_at": occurred_at,
            "organisation": author.organisation,
            "details": {
                **{name: step_said.details[name] for name in _SAID_AGAIN if name in step_said.details},
                "released_at": occurred_at,
            },
        }
    )


def _statements(connection: Connection, seqs: Sequence[int]) -> list[Event]:
    return [stated(stored.event) for stored in read_stored(connection, seqs)]


def _said(event: Event) -> dict[str, Any]:
    return {name: event.details.get(name) for name in _SAID_AGAIN}
