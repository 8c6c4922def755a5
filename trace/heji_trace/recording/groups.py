"""Who waits together: statements of many threads stand in one queue, and one thread takes them in groups.

A commit costs about as much for many statements as for one, so that a group takes all who wait.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from heji_trace.events.event import Event
from heji_trace.people.parties import Author
from heji_trace.recording.enter import Receipt
from heji_trace.recording.imported import Origin

_MOST = 256
_GATHERINGS = 10
_GATHERING_SECONDS = 0.0015


def tell_nobody(_done: int) -> None:
    """Of an import whose progress nobody watches."""


@dataclass(slots=True)
class Wanted:
    """Statements that wait together: one, or a bulk that is recorded wholly or not at all."""

    events: Iterable[Event]
    author: Author
    bulk: bool = False
    dry_run: bool = False
    acknowledged: frozenset[str] = frozenset()
    origin: Origin | None = None
    progress: Callable[[int], None] = tell_nobody
    answer: Future[list[Receipt]] = field(default_factory=Future)

    @property
    def is_erasure(self) -> bool:
        """Whether it takes values away, for which it may have to wait for readers."""
        return not self.bulk and next(iter(self.events)).kind == "erasure"


class Groups:
    """The queue, and the groups in which one thread takes it."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[Wanted | None] = SimpleQueue()
        self._are_together = threading.Event()
        self._awaited = 0
        self._last = 0
        self.is_over = False
        """Whether `end` was reached: nothing put down behind it is ever taken."""
        self.taken = 0
        """How many statements there were in all groups."""
        self.sizes = [0] * (_MOST.bit_length() + 1)
        """How many groups there were of fewer than 2^n statements and no fewer than half of that, by n."""

    @property
    def waiting(self) -> int:
        """How many statements wait for their group."""
        return self._queue.qsize()

    def put(self, wanted: Wanted) -> None:
        """Let statements wait; their `answer` is given by who takes them."""
        self._queue.put(wanted)
        if self._awaited and self._queue.qsize() >= self._awaited:
            self._are_together.set()

    def end(self) -> None:
        """Let nothing be taken of what is put down from now on."""
        self._queue.put(None)

    def take(self, idle_seconds: float | None, idle: Callable[[], None]) -> list[list[Wanted]]:
        """All who wait, once there are any, in groups for one transaction each; meanwhile `idle` is called now and then.

        None for `idle_seconds` calls it never.
        """
        expected = self._last + self._queue.qsize()
        group: list[Wanted] = []
        waiting = self._first(idle_seconds, idle)
        if expected > 1 and waiting is not None:
            self._let_gather(expected)
        while waiting is not None:
            group.append(waiting)
            if self._queue.empty() or len(group) == _MOST:
                break
            waiting = self._queue.get()
        self.is_over = waiting is None
        self.sizes[len(group).bit_length()] += bool(group)
        self.taken += len(group)
        self._last = len(group)
        return _parted(group)

    def _first(self, idle_seconds: float | None, idle: Callable[[], None]) -> Wanted | None:
        while True:
            try:
                return self._queue.get(timeout=idle_seconds)
            except Empty:
                idle()

    def _let_gather(self, expected: int) -> None:
        """Where many record at once, wait for those who were there before: what a group costs is paid by more.

        Whoever was answered asks again soon, if it is one of many. Nobody is waited for who lets the others wait
        for longer than it takes to see that no more come.
        """
        self._awaited = min(expected, _MOST) - 1
        for _ in range(_GATHERINGS):
            before = self._queue.qsize()
            if self._are_together.wait(_GATHERING_SECONDS) or self._queue.qsize() == before:
                break
        self._awaited = 0
        self._are_together.clear()


def _is_alone(wanted: Wanted) -> bool:
    """Whether it has a transaction of its own: an erasure may have to wait for readers, which others need not."""
    return wanted.bulk or wanted.is_erasure


def _parted(group: list[Wanted]) -> list[list[Wanted]]:
    """Groups for one transaction each: bulks and erasures alone, and an event id never twice in the same one."""
    parts: list[list[Wanted]] = []
    seen: set[str] = set()
    for wanted in group:
        single = "" if wanted.bulk else next(iter(wanted.events)).id
        alone = _is_alone(wanted) or (bool(parts) and _is_alone(parts[-1][0]))
        if alone or not parts or single in seen:
            parts.append([])
            seen = set()
        parts[-1].append(wanted)
        seen.add(single)
    return parts
