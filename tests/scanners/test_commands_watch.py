from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import threading
from pathlib import Path

from county import County
from heji_scanners.entries import State
from heji_scanners.outbox import Outbox
from heji_trace.vocabulary.times import SYSTEM_CLOCK
from scanners.scan import Scan
from scanners.test_commands_files import harvests


class Watching:
    """`heji-scan watch` as a process, whose lines are read as they come."""

    def __init__(self, scan: Scan, folder: Path) -> None:
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "from heji_scanners.commands import main; main()",
                "watch",
                str(folder),
                "--every=0.2",
                "--json",
            ],
            env={**os.environ, **scan.environment},
            stdout=subprocess.PIPE,
            text=True,
        )
        self.told: list[dict[str, object]] = []
        self._guard = threading.Timer(60, self.process.kill)
        self._guard.start()

    def until(self, key: str) -> dict[str, object]:
        """The next line that has `key`."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.told.append(json.loads(line))
            if key in self.told[-1]:
                return self.told[-1]
        raise AssertionError(f"it ended without {key}")

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        rest, _ = self.process.communicate(timeout=30)
        self.told += map(json.loads, rest.splitlines())
        self._guard.cancel()
        return self.process.returncode


def test_what_is_dropped_into_a_watched_folder_arrives(scan: Scan, county: County) -> None:
    folder = scan.folder / "instrument"
    folder.mkdir()
    before = county.size
    watching = Watching(scan, folder)
    (folder / "采收.csv").write_bytes(harvests("LZ-1"))
    assert watching.until("file")["new"] == 1
    assert watching.until("outbox")["outbox"] == {"waiting": 0, "parked": 0, "delivered": 1, "discarded": 0}
    # A corrected file under the same name is a version of it, and the same again under another name is nothing.
    (folder / "采收-copy.csv").write_bytes(harvests("LZ-1"))
    assert watching.until("file")["known"] == 1
    (folder / "采收.csv").write_bytes(harvests("LZ-1", "LZ-2"))
    told = watching.until("file")
    assert (told["version"], told["new"], told["known"]) == (2, 1, 1)
    watching.until("outbox")
    assert watching.stop() == 0
    assert county.size == before + 2
    outbox = Outbox(scan.folder / "outbox", SYSTEM_CLOCK)
    assert outbox.counts()[State.DELIVERED] == 2
    outbox.close()
    assert {path.name for path in folder.iterdir()} == {"采收.csv", "采收-copy.csv"}


def test_trouble_while_watching_is_told_once_and_what_was_dropped_waits(alone: Scan) -> None:
    folder = alone.folder / "instrument"
    folder.mkdir()
    watching = Watching(alone, folder)
    (folder / "采收.csv").write_bytes(harvests("LZ-1"))
    assert watching.until("file")["new"] == 1
    assert watching.until("trouble")["trouble"]["code"] == "scan-server-unreachable"  # type: ignore[index]
    # The same trouble goes on and is not said again; further files are taken all the same.
    for number in (2, 3):
        (folder / f"采收{number}.csv").write_bytes(harvests(f"LZ-{number}"))
        assert watching.until("file")["new"] == 1
    assert watching.stop() == 0
    assert sum("trouble" in each for each in watching.told) == 1
    assert alone.json("outbox", "list")["outbox"]["waiting"] == 3


def test_a_full_disk_does_not_end_the_watching_and_the_file_is_taken_when_there_is_room(alone: Scan) -> None:
    folder = alone.folder / "instrument"
    folder.mkdir()
    watching = Watching(alone, folder)
    (folder / "采收.csv").write_bytes(harvests("LZ-1"))
    assert watching.until("file")["new"] == 1
    endless = resource.RLIM_INFINITY
    resource.prlimit(watching.process.pid, resource.RLIMIT_FSIZE, (4096, endless))
    (folder / "采收2.csv").write_bytes(harvests("LZ-2"))
    while watching.until("trouble")["trouble"]["code"] != "scan-outbox-unusable":  # type: ignore[index]
        continue  # there is no server either
    resource.prlimit(watching.process.pid, resource.RLIMIT_FSIZE, (endless, endless))
    assert watching.until("file")["new"] == 1
    assert watching.stop() == 0
    assert alone.json("outbox", "list")["outbox"]["waiting"] == 2


def test_a_token_that_was_replaced_is_used_without_a_new_start(scan: Scan) -> None:
    folder, token = scan.folder / "instrument", scan.folder / "token"
    folder.mkdir()
    good = token.read_text()
    token.write_text("revoked")
    watching = Watching(scan, folder)
    (folder / "采收.csv").write_bytes(harvests("LZ-1"))
    assert watching.until("trouble")["trouble"]["code"] == "scan-token-refused"  # type: ignore[index]
    token.write_text(good)
    while watching.until("outbox")["outbox"]["delivered"] != 1:  # type: ignore[index]
        continue
    assert watching.stop() == 0
