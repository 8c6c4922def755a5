"""Every call by which an append reaches its files fails once: an answer is true, or there is none, and work goes on."""

from __future__ import annotations

import json
import re
import resource
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from county import opened_county
from faults import answering
from faults.length import LONG
from faults.recorded import child_environment, strace
from heji_trace.ledger.head import HeadFile
from heji_trace.people.parties import Author
from heji_trace.proving.keys import read_signer
from heji_trace.proving.merkle import leaf_hash
from heji_trace.store import tables
from heji_trace.store.db import Store
from heji_web.service.service import open_service
from heji_web.service.settings import Settings, read_settings
from ledger_check import check_ledger
from web.doors import CHEAP, Now

# What touches files. Memory, threads and sockets are not the storage's to fail.
CALLS = "openat,read,write,pread64,pwrite64,fsync,fdatasync,ftruncate,rename,unlink,flock,fcntl,newfstatat,lseek,mkdir"
ERRORS = ("EIO", "ENOSPC")
_TRIES = 3


@dataclass
class Answering:
    """The process that records, its end of the socket, and the statements it has not heard."""

    settings: Settings
    author: Author
    events: Iterator[dict[str, Any]]
    variant: str = "product"
    told: dict[str, tuple[int, str]] | None = None

    def __post_init__(self) -> None:
        self.told = {}
        self.start()

    def start(self) -> None:
        ours, theirs = socket.socketpair()
        command = [sys.executable, answering.__file__, self.settings.data, str(theirs.fileno()), self.variant]
        self.process = subprocess.Popen(
            list(map(str, command)), env=child_environment(), pass_fds=[theirs.fileno()]
        )
        theirs.close()
        ours.settimeout(30)
        self.socket, self.answers = ours, ours.makefile("rb")
        assert self.answers.readline() == b"ready\n"

    def ask(self, event: dict[str, Any]) -> dict[str, Any]:
        told = {"account": self.author.account, "organisation": self.author.organisation}
        asked = {"event": event, "author": told, "roles": sorted(self.author.roles)}
        self.socket.sendall(json.dumps(asked).encode() + b"\n")
        answer: dict[str, Any] = json.loads(self.answers.readline())
        assert "crash" not in answer, answer
        return answer

    def close(self) -> None:
        self.answers.close()
        self.socket.close()
        assert self.process.wait(timeout=30) == 0


@contextmanager
def attached(process: subprocess.Popen[bytes], *options: str) -> Iterator[Path]:
    """strace on all threads of a running process, let go when the block ends."""
    with subprocess.Popen(
        [strace(), "-f", "-p", str(process.pid), *options], stderr=subprocess.PIPE, text=True
    ) as tracing:
        assert tracing.stderr is not None
        said = tracing.stderr.readline()
        assert "attached" in said, said
        try:
            yield Path()
        finally:
            tracing.send_signal(signal.SIGINT)
            tracing.stderr.read()


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[[str], Answering]]:
    """Starts the process that records, on a county of its own."""
    strace()
    running: list[Answering] = []

    def start(variant: str) -> Answering:
        folder = tmp_path / variant
        with opened_county(folder) as county:
            events = [county.harvesting(f"S{number}").body for number in range(2000)]
            author = county.authors["producer"]
        running.append(Answering(read_settings({"HEJI_DATA": str(folder)}), author, iter(events), variant))
        return running[-1]

    yield start
    for each in running:
        each.process.kill()
        each.process.wait()
        each.answers.close()
        each.socket.close()


def calls_of_an_append(answering: Answering, trace: Path) -> Counter[str]:
    """How often each call is made by one append; by the thread that writes alone, as strace counts by threads."""
    answering.ask(next(answering.events))
    with attached(answering.process, "-o", str(trace), "-e", f"trace={CALLS}"):
        assert "seq" in answering.ask(next(answering.events))
    counts: dict[str, Counter[str]] = {}
    for line in trace.read_text("utf-8", errors="replace").splitlines():
        if found := re.match(r"(\d+) +(\w+)\(", line):
            counts.setdefault(found[1], Counter())[found[2]] += 1
    return max(counts.values(), key=lambda each: each.total())


def state_of(settings: Settings) -> tuple[dict[str, tuple[int, str]], int]:
    """What another process finds: where each event stands, and the size of the remembered head."""
    head = HeadFile(settings.head, read_signer(settings.key).verifier).read()
    with closing(Store(settings.database_url)) as store, store.read() as connection:
        rows = connection.execute(
            select(tables.entries.c.event_id, tables.entries.c.seq, tables.entries.c.entry)
        )
        stored = {row.event_id: (row.seq, leaf_hash(row.entry).hex()) for row in rows}
    return stored, head.size if head else 0


def fail_once(answering: Answering, call: str, number: int, error: str) -> str:
    """Append while the call fails, and hold the answer against the files; what happened, in a word."""
    event = next(answering.events)
    inject = f"inject={call}:error={error}:when={number}"
    with attached(answering.process, "-o", "/dev/null", "-e", f"trace={call}", "-e", inject):
        answer = answering.ask(event)
    return check_answer(answering, event, answer)


def check_answer(answering: Answering, event: dict[str, Any], answer: dict[str, Any]) -> str:
    """Hold an answer against the files, and ask again where it was a refusal; what happened, in a word."""
    stored, remembered = state_of(answering.settings)
    assert answering.told is not None
    if "seq" in answer:
        place = answer["seq"], answer["hash"]
        assert stored.get(event["id"]) == place, "acknowledged, and not there"
        assert remembered > place[0], "acknowledged, and not remembered"
        answering.told[event["id"]] = place
        return "recorded"
    for _ in range(_TRIES):
        again = answering.ask(event)
        if "seq" in again:
            place = again["seq"], again["hash"]
            assert again["repeated"] == (event["id"] in stored)
            assert stored.get(event["id"], place) == place
            answering.told[event["id"]] = place
            return "refused, then recorded"
    # It may stay refused, but not for the next start.
    answering.close()
    answering.start()
    again = answering.ask(event)
    assert "seq" in again, (answer, again)
    answering.told[event["id"]] = again["seq"], again["hash"]
    return "refused until the next start"


def test_any_call_may_fail_once(
    opened: Callable[[str], Answering], tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    answering = opened("product")
    counts = calls_of_an_append(answering, tmp_path / "trace")
    # Without these the trace was of another thread.
    assert min(counts[call] for call in ("pwrite64", "fdatasync", "rename", "fsync", "flock")) > 0, counts
    outcomes: Counter[str] = Counter()
    for call, times in sorted(counts.items()):
        for number in range(1, times + 1):
            for error in ERRORS if LONG else ERRORS[number % 2 :][:1]:
                outcomes[fail_once(answering, call, number, error)] += 1
    assert outcomes["refused, then recorded"] > 0, "nothing failed"
    answering.close()
    record_property("calls that failed", outcomes.total())
    record_property("outcomes", dict(outcomes))
    check_all(answering)


def test_a_write_that_ends_short_is_no_write(
    opened: Callable[[str], Answering], record_property: Callable[[str, object], None]
) -> None:
    """Files may grow only so far: the kernel then writes a part, says how much, and refuses the rest."""
    answering = opened("product")
    pid, log = answering.process.pid, answering.settings.data / "heji.db-wal"
    answering.ask(next(answering.events))
    outcomes: Counter[str] = Counter()
    for part in range(1, 30_000, 613 if LONG else 2503):
        event = next(answering.events)
        limit = log.stat().st_size + part
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        answer = answering.ask(event)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        outcomes[check_answer(answering, event, answer)] += 1
    assert outcomes["refused, then recorded"] > 0, "nothing was short"
    answering.close()
    record_property("outcomes", dict(outcomes))
    check_all(answering)


def check_all(answering: Answering) -> None:
    """Everything that was acknowledged stands where it was said to, and the ledger is whole."""
    stored, _ = state_of(answering.settings)
    told = answering.told or {}
    assert {event_id: stored.get(event_id) for event_id in told} == told
    with closing(open_service(answering.settings, Now().clock, passwords=CHEAP)) as service:
        service.start()
        check_ledger(service)


def test_a_service_that_overlooks_what_the_storage_says_is_found_out(
    opened: Callable[[str], Answering],
) -> None:
    careless = opened("careless")
    with pytest.raises(AssertionError, match="not remembered"):
        fail_once(careless, "rename", 1, "EIO")


@pytest.mark.parametrize("calls", [("fdatasync",), ("pwrite64",), ("fsync",), ("rename", "openat")], ids=str)
def test_storage_that_goes_on_failing_is_refused_until_it_is_well(
    opened: Callable[[str], Answering], calls: Sequence[str]
) -> None:
    answering = opened("product")
    answering.ask(next(answering.events))
    event = next(answering.events)
    injected = [option for call in calls for option in ("-e", f"inject={call}:error=EIO:when=1+")]
    with attached(answering.process, "-o", "/dev/null", "-e", f"trace={','.join(calls)}", *injected):
        for _ in range(5):
            assert "error" in answering.ask(event)
    again = answering.ask(event)
    assert "seq" in again, again
    assert answering.told is not None
    answering.told[event["id"]] = again["seq"], again["hash"]
    answering.close()
    check_all(answering)
