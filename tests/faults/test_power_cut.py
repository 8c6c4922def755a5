"""Power cut: whatever was acknowledged is there when the lights come on again, at whatever moment they went out.

The calls by which SQLite and the head file reach the disk are recorded once; then the disk is put together as it may
be after a cut at any of them, and the product starts on it.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from sqlalchemy import select

from county import opened_county
from faults import appending
from faults.length import lasting
from faults.power import MODES, Disk
from faults.recorded import Step, record
from heji_trace.errors import HejiError
from heji_trace.ledger.head import HeadFile, check_start
from heji_trace.ledger.verify import verify
from heji_trace.proving.keys import read_signer
from heji_trace.proving.merkle import leaf_hash
from heji_trace.store import tables
from heji_trace.store.db import Store
from heji_web.service.service import open_service
from heji_web.service.settings import read_settings
from ledger_check import check_ledger
from web.doors import CHEAP, Now

APPENDS = lasting(40, 200)
SHARDS = lasting(2, 16)
IMAGES = lasting(1000, 100_000)
CONTROL_IMAGES = 200
_WHOLE_EVERY = 100


@dataclass(frozen=True)
class Recording:
    """What a run of the recorder did to a folder that was `before`, and to its book of receipts."""

    before: Disk
    steps: list[Step]
    folder: Path
    book: Path


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder for images in memory, where the system has one: syncing them proves nothing more."""
    shared = Path("/dev/shm")
    with TemporaryDirectory(dir=shared if shared.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Recording]:
    """Recordings of the product, and of its weakened variants."""
    return lambda variant: run(tmp_path_factory.mktemp(variant), variant)


def run(place: Path, variant: str) -> Recording:
    folder, book = place / "data", place / "book"
    with opened_county(folder) as county:
        events = [county.harvesting(f"P{number}").body for number in range(APPENDS)]
        author = county.authors["producer"]
    given: dict[str, Any] = {"account": author.account, "organisation": author.organisation}
    given |= {"roles": sorted(author.roles), "events": events}
    statements = place / "statements.json"
    statements.write_text(json.dumps(given), "utf-8")
    before = Disk(folder)
    steps = record(
        [sys.executable, Path(appending.__file__), folder, statements, book, variant], place, place / "trace"
    )
    assert sum(step.path == str(book) and step.call == "write" for step in steps) == APPENDS
    return Recording(before, steps, folder, book)


@dataclass
class Outcome:
    """How many images were tried, and what was wrong with those that were."""

    images: int
    distinct: int
    bad: Counter[str]

    def told(self) -> str:
        """The three numbers, as they stand in the table of results."""
        return f"{self.images}, {self.distinct}, {sum(self.bad.values())}"


def cut(recording: Recording, images: int, seed: int, place: Path) -> Outcome:
    """Cut the power `images` times at random moments of the recording, and start on what is left."""
    random = Random(seed)
    moments = Counter(random.randrange(len(recording.steps) + 1) for _ in range(images))
    disk, told = recording.before, ""
    bad: Counter[str] = Counter()
    # Equal images after equal receipts end equally; the same disk need not be started on twice.
    known: dict[bytes, str | None] = {}
    for moment in range(len(recording.steps) + 1):
        for _ in range(moments[moment]):
            image = disk.image(random.choice(MODES), random)
            same = digest(image, told)
            if same not in known:
                lay(image, recording.folder, place)
                known[same] = fault_of(place, told, whole=len(known) % _WHOLE_EVERY == 0)
            fault = known[same]
            if fault is not None:
                bad[fault] += 1
        if moment < len(recording.steps):
            step = recording.steps[moment]
            if step.path == str(recording.book):
                told += step.data.decode()
            elif Path(step.path).is_relative_to(recording.folder) and not step.path.endswith("-shm"):
                disk.take(step)
    return Outcome(images, len(known), bad)


def digest(image: Mapping[str, bytes], told: str) -> bytes:
    whole = sha256(told.encode())
    for path, data in sorted(image.items()):
        whole.update(f"{path} {len(data)}".encode())
        whole.update(data)
    return whole.digest()


def lay(image: Mapping[str, bytes], origin: Path, folder: Path) -> None:
    """Put an image's files into `folder`, and nothing else."""
    wanted = {folder / Path(path).relative_to(origin): data for path, data in image.items()}
    for path in folder.rglob("*"):
        if path.is_file() and path not in wanted:
            path.unlink()
    for path, data in wanted.items():
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        path.chmod(0o600)


def fault_of(folder: Path, told: str, *, whole: bool) -> str | None:
    """What is wrong when the product starts on a folder, given the receipts that were told before the cut."""
    settings = read_settings({"HEJI_DATA": str(folder)})
    signer = read_signer(settings.key)
    head = HeadFile(settings.head, signer.verifier)
    receipts = {line.split()[0]: (int(line.split()[1]), line.split()[2]) for line in told.splitlines()}
    with closing(Store(settings.database_url)) as store:
        try:
            remembered = head.read()
            if remembered is None or any(remembered.size <= seq for seq, _ in receipts.values()):
                return "acknowledged beyond the remembered head"
            with store.read() as connection:
                standing = check_start(connection, head, signer.verifier)
                if standing.fault is not None:
                    return standing.fault.code
                rows = connection.execute(
                    select(tables.entries.c.event_id, tables.entries.c.seq, tables.entries.c.entry)
                )
                stored = {row.event_id: (row.seq, leaf_hash(row.entry).hex()) for row in rows}
            if any(stored.get(event_id) != place for event_id, place in receipts.items()):
                return "acknowledged entry lost"
            with store.read() as connection:
                report = verify(connection, signer.verifier, head, progress=lambda _done: None)
        except HejiError as error:
            return error.code
    if report.faults:
        return report.faults[0].kind
    if whole:
        with closing(open_service(settings, Now().clock, passwords=CHEAP)) as service:
            service.start()
            check_ledger(service)
    return None


@pytest.mark.parametrize("shard", range(SHARDS))
def test_no_power_cut_loses_an_acknowledged_entry(
    recorded: Callable[[str], Recording],
    shard: int,
    memory: Path,
    record_property: Callable[[str, object], None],
) -> None:
    outcome = cut(recorded("product"), IMAGES // SHARDS, shard, memory)
    record_property("images, distinct, bad", outcome.told())
    assert not outcome.bad, outcome.bad


@pytest.mark.parametrize("variant", ["normal", "no-head-sync", "early"])
def test_a_writer_that_does_not_wait_for_the_disk_is_found_out(
    recorded: Callable[[str], Recording],
    variant: str,
    memory: Path,
    record_property: Callable[[str, object], None],
) -> None:
    outcome = cut(recorded(variant), CONTROL_IMAGES, 0, memory)
    record_property("images, distinct, bad", outcome.told())
    assert outcome.bad, "the images do not show what a cut does"
