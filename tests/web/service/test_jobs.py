from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from heji_trace.errors import LedgerBusy
from heji_web.service.jobs import Job, Jobs, Progress

KEY = ("account", "file")


@pytest.fixture
def jobs() -> Iterator[Jobs[str]]:
    made: Jobs[str] = Jobs()
    yield made
    made.close()


class Gate:
    """Work that tells how far it is and goes on when it is let."""

    def __init__(self, result: str = "done") -> None:
        self.result = result
        self.begun = threading.Event()
        self.open = threading.Event()

    def work(self, job: Job[str]) -> str:
        tell: Callable[[int, int], None] = job.enter("read")
        tell(30, 120)
        self.begun.set()
        while not self.open.wait(0.01):
            tell(30, 120)
        return self.result


def test_a_job_tells_how_far_it_is_and_then_what_came_of_it(jobs: Jobs[str]) -> None:
    gate = Gate()
    job = jobs.start(KEY, "check", gate.work)
    assert gate.begun.wait(10)
    assert not job.wait(0)
    assert (job.progress.phase, job.progress.done, job.progress.all, job.progress.share) == (
        "read",
        30,
        120,
        0.25,
    )
    gate.open.set()
    assert job.wait(10)
    assert job.result() == "done"
    assert jobs.find(KEY) is job
    jobs.forget(KEY)
    assert jobs.find(KEY) is None


def test_the_same_work_is_not_begun_twice(jobs: Jobs[str]) -> None:
    gate = Gate()
    first = jobs.start(KEY, "check", gate.work)
    assert jobs.start(KEY, "check", gate.work) is first
    gate.open.set()


def test_other_work_on_the_same_file_takes_its_place(jobs: Jobs[str]) -> None:
    checking, recording = Gate(), Gate("recorded")
    first = jobs.start(KEY, "check", checking.work)
    assert checking.begun.wait(10)
    recording.open.set()
    second = jobs.start(KEY, "record", recording.work)
    assert second.wait(10)
    assert second.result() == "recorded"
    assert first.wait(10)
    with pytest.raises(LedgerBusy):
        first.result()


def test_only_two_work_at_a_time_and_the_others_say_that_they_wait(jobs: Jobs[str]) -> None:
    gates = [Gate() for _ in range(3)]
    made = [jobs.start(("account", str(at)), "check", gate.work) for at, gate in enumerate(gates)]
    assert sum(gate.begun.wait(0.5) for gate in gates) == 2
    [waiting] = [job for job in made if job.progress.phase == "wait"]
    for gate in gates:
        gate.open.set()
    assert waiting.wait(10)


def test_what_goes_wrong_is_raised_by_whoever_asks(jobs: Jobs[str]) -> None:
    def fail(_job: Job[str]) -> str:
        raise ValueError("broken")

    job = jobs.start(KEY, "check", fail)
    assert job.wait(10)
    for _ in range(2):
        with pytest.raises(ValueError, match="broken"):
            job.result()


def test_closing_stops_what_runs() -> None:
    jobs: Jobs[str] = Jobs()
    gate = Gate()
    job = jobs.start(KEY, "check", gate.work)
    assert gate.begun.wait(10)
    jobs.close()
    assert job.is_over
    assert jobs.find(KEY) is None


def test_the_time_left_is_told_once_something_is_done() -> None:
    assert Progress("read", 0, 100, 5.0).seconds_left is None
    assert Progress("read", 10, 0, 5.0).seconds_left is None
    assert Progress("read", 25, 100, 5.0).seconds_left == pytest.approx(15.0)
    assert Progress("read", 25, 100, 5.0).per_second == pytest.approx(5.0)
    assert Progress("undo", 0, 0, 0.0).share == 0.0


def test_of_work_that_is_over_and_that_nobody_fetched_only_the_newest_is_kept(jobs: Jobs[str]) -> None:
    for at in range(100):
        job = jobs.start(("account", str(at)), "check", lambda _job: "done")
        assert job.wait(10)
    kept = [at for at in range(100) if jobs.find(("account", str(at))) is not None]
    assert len(kept) < 100
    assert kept == list(range(100 - len(kept), 100))
