"""Three processes that write the remembered head at once, step by step in every order: it never goes backwards.

Each writer stops before the lock, before its bytes are synced, before its file takes the old one's place and before the
folder is synced: four steps, which three writers can take in 34,650 orders.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Semaphore, Thread, current_thread

import pytest

from faults.length import LONG
from heji_trace.ledger.head import HeadFile
from heji_trace.proving import keys
from heji_trace.proving.checkpoint import dump_checkpoint, open_checkpoint, sign_note

WRITERS, STEPS = 3, 4
SIGNER = keys.generate_signer("log.example/log", lambda size: bytes(range(size)))
NOTES = [
    sign_note(dump_checkpoint(SIGNER.name, size, bytes([size]) * 32), SIGNER)
    for size in range(1, WRITERS + 1)
]
# Of the orders, a short run takes every so many-th.
EVERY = 1 if LONG else 151

flock, fsync, replace = fcntl.flock, os.fsync, Path.replace


def orders(left: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Every order in which writers can take the steps that they have left."""
    if not any(left):
        yield ()
    for writer, steps in enumerate(left):
        if steps:
            for rest in orders((*left[:writer], steps - 1, *left[writer + 1 :])):
                yield (writer, *rest)


@dataclass
class Writer(Thread):
    """One process: it goes on when it is told to, and stops before its next step."""

    folder: Path
    note: str
    is_done: bool = False
    wrong: BaseException | None = None
    go: Semaphore = field(default_factory=lambda: Semaphore(0))
    stopped: Semaphore = field(default_factory=lambda: Semaphore(0))

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    __hash__ = Thread.__hash__

    def run(self) -> None:
        self.go.acquire()
        try:
            HeadFile(self.folder, SIGNER.verifier).write(self.note)
        except BaseException as error:  # noqa: BLE001  told by the test's own thread
            self.wrong = error
        self.is_done = True
        self.stopped.release()

    def stop(self) -> None:
        self.stopped.release()
        self.go.acquire()

    def step(self) -> None:
        if not self.is_done:
            self.go.release()
            self.stopped.acquire()


@pytest.fixture
def stepwise(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system calls of the head file wait for their turn."""

    def before(call: Callable[..., object]) -> Callable[..., object]:
        def called(*arguments: object) -> object:
            thread = current_thread()
            if isinstance(thread, Writer):
                thread.stop()
            return call(*arguments)

        return called

    def lock(descriptor: int, operation: int) -> None:
        thread = current_thread()
        assert isinstance(thread, Writer)
        while True:
            try:
                return flock(descriptor, operation | fcntl.LOCK_NB)
            except BlockingIOError:
                thread.stop()

    monkeypatch.setattr(fcntl, "flock", lock)
    monkeypatch.setattr(os, "fsync", before(fsync))
    monkeypatch.setattr(Path, "replace", before(replace))


def size_of(folder: Path) -> int:
    """The size that the file holds now, whoever reads it; a torn one does not open."""
    try:
        return open_checkpoint((folder / "head").read_text("utf-8"), [SIGNER.verifier]).size
    except FileNotFoundError:
        return 0


def fault_of(folder: Path, order: tuple[int, ...]) -> str:
    """What went wrong when the writers took their steps in this order; empty where nothing did."""
    writers = [Writer(folder, note) for note in NOTES]
    for writer in writers:
        writer.start()
    size, fault = 0, ""
    # Who was kept waiting by the lock takes the steps that remain at the end.
    for number in (*order, *[*range(WRITERS)] * WRITERS * STEPS):
        writer = writers[number]
        writer.step()
        now = size_of(folder)
        if now < size:
            fault = fault or f"the head went back from {size} to {now}"
        size = now
        if writer.is_done and size < number + 1:
            fault = fault or f"{number + 1} was answered and {size} is remembered"
    for writer in writers:
        writer.join(timeout=10)
        assert not writer.is_alive()
        if writer.wrong is not None:
            raise writer.wrong
    return fault or ("" if size == WRITERS else f"{size} is remembered at the end")


def faults_in_orders(every: int) -> tuple[int, dict[tuple[int, ...], str]]:
    """How many orders were tried, and the faults by order."""
    shared = Path("/dev/shm")
    tried, faults = 0, {}
    with TemporaryDirectory(dir=shared if shared.is_dir() else None) as place:
        for number, order in enumerate(orders((STEPS,) * WRITERS)):
            if number % every:
                continue
            tried += 1
            folder = Path(place) / "head"
            folder.mkdir(exist_ok=True)
            (folder / "head").unlink(missing_ok=True)
            if fault := fault_of(folder, order):
                faults[order] = fault
    return tried, faults


def test_all_orders_are_there() -> None:
    assert len(set(orders((STEPS,) * WRITERS))) == 34_650


def test_the_head_never_goes_back_in_whatever_order_its_writers_take_their_steps(
    stepwise: None, record_property: Callable[[str, object], None]
) -> None:
    tried, faults = faults_in_orders(EVERY)
    record_property("orders, faults", f"{tried}, {len(faults)}")
    assert not faults, next(iter(faults.items()))


def test_without_the_lock_some_order_takes_the_head_back(
    stepwise: None, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> None:
    monkeypatch.setattr(fcntl, "flock", lambda *_: None)
    tried, faults = faults_in_orders(every=151)
    record_property("orders, faults", f"{tried}, {len(faults)}")
    assert faults, "the orders do not show what the lock is for"
