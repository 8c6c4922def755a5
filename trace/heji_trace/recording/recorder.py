"""The write path: statements wait in a queue, one thread takes all that wait, and one commit makes them last.

    group -> rights, sense, repeats, on what was prefetched -> ledger and read tables -> commit -> head file -> answers

Nobody is answered before the head file is durable: a receipt promises that the entry is remembered outside the
database too. Savepoints are not used: on a full disk SQLite rolled the transaction back and every later SAVEPOINT
committed by itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress

from sqlalchemy import Connection, exc

from heji_trace.effects.erasing import finish
from heji_trace.errors import HejiError, LedgerBusy, Misconfigured, Refused, Unavailable, Untrusted
from heji_trace.events.event import Event
from heji_trace.known.prefetch import prefetch
from heji_trace.known.state import State
from heji_trace.ledger import ledger
from heji_trace.ledger.erasure_list import ErasureList
from heji_trace.ledger.follow import Follower, follow
from heji_trace.ledger.head import HeadFile, check_start
from heji_trace.people.parties import Author
from heji_trace.proving.keys import Signer
from heji_trace.recording.enter import Receipt, enter_all, enter_one
from heji_trace.recording.groups import Groups, Wanted, tell_nobody
from heji_trace.recording.imported import Origin, enter_import
from heji_trace.recording.said_before import SaidBefore
from heji_trace.store.db import Store, is_passing, lock_ledger
from heji_trace.vocabulary.times import Clock, dump_ms

__all__ = ["Receipt", "Recorder"]

_CLOCK_PARTING_MS = 5 * 60 * 1000
_ATTEMPTS = 3
# How long this process's head may lie behind what others have recorded.
_FOLLOW_SECONDS = 1.0
# How long a refusal counts when nobody tries again: whoever looks whether there is something to be sent here must not
# wait for a try that he himself keeps away.
_REFUSAL_SECONDS = 60


class _DryRunDone(Exception):
    """Ends a dry run's transaction without a commit."""


class Recorder:
    """Records events, in groups, for one process.

    `clock` is the wall and monotonic pair of the door; `random` gives salts. After a start on a ledger that does not
    fit its remembered head, `fault` says why, and every submission raises it.
    """

    def __init__(
        self, store: Store, signer: Signer, head: HeadFile, clock: Clock, random: Callable[[int], bytes]
    ) -> None:
        self._store = store
        self._signer = signer
        self._head = head
        self.erasures = ErasureList(head.folder)
        self._clock = clock
        self._random = random
        self.groups = Groups()
        self._gate = threading.Lock()
        self._tip: ledger.Tip
        self._owed: ledger.Tip | None = None
        self._is_tip_unsure = False
        self._follower: Follower | None = None
        self._parting_ms = self._clocks_apart_ms()
        self._closed = False
        self._refused: tuple[float, str, Mapping[str, object]] | None = None
        self.durable_size = 0
        self.fault: HejiError | None = None
        self.heard: Callable[[Sequence[Receipt]], None] | None = None
        """Called with what was recorded, in the thread of whoever submitted it, before he goes on."""
        self._thread = threading.Thread(target=self._work, name="recorder", daemon=True)

    def start(self) -> None:
        """Compare the ledger with the remembered head, then begin to take statements.

        Raises Unavailable, to be called again, while the database or the head's storage does not answer.
        """
        with self._store.read() as connection:
            standing = check_start(connection, self._head, self._signer.verifier)
            if standing.fault is None:
                self._tip = ledger.load_tip(connection)
                if self._store.dialect == "postgresql":
                    self._follower = Follower(self._store, self._head, self._signer.verifier, self._tip)
        self.durable_size = standing.size
        self.fault = standing.fault
        if self.fault is None:
            self._take_up_erasures()
        self._thread.start()

    def submit(self, event: Event, author: Author) -> Receipt:
        """Record one event, durably, and return its receipt; a repeat gets the receipt of the first time.

        Raises InvalidEvent, NotAllowed, Conflict or NeedsAcknowledgement where it is refused, LedgerBusy where
        nothing was written, Misconfigured or Untrusted where this ledger may not be continued.
        """
        return self._wait(Wanted([event], author))[0]

    def submit_all(
        self,
        events: Iterable[Event],
        author: Author,
        *,
        dry_run: bool = False,
        acknowledged: frozenset[str] = frozenset(),
        origin: Origin | None = None,
        progress: Callable[[int], None] = tell_nobody,
    ) -> list[Receipt]:
        """Record all events or none, in their order; `dry_run` only tells what would happen.

        The events are taken one after the other by the recorder's own thread, never all at once. `acknowledged` are
        codes confirmed for every row that is asked about them; `origin` is the import by which what is recorded will
        be known afterwards; `progress` is told how many events are done, while the write is going on.
        Raises BulkRefused with the refusal of each row that has one, and what `submit` raises for the whole.
        """
        return self._wait(Wanted(events, author, True, dry_run, acknowledged, origin, progress))

    def close(self) -> None:
        """Record what waits, then stop taking statements."""
        with self._gate:
            is_first, self._closed = not self._closed, True
        if is_first:
            self.groups.end()
        if self._thread.is_alive():
            self._thread.join()

    def served_size(self) -> int:
        """How many entries may be served now: those that are remembered durably here, whoever recorded them."""
        if self._follower is not None and self.fault is None:
            try:
                self._serve_up_to(self._follower.advance())
            except Untrusted as error:
                self.fault = error
        return self.durable_size

    @property
    def is_alive(self) -> bool:
        """Whether statements are being taken."""
        return self._thread.is_alive() and not self._closed

    @property
    def refusal(self) -> HejiError | None:
        """Why nothing could be written of late, such as a full disk; None once something was, or nobody tried for a while."""
        if self._refused is None:
            return None
        at, code, names = self._refused
        return None if self._clock.monotonic() - at > _REFUSAL_SECONDS else HejiError(code, **names)

    def _wait(self, wanted: Wanted) -> list[Receipt]:
        with self._gate:
            # Behind the end of the queue nobody would ever answer.
            if not self.is_alive:
                raise LedgerBusy
            self.groups.put(wanted)
        receipts = wanted.answer.result()
        if self.heard is not None and not wanted.dry_run:
            self.heard(receipts)
        return receipts

    def _work(self) -> None:
        idle_seconds = None if self._follower is None else _FOLLOW_SECONDS
        while not self.groups.is_over:
            for group in self.groups.take(idle_seconds, self._follow):
                self._record(group)

    def _follow(self) -> None:
        """While nobody asks, what other processes record is remembered."""
        with suppress(Unavailable):
            self.served_size()

    def _record(self, group: list[Wanted], attempts: int = _ATTEMPTS) -> None:
        """One transaction for a group; every member is answered, whatever happens."""
        try:
            answers = self._transact(group)
        except Exception as error:  # noqa: BLE001 - whoever waits must hear of it, and the thread must live
            self._is_tip_unsure = True
            if attempts > 1 and not group[0].bulk and is_passing(error):
                # Under the same ids: what was committed although its answer was lost is then found as a repeat.
                self._record(group, attempts - 1)
                return
            if len(group) > 1 and _is_of_one(error):
                # Each in a transaction of its own: what broke the group then breaks only its cause.
                for wanted in group:
                    self._record([wanted])
                return
            if isinstance(error, HejiError) and self._is_of_the_machine(error):
                # Without the error itself, on which hang the frames of all that was being done.
                self._refused = self._clock.monotonic(), error.code, error.names
            answers = [LedgerBusy() if isinstance(error, exc.IntegrityError) else error] * len(group)
        for wanted, answer in zip(group, answers, strict=True):
            if isinstance(answer, BaseException):
                wanted.answer.set_exception(answer)
            else:
                wanted.answer.set_result(answer)

    def _transact(self, group: list[Wanted]) -> list[list[Receipt] | Exception]:
        self._check_may_write()
        answers: list[list[Receipt] | Exception] = []
        tip = None
        try:
            with self._store.append() as connection:
                before = self._current_tip(connection)
                now_ms = self._now_ms(before)
                state = State(connection)
                draft = ledger.Draft(before, now_ms, self._random)
                answers = self._enter(state, draft, group)
                if group[0].dry_run:
                    raise _DryRunDone
                if draft.size > before.size:
                    state.write()
                    tip = draft.write(connection, self._signer)
        except _DryRunDone:
            return answers
        if tip is not None:
            self._tip = self._owed = tip
        self._remember()
        if draft.erased or group[0].is_erasure:
            self._finish_erasures(draft.erased)
        return answers

    def _finish_erasures(self, values: Sequence[bytes] = ()) -> None:
        """Nobody hears that a value is erased before it is gone from the storage and listed for later restores."""
        try:
            finish(self._store, self.erasures, values)
        except OSError as error:
            raise LedgerBusy("erasures-not-durable") from error

    def _enter(
        self, state: State, draft: ledger.Draft, group: list[Wanted]
    ) -> list[list[Receipt] | Exception]:
        first = group[0]
        if first.bulk:
            before = None
            if first.origin is not None:
                organisation, kind = first.author.organisation, first.origin.kind
                before = SaidBefore(state.connection, organisation, kind, draft.start)
            receipts = enter_all(
                state, draft, first.events, first.author, first.acknowledged, first.progress, before
            )
            if first.origin is not None and draft.size > draft.start:
                enter_import(state.connection, first.origin, first.author, draft, len(receipts))
            return [receipts]
        events = [(wanted, event) for wanted in group for event in wanted.events]
        prefetch(state, [event for _, event in events])
        entered = [enter_one(state, draft, event, wanted.author) for wanted, event in events]
        return [[each] if isinstance(each, Receipt) else each for each in entered]

    def _take_up_erasures(self) -> None:
        """What a crash left undone of an erasure; while somebody still reads, it is left for the next one."""
        try:
            self._finish_erasures()
        except LedgerBusy as error:
            if error.code != "values-not-swept":
                raise
        except Misconfigured as error:
            self.fault = error

    def _check_may_write(self) -> None:
        if self.fault is not None:
            # The same object is raised again and again, and would gather the frames of all who asked.
            raise self.fault.with_traceback(None)
        self._remember()

    def _remember(self) -> None:
        """Make the head file durable; while that fails nothing is answered and nothing further is written."""
        if self._owed is None or self._owed.note is None:
            return
        try:
            self._head.write(self._owed.note)
        except OSError as error:
            raise LedgerBusy("head-not-durable") from error
        self._serve_up_to(self._owed.size)
        self._owed = self._refused = None

    def _serve_up_to(self, size: int) -> None:
        with self._gate:
            self.durable_size = max(self.durable_size, size)

    def _current_tip(self, connection: Connection) -> ledger.Tip:
        """The tip to write behind: other processes, or a commit whose answer was lost, may have moved it."""
        lock_ledger(connection)
        if self._follower is not None or self._is_tip_unsure:
            try:
                tip = follow(connection, self._tip, self._signer.verifier)
            except Untrusted as error:
                self.fault = error
                raise
            if tip is not self._tip:
                # Repeats of what is new to us are answered too, and no receipt lies beyond the head.
                self._tip = self._owed = tip
        self._is_tip_unsure = False
        return self._tip

    def _now_ms(self, tip: ledger.Tip) -> int:
        """The server's time; raises Misconfigured where writing it down would freeze a wrong clock into the ledger."""
        now_ms = self._clock.now_ms()
        apart = self._clocks_apart_ms()
        if now_ms < tip.recorded_ms - _CLOCK_PARTING_MS:
            raise Misconfigured("clock-behind-ledger", head=dump_ms(tip.recorded_ms), now=dump_ms(now_ms))
        if abs(apart - self._parting_ms) > _CLOCK_PARTING_MS:
            raise Misconfigured("clock-jumped", minutes=abs(apart - self._parting_ms) // 60000)
        self._parting_ms = apart
        return now_ms

    def _clocks_apart_ms(self) -> int:
        return int((self._clock.wall() - self._clock.monotonic()) * 1000)

    def _is_of_the_machine(self, error: HejiError) -> bool:
        """Whether an error tells of this machine's disks or clock; on a server, others may only have been in the way."""
        if isinstance(error, LedgerBusy):
            return self._store.dialect == "sqlite" or isinstance(error.__cause__, OSError)
        return isinstance(error, Misconfigured)


def _is_of_one(error: Exception) -> bool:
    """Whether an error that ended a group is of one of its members: not the store's, the head's or the clock's.

    The usual broken constraint is an event id with which another process was first.
    """
    return not isinstance(error, HejiError) or isinstance(error, Refused)
