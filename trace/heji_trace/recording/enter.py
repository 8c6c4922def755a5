"""Entering statements into a group: judged on what the group knows, given their place, their effects taken up.

A bulk goes chunk by chunk inside its one transaction: what a chunk has written is forgotten and read again where the
next one needs it, so that 100,000 events take the memory of a thousand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import select

from heji_trace.effects.book import Entered
from heji_trace.effects.erasing import take_away
from heji_trace.errors import (
    BulkRefused,
    Conflict,
    HejiError,
    InvalidEvent,
    NeedsAcknowledgement,
    Problem,
)
from heji_trace.events.event import Event
from heji_trace.events.schemas import event_of
from heji_trace.known.prefetch import prefetch
from heji_trace.known.state import State
from heji_trace.known.statements import stated
from heji_trace.ledger import ledger
from heji_trace.people.parties import Author
from heji_trace.projection import project
from heji_trace.proving.merkle import leaf_hash
from heji_trace.recording import sense
from heji_trace.recording.said_before import SaidBefore
from heji_trace.rights import rights
from heji_trace.store.tables import warnings
from heji_trace.vocabulary.times import dump_ms

MOST_REFUSED = 1000
"""Refused rows of a bulk after which the others are not judged any more."""

_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the recorder of an event gets: its place, and the hash by which anybody finds it in the open log."""

    seq: int
    entry_hash: bytes
    recorded_at: str
    event_id: str
    warnings: tuple[str, ...]
    repeated: bool = False


def enter_one(state: State, draft: ledger.Draft, event: Event, author: Author) -> Receipt | HejiError:
    """Enter one event of a group that was prefetched; a refusal that left nothing behind is answered, not raised.

    What is raised left some of its effects behind: the group may not be committed.
    """
    try:
        repeated = _find_repeat(state, draft, event, author)
        if repeated is not None:
            return repeated
        _check(state, draft, event, author)
    except HejiError as refusal:
        return refusal
    suspected, question = _ask(state, event)
    return _append(state, draft, event, author, suspected) if question is None else question


class Rows:
    """The rows of a bulk while they are entered: receipts, and what refuses them or is asked about them."""

    def __init__(
        self, author: Author, acknowledged: frozenset[str], said_before: SaidBefore | None = None
    ) -> None:
        self.receipts: list[Receipt] = []
        self.refused: list[tuple[int, HejiError]] = []
        self._author = author
        self._acknowledged = acknowledged
        self._said_before = said_before
        self._row = 0

    def enter(self, state: State, draft: ledger.Draft, event: Event) -> None:
        """Enter the next row on the effects of those before it.

        One that is asked about is entered as if it were confirmed, so that the rows after it are judged on it and
        all questions come at once.
        """
        row, self._row = self._row, self._row + 1
        try:
            repeated = _find_repeat(state, draft, event, self._author)
            if repeated is not None:
                self.receipts.append(repeated)
                return
            _check(state, draft, event, self._author)
        except HejiError as error:
            self._refuse(row, error)
            return
        suspected, question = _ask(state, event)
        question = self._with_repetition(event, question)
        if question is not None:
            codes = [each.code for each in question.questions]
            if self._acknowledged.issuperset(codes):
                event = event_of({**event.body, "acknowledged": [*event.acknowledged, *codes]})
            else:
                self._refuse(row, question)
        self.receipts.append(_append(state, draft, event, self._author, suspected))

    def _with_repetition(
        self, event: Event, asked: NeedsAcknowledgement | None
    ) -> NeedsAcknowledgement | None:
        again = self._said_before.question(event) if self._said_before else None
        if again is None or again.code in event.acknowledged:
            return asked
        return NeedsAcknowledgement([*(asked.questions if asked else ()), again])

    def _refuse(self, row: int, error: HejiError) -> None:
        # Frames would keep alive all that was being judged.
        self.refused.append((row, error.with_traceback(None)))


def enter_all(
    state: State,
    draft: ledger.Draft,
    events: Iterable[Event],
    author: Author,
    acknowledged: frozenset[str],
    progress: Callable[[int], None],
    said_before: SaidBefore | None = None,
) -> list[Receipt]:
    """Enter a bulk in its order; a row that is asked about nothing but `acknowledged` codes is recorded with these.

    Of a file `said_before` is what earlier ones said.

    Raises BulkRefused with what is wrong or asked about all rows, up to `MOST_REFUSED` of them; the effects of the
    others stand then, and nothing may be committed. `progress` is told how many events are done.
    """
    rows = Rows(author, acknowledged, said_before)
    source, done = iter(events), 0
    while len(rows.refused) < MOST_REFUSED and (part := list(islice(source, _CHUNK))):
        if done:
            state.forget()
            draft.flush(state.connection)
        prefetch(state, part)
        for event in part:
            rows.enter(state, draft, event)
        done += len(part)
        progress(done)
    if rows.refused:
        raise BulkRefused(rows.refused[:MOST_REFUSED])
    return rows.receipts


def _check(state: State, draft: ledger.Draft, event: Event, author: Author) -> None:
    rights.check(state, author, event)
    sense.check(state, event, draft.recorded_ms)


def _ask(state: State, event: Event) -> tuple[list[sense.Suspicion], NeedsAcknowledgement | None]:
    """What looks wrong about an event, or about what a correction says instead, and the question still to be answered."""
    replacement = stated(event)
    if replacement is event:
        suspected, answered = sense.suspicions(state, event), event.acknowledged
    else:
        withdrawn = frozenset(row["seq"] for row in state.corrected_by(event))
        suspected = sense.suspicions(state, replacement, withdrawn)
        answered = (*event.acknowledged, *replacement.acknowledged)
    asked = {each.code: each for each in suspected if each.code not in answered}
    return suspected, NeedsAcknowledgement([each.question() for each in asked.values()]) if asked else None


def _append(
    state: State,
    draft: ledger.Draft,
    event: Event,
    author: Author,
    suspected: list[sense.Suspicion],
) -> Receipt:
    seq = draft.size
    leaf = draft.add(event, author.account)
    if event.kind == "erasure":
        take_away(state, draft, event)
    state.raised.clear()
    project.apply(state, Entered(seq, draft.recorded_ms, author.account, event), suspected)
    codes = tuple(sorted(set(state.raised)))
    return Receipt(seq, leaf, dump_ms(draft.recorded_ms), event.id, codes)


def _find_repeat(state: State, draft: ledger.Draft, event: Event, author: Author) -> Receipt | None:
    """The receipt of the first time; raises Conflict where the id stands for other content."""
    known = state.events.of("event_id", event.id)
    if not known:
        return None
    if known[0]["seq"] >= draft.start:
        raise InvalidEvent([Problem("/id", "id-twice-in-one-import", {"id": event.id})])
    stored = ledger.read_stored(state.connection, [known[0]["seq"]])[0]
    if not ledger.says_the_same(stored, event) or not (
        stored.actor == author.account or event.organisation == author.organisation
    ):
        raise Conflict("id-with-other-content", id=event.id)
    codes = state.connection.execute(
        select(warnings.c.code).where(warnings.c.raised_seq == stored.seq).distinct()
    ).scalars()
    return Receipt(
        stored.seq,
        leaf_hash(stored.entry),
        dump_ms(stored.recorded_ms),
        event.id,
        tuple(sorted(codes)),
        repeated=True,
    )
