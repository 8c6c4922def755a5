"""Daily backups: a thread of the serving process that writes one whenever the newest is a day old."""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from heji_migrations import upgrade
from heji_trace.backups.backup import Checked, copy_backup, find_newest, prune_backups, write_backup
from heji_trace.errors import HejiError, Misconfigured
from heji_trace.proving.keys import Signer
from heji_trace.recording.recorder import Recorder
from heji_trace.store.db import Store
from heji_trace.vocabulary.times import Clock
from heji_web.service.settings import HOUR_MS, Settings

DAY_MS = 24 * HOUR_MS

_FIRST_SECONDS = 60
_LOOK_SECONDS = 600

_log = logging.getLogger("heji.backups")


class DailyBackups:
    """Writes the backups of one service; `fault` is why the last attempt failed, None when it did not."""

    def __init__(
        self, settings: Settings, store: Store, signer: Signer, recorder: Recorder, clock: Clock
    ) -> None:
        self._settings = settings
        self._store = store
        self._signer = signer
        self._recorder = recorder
        self._clock = clock
        self._stopping = Event()
        self._thread = Thread(target=self._work, name="backups", daemon=True)
        self.fault: HejiError | None = None

    def start(self) -> None:
        """Look from now on, unless the settings say that there are to be none."""
        if self._settings.backup is not None:
            self._thread.start()

    def stop(self) -> None:
        """Look no more; a backup that is being written is finished first."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def age_ms(self, folder: Path) -> int | None:
        """How long ago the newest backup of this log in a folder was made, or None where there is none."""
        now_ms = self._clock.now_ms()
        newest = find_newest(folder, self._signer.name, now_ms)
        return None if newest is None else now_ms - newest.made_ms

    def back_up_when_due(self) -> Checked | None:
        """Write a backup if the newest is a day old, and copy the newest where the copy has yet to be made.

        In both folders those beyond their number are deleted. Raises what the ledger's fault is, where it has one: a
        backup of it must not take a good one's place.
        """
        folder = self._settings.backup
        if folder is None:
            return None
        with _only_one(folder) as mine:
            if not mine:
                return None
            age = self.age_ms(folder)
            made = self._write(folder) if age is None or age >= DAY_MS else None
            self._copy_newest(folder)
            self.fault = None
        return made

    def _write(self, folder: Path) -> Checked:
        if self._recorder.fault is not None:
            raise self._recorder.fault.with_traceback(None)
        with self._store.read() as connection:
            made = write_backup(
                connection,
                self._signer,
                folder,
                revision=upgrade.head(),
                now_ms=self._clock.now_ms(),
                progress=_unwatched,
            )
        self._prune(folder)
        return made

    def _copy_newest(self, folder: Path) -> None:
        copies = self._settings.backup_copy
        if copies is None:
            return
        # Made here, it would stand on this machine's own disk while the network drive is away.
        if not copies.is_dir():
            raise Misconfigured("backup-copy-absent", path=copies)
        newest = find_newest(folder, self._signer.name, self._clock.now_ms())
        if newest is not None and not (copies / newest.path.name).exists():
            copy_backup(newest.path, self._signer.verifier, copies, _unwatched)
            self._prune(copies)

    def _prune(self, folder: Path) -> None:
        prune_backups(folder, self._signer.name, self._settings.backup_keep, self._clock.now_ms())

    def _work(self) -> None:
        wait = _FIRST_SECONDS
        while not self._stopping.wait(wait):
            wait = _LOOK_SECONDS
            try:
                made = self.back_up_when_due()
            except HejiError as error:
                self.fault = error
                _log.error("no backup: %s", error.code)
                continue
            except Exception:  # noqa: BLE001 - the thread must live: tomorrow's backup may be possible
                self.fault = Misconfigured("backup-failed")
                _log.exception("no backup")
                continue
            if made is not None:
                _log.info("backup written", extra={"facts": {"size": made.manifest.size}})


def _unwatched(_done: int) -> None:
    """Nobody watches."""


@contextmanager
def _only_one(folder: Path) -> Iterator[bool]:
    """Whether this process may write the backup: of several on one database one is enough."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Misconfigured("backup-unwritable", path=folder, reason=error.strerror) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(descriptor)
