"""kill -9 of `heji-scan` at any of its steps: what was stated in the field is neither lost nor doubled.

The process counts each statement on its outbox and each step of each request, and kills itself at the one that the
test names, so that over the test every gap between two steps is a place where the power went out.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from county import opened_county
from faults.length import lasting
from faults.test_delivery import Site, arrived
from heji_scanners.entries import State
from heji_scanners.outbox import Outbox
from heji_trace.vocabulary.times import SYSTEM_CLOCK
from served import Served
from web.sent_files import HARVEST_HEADINGS, csv_file, harvest_rows

ROWS = 2
# More than a process has that finds an empty outbox.
STEPS = 90
KILLS_EVERY = lasting(11, 1)
DONE = 0

DYING = """
import http.client, os, signal, sqlite3, sys
left = int(sys.argv.pop(1))
def step(*_):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
connected, requested, answered = sqlite3.connect, http.client.HTTPConnection.request, http.client.HTTPConnection.getresponse
def connect(*arguments, **options):
    db = connected(*arguments, **options)
    db.set_trace_callback(step)
    return db
def request(*arguments, **options):
    step()
    requested(*arguments, **options)
    step()
def getresponse(*arguments):
    answer = answered(*arguments)
    step()
    return answer
sqlite3.connect, http.client.HTTPConnection.request, http.client.HTTPConnection.getresponse = connect, request, getresponse
from heji_scanners.commands import main
main()
"""
# What a client without stable ids does: each row under a new one, and after a crash from the start.
FORGETFUL = """
import json, os, signal, sys
from uuid import uuid4
from served import Caller
from heji_scanners.files import read_file
port, token, path, most = int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
caller = Caller(port, token)
with open(path, "rb") as file:
    stated = read_file(file.read(), path, None, "fg-litchi-coop").statements
for done, each in enumerate(stated):
    if done == most:
        os.kill(os.getpid(), signal.SIGKILL)
    caller.post("/api/v1/events", {**json.loads(each.body), "id": str(uuid4())})
"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    folder = tmp_path / "county"
    folder.mkdir()
    with opened_county(folder) as county:
        site = Site(folder, Served(folder), county.tokens["producer"], [], county.size)
    site.served.start()
    yield site
    site.served.close()


@pytest.fixture
def environment(site: Site, tmp_path: Path) -> dict[str, str]:
    token = tmp_path / "token"
    token.write_text(site.token)
    token.chmod(0o600)
    return {
        # Measured by coverage, it would count the statements on coverage's own database among its steps.
        **{name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")},
        "HEJI_SCAN_SERVER": f"http://127.0.0.1:{site.served.port}",
        "HEJI_SCAN_TOKEN": str(token),
        "HEJI_SCAN_OUTBOX": str(tmp_path / "outbox"),
        "HEJI_SCAN_ORGANISATION": "fg-litchi-coop",
    }


def harvest_file(folder: Path, number: int) -> Path:
    path = folder / f"采收-{number}.csv"
    path.write_bytes(csv_file(HARVEST_HEADINGS, harvest_rows(*(f"KL-{number}-{row}" for row in range(ROWS)))))
    return path


def scanning(environment: dict[str, str], kill_at: int, *arguments: str | Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", DYING, str(kill_at), *map(str, arguments)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def ended(process: subprocess.Popen[bytes]) -> int:
    _, said = process.communicate(timeout=60)
    assert process.returncode in (DONE, -signal.SIGKILL), said.decode()
    return process.returncode


def test_no_kill_loses_or_doubles(site: Site, environment: dict[str, str], tmp_path: Path) -> None:
    steps = range(1, STEPS, KILLS_EVERY)
    files = [harvest_file(tmp_path, step) for step in steps]
    ends = []
    for step, file in zip(steps, files, strict=True):
        ends.append(ended(scanning(environment, step, "send", file)))
        if step % 2:
            # What the next process finds; every other time it dies as well, over what two have left behind.
            assert ended(scanning(environment, 0, "send")) == DONE
    assert ends[0] == -signal.SIGKILL
    assert ends[-1] == DONE, "more steps than were tried"
    # Two at once on the same outbox, each with all that there is, and both are let to end.
    last = [scanning(environment, 0, "send", *files) for _ in range(2)]
    assert [ended(each) for each in last] == [DONE, DONE]
    with closing(Outbox(tmp_path / "outbox", SYSTEM_CLOCK)) as outbox:
        assert outbox.counts()[State.DELIVERED] == sum(outbox.counts().values()) == ROWS * len(files)
        kept = {each.id for each in outbox.list_entries()}
    found = arrived(site)
    assert len(found) == ROWS * len(files)
    assert {event["id"] for event in found} == kept
    expected = {f"KL-{step}-{row}" for step in steps for row in range(ROWS)}
    assert {event["outputs"][0]["batch"] for event in found} == expected


def test_control_a_client_without_stable_ids_doubles_after_a_kill(site: Site, tmp_path: Path) -> None:
    path = tmp_path / "农事.csv"
    headings = ("时间", "生产周期", "操作", "备注")
    path.write_bytes(
        csv_file(
            headings, [("2026-05-28 08:00", "2026-litchi-031", "除草", f"第{row}垄") for row in range(ROWS)]
        )
    )
    for most in (2, ROWS + 1):
        command = [sys.executable, "-c", FORGETFUL, str(site.served.port), site.token, str(path), str(most)]
        # A program of its own finds the tests' modules where this one does.
        there = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        subprocess.run(command, check=False, timeout=60, env=there)
    said = [event["note"] for event in arrived(site)]
    assert len(set(said)) == ROWS
    assert len(said) == ROWS + 2
