"""Backups by another process at random moments among concurrent appends, kills, and every restore that may follow."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Thread

import pytest

from county import opened_county
from faults.book import Book, send_all
from faults.length import lasting
from heji_trace.proving.checkpoint import open_checkpoint
from heji_trace.proving.keys import read_signer
from heji_web.service.service import open_service
from heji_web.service.settings import read_settings
from ledger_check import check_ledger
from served import Served
from web.commands.test_backup import Terminal

pytestmark = pytest.mark.sqlite_only

APPENDS = lasting(300, 5000)
BACKUPS = lasting(3, 40)
CLIENTS = 6


def heji(folder: Path, *words: str | Path) -> subprocess.Popen[str]:
    """A command in a process of its own, as an operator's timer runs it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HEJI_")}
    return subprocess.Popen(
        [sys.executable, "-c", "from heji_web.commands.main import main; main()", *map(str, words), "--json"],
        env={**environment, "HEJI_DATA": str(folder)},
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )


def keep(folder: Path, target: Path) -> Path:
    """The head as it is at this moment, and the key: what another disk and a safe would still have."""
    (target / "head").mkdir(parents=True)
    shutil.copy2(folder / "head" / "head", target / "head" / "head")
    shutil.copy2(folder / "signing.key", target / "signing.key")
    return target


def head_size(folder: Path) -> int:
    note = (folder / "head" / "head").read_text("utf-8")
    return open_checkpoint(note, [read_signer(folder / "signing.key").verifier]).size


def test_backups_beside_appends_and_kills_hold_all_that_was_acknowledged_and_no_restore_forks(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    live = tmp_path / "live"
    with opened_county(live) as county:
        events = [county.harvesting(f"K{number}").body for number in range(APPENDS)]
        token = county.tokens["producer"]
    draw = random.Random(20261127)
    book = Book([])
    served = Served(live)
    served.start()
    made: list[tuple[int, Path]] = []
    heads: list[Path] = []
    try:
        for number in range(BACKUPS):
            before = [seq for seq, _ in book.acknowledged.values()]
            backing_up = heji(live, "backup", "create", "--to", tmp_path / f"b{number}")
            time.sleep(draw.random())
            for event in events[number::BACKUPS]:
                book.waiting.put(event)
            clients = [
                Thread(target=send_all, args=(book, served.port, token), daemon=True) for _ in range(CLIENTS)
            ]
            for client in clients:
                client.start()
            if number % 2:
                time.sleep(draw.random())
                served.kill()
                served.start()
            answered = json.loads(backing_up.communicate(timeout=300)[0])
            assert answered["ok"], answered
            # It began after these were acknowledged.
            assert max(before, default=0) < answered["size"]
            made.append((answered["size"], Path(answered["path"])))
            for client in clients:
                client.join(timeout=300)
            assert not book.refused, book.refused[0]
            heads.append(keep(live, tmp_path / f"h{number}"))
        served.stop()
    finally:
        served.close()
    assert len(book.acknowledged) == APPENDS
    renamed = restores = 0
    for size, path in made:
        for kept in heads:
            target = Terminal(Path(shutil.copytree(kept, tmp_path / f"r{restores}")))
            known = head_size(target.data)
            done = target.ask("restore", path)
            assert done["ok"], done
            assert done["continues"] is (size >= known), (size, known)
            assert done["origin"] == ("log.heji.example" if size >= known else "log.heji.example-2")
            renamed += not done["continues"]
            restores += 1
    record_property("restores, of them behind and renamed", f"{restores}, {renamed}")
    assert 0 < renamed < restores
    with closing(open_service(read_settings(target.environment))) as service:
        service.start()
        check_ledger(service)
