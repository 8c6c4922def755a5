"""Work that outlasts a request: done in threads of its own, watched from pages, its result fetched by whoever asks next.

Jobs live in the memory of one process. One that is lost with it is begun again by the page that asks for it; nothing
is lost, because checking writes nothing and recording the same file twice says it once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Generic, TypeVar

from heji_trace.errors import LedgerBusy

Result = TypeVar("Result")
Key = tuple[str, str]
_AT_ONCE = 2
_KEPT = 64


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is: what it does at present, and of how many rows it has done how many."""

    phase: str
    done: int
    all: int
    seconds: float

    @property
    def share(self) -> float:
        """The part that is done, from 0 to 1."""
        return min(self.done / self.all, 1.0) if self.all else 0.0

    @property
    def per_second(self) -> float:
        """Rows a second since the phase began."""
        return self.done / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """How long the phase will still take, or None while nobody can tell."""
        return (self.all - self.done) / self.per_second if self.done and self.all else None


class Job(Generic[Result]):
    """One piece of work; `name` tells its kinds apart."""

    def __init__(self, name: str, work: Callable[[Job[Result]], Result], turn: threading.Semaphore) -> None:
        self.name = name
        self.was_shown = False
        self._work = work
        self._turn = turn
        self._stopped = False
        self._over = threading.Event()
        self._result: Result | None = None
        self._error: Exception | None = None
        self._phase = ("wait", 0, 0, monotonic())
        self._thread = threading.Thread(target=self._run, name=f"job-{name}", daemon=True)

    def start(self) -> None:
        """Begin, as soon as it is its turn."""
        self._thread.start()

    def enter(self, phase: str) -> Callable[[int, int], None]:
        """Begin a phase; the answer is to be told rows done and in all, and ends the work of a job that was stopped."""
        begun = monotonic()

        def tell(done: int, of_all: int) -> None:
            if self._stopped:
                raise LedgerBusy
            self._phase = (phase, done, of_all, begun)

        tell(0, 0)
        return tell

    @property
    def progress(self) -> Progress:
        """How far it is."""
        phase, done, of_all, begun = self._phase
        return Progress(phase, done, of_all, monotonic() - begun)

    @property
    def is_over(self) -> bool:
        """Whether there is a result."""
        return self._over.is_set()

    def wait(self, seconds: float) -> bool:
        """Whether it is over, after so many seconds at most."""
        return self._over.wait(seconds)

    def result(self) -> Result:
        """What came out of it; raises what went wrong. Only for a job that is over."""
        if self._error is not None:
            raise self._error.with_traceback(None)
        return self._result  # type: ignore[return-value]

    def stop(self, seconds: float = 0) -> None:
        """Let it end where it next tells how far it is, and wait so many seconds for that."""
        self._stopped = True
        if seconds and self._thread.is_alive():
            self._thread.join(seconds)

    def _run(self) -> None:
        try:
            with self._turn:
                self._result = self._work(self)
        except Exception as error:  # noqa: BLE001 - raised again by whoever asks for the result
            self._error = error
        self._over.set()


class Jobs(Generic[Result]):
    """The jobs of one process by account and subject; two at a time, so that their memory is bounded."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turn = threading.Semaphore(_AT_ONCE)
        self._jobs: dict[Key, Job[Result]] = {}

    def find(self, key: Key) -> Job[Result] | None:
        """The job of a key, running or over."""
        with self._lock:
            return self._jobs.get(key)

    def start(self, key: Key, name: str, work: Callable[[Job[Result]], Result]) -> Job[Result]:
        """Begin a job, unless one of this name runs already under the key; one of another name is stopped."""
        with self._lock:
            running = self._jobs.pop(key, None)
            if running is not None and not running.is_over:
                if running.name == name:
                    self._jobs[key] = running
                    return running
                running.stop()
            job = Job(name, work, self._turn)
            self._jobs[key] = job
            for old in [each for each, kept in self._jobs.items() if kept.is_over][:-_KEPT]:
                del self._jobs[old]
            job.start()
        return job

    def forget(self, key: Key) -> None:
        """Drop a job that is over, or stop one that still runs."""
        with self._lock:
            job = self._jobs.pop(key, None)
        if job is not None:
            job.stop()

    def close(self) -> None:
        """Stop all jobs and wait for them."""
        with self._lock:
            running = list(self._jobs.values())
            self._jobs.clear()
        for job in running:
            job.stop(30)
