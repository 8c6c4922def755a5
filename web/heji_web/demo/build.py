"""Building the demonstration county: week by week, each file is read and recorded through the doors of the product.

The clock handed to the recorder tells the time of the story, so that receipts, lateness and clocks are those of the
weeks before today. All days are moved by one whole number, which puts the last upload on yesterday.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, assert_never

from heji_scanners.readers.rapid17 import RapidRow, read_rapid17, sampling_event, testing_event
from heji_trace.errors import BulkRefused, HejiError, InvalidEvent, NeedsAcknowledgement
from heji_trace.events.event import Event
from heji_trace.events.schemas import parse_event
from heji_trace.events.sheets import parse_row, read_sheet
from heji_trace.identifiers.event_ids import new_event_id
from heji_trace.labelling.label_issue import issue_label
from heji_trace.ledger.head import HeadFile
from heji_trace.people.accounts import create_account
from heji_trace.people.parties import Author
from heji_trace.people.passwords import Passwords
from heji_trace.proving import canonical
from heji_trace.proving.keys import Signer
from heji_trace.recording.recorder import Recorder
from heji_trace.store.db import Store
from heji_trace.vocabulary.times import BEIJING, Clock, beijing_date, moment_of, parse_moment
from heji_web.demo.shifting import shift, shift_text
from heji_web.demo.uploads import (
    DAY_MS,
    LabelOrder,
    Upload,
    read_diary,
    read_input,
    read_people,
)

PASSWORD = "demonstration"  # noqa: S105  it opens an invented county on one's own machine, and is printed there

Progress = Callable[[int, int], None]
Random = Callable[[int], bytes]


class StoryClock:
    """A clock that stands at a moment of the story, wall and monotonic alike, and is moved from upload to upload."""

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms
        self.clock = Clock(self._seconds, self._seconds)

    def _seconds(self) -> float:
        # Half a millisecond, so that the clock's truncation gives back the millisecond it was set to.
        return (self.now_ms + 0.5) / 1000


@dataclass(frozen=True, slots=True)
class _County:
    """What every door of the story works with."""

    recorder: Recorder
    clock: StoryClock
    random: Random
    days: int


def build_county(
    store: Store,
    signer: Signer,
    head: HeadFile,
    *,
    passwords: Passwords,
    random: Random,
    today: date,
    progress: Progress,
) -> None:
    """Record the county's whole story in a log that has begun and is empty; the last upload is of yesterday.

    Everybody's password is `PASSWORD`. `progress` hears the uploads done and their number. Raises what the doors
    raise where a file is refused, with the file's name in a note.
    """
    diary = read_diary()
    days = (today - timedelta(days=1) - beijing_date(diary[-1].recorded_ms)).days
    clock = StoryClock(diary[0].recorded_ms + days * DAY_MS)
    authors = _open_accounts(store, passwords, random, clock.now_ms)
    recorder = Recorder(store, signer, head, clock.clock, random)
    recorder.start()
    county = _County(recorder, clock, random, days)
    try:
        for done, entry in enumerate(diary, start=1):
            clock.now_ms = entry.recorded_ms + days * DAY_MS
            try:
                if isinstance(entry, LabelOrder):
                    _order_labels(county, entry, authors[entry.account])
                else:
                    _hand_in(county, entry, authors[entry.account])
            except HejiError as error:
                error.add_note(f"{entry}: {explain(error)}")
                raise
            progress(done, len(diary))
    finally:
        recorder.close()


def days_shifted(first_recorded_ms: int) -> int:
    """By how many days a county was moved, told by the time of its first entry."""
    return (beijing_date(first_recorded_ms) - beijing_date(read_diary()[0].recorded_ms)).days


def read_events(upload: Upload, author: Author, days: int) -> list[Event]:
    """The events of a file, as its door reads them, moved by `days`; raises InvalidEvent."""
    data = read_input(upload.file)
    match upload.door:
        case "sheet":
            return _read_sheet(data, upload.file, author, days)
        case "json":
            return [parse_event(shift(raw, days)) for raw in _listed(canonical.load(data))]
        case "instrument":
            return _read_instrument(data, upload, author, days)
        case _:
            assert_never(upload.door)


def explain(error: HejiError) -> str:
    """The error with all that is wrong, one line each."""
    match error:
        case InvalidEvent(problems=problems):
            return "\n".join(
                f"line {problem.line} {problem.column} {problem.pointer} {problem.sentence('en')}"
                for problem in problems
            )
        case BulkRefused(rows=rows):
            return "\n".join(f"[{row}] {explain(each)}" for row, each in rows)
        case NeedsAcknowledgement(questions=questions):
            return "asked: " + ", ".join(question.code for question in questions)
        case _:
            return error.sentence("en")


def _open_accounts(store: Store, passwords: Passwords, random: Random, now_ms: int) -> dict[str, Author]:
    authors = {}
    # One hash for all: the password is no secret, and argon2 takes its time on purpose. No door would take it, for it
    # is a word; here nothing is guarded.
    hashed = passwords.hash(PASSWORD)
    with store.write() as connection:
        for person in read_people():
            account = create_account(
                connection,
                person.account,
                person.organisation,
                person.roles,
                hashed,
                random,
                now_ms,
            )
            authors[person.account] = account.author
    return authors


def _hand_in(county: _County, upload: Upload, author: Author) -> None:
    events = read_events(upload, author, county.days)
    try:
        county.recorder.submit_all(events, author)
    except BulkRefused as refused:
        confirmed = _confirmed(events, refused, upload.acknowledged)
        county.recorder.submit_all(confirmed, author)


def _confirmed(events: Sequence[Event], refused: BulkRefused, acknowledged: frozenset[str]) -> list[Event]:
    """The events with what the story confirms; raises the refusal where it says more than that."""
    result = list(events)
    for row, error in refused.rows:
        codes = (
            [question.code for question in error.questions] if isinstance(error, NeedsAcknowledgement) else []
        )
        if not codes or not acknowledged.issuperset(codes):
            raise refused
        result[row] = parse_event({**result[row].body, "acknowledged": codes})
    return result


def _order_labels(county: _County, order: LabelOrder, author: Author) -> None:
    issued = issue_label(
        county.recorder,
        author,
        product=order.product,
        batch=shift_text(order.batch, county.days),
        copies=order.copies,
        now_ms=county.clock.now_ms,
        random=county.random,
    )
    if order.spoilt:
        void = {
            "id": new_event_id(county.clock.now_ms, county.random),
            "kind": "label_void",
            "occurred_at": moment_of(county.clock.now_ms).astimezone(BEIJING).isoformat(timespec="seconds"),
            "organisation": author.organisation,
            "details": {"run": issued.event_id, "reason": order.spoilt},
        }
        county.recorder.submit(parse_event(void), author)


def _read_sheet(data: bytes, name: str, author: Author, days: int) -> list[Event]:
    sheet = read_sheet(data, name, organisation=author.organisation)
    events: list[Event] = []
    problems = [*sheet.problems]
    for row in sheet.rows():
        found = parse_row(sheet, replace(row, event=shift(row.event, days)))
        if isinstance(found, Event):
            events.append(found)
        else:
            problems += found
    if problems:
        raise InvalidEvent(problems)
    return events


def _read_instrument(data: bytes, upload: Upload, author: Author, days: int) -> list[Event]:
    """A screening is read into two events a line: the sample that was drawn, and its result."""
    file = read_rapid17(data, upload.file)
    if file.problems:
        raise InvalidEvent(file.problems)
    raw: list[dict[str, Any]] = []
    for row in file.rows:
        sample, batches = _sample_code(row), [upload.chosen[row.line]]
        office = author.organisation
        raw.append(sampling_event(row, sample=sample, organisation=office, batches=batches))
        raw.append(testing_event(row, sample=sample, organisation=office, laboratory=office, batches=batches))
    return [parse_event(shift(event, days)) for event in raw]


def _sample_code(row: RapidRow) -> str:
    """A number by the minute of the test, as the screener's sticker has it."""
    return f"KJ{parse_moment(row.tested_at):%Y%m%d-%H%M}"


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]
