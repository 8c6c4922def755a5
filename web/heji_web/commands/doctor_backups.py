"""The lines of `heji doctor` about backups: whether there are any, how old they are, whether they hold."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from heji_trace.backups.backup import check_backup, find_newest
from heji_trace.errors import HejiError
from heji_web.api.health import failed
from heji_web.commands.findings import Finding, fine, notice, problem, told
from heji_web.service.backups import DAY_MS
from heji_web.service.service import Service
from heji_web.service.settings import HOUR_MS


def examine_backups(service: Service) -> Iterator[Finding]:
    """Whether there is a backup of today that holds."""
    settings = service.settings
    if settings.backup is None:
        yield notice("backups", "doctor-backups-off", "remedy-backups-off")
        return
    now_ms = service.clock.now_ms()
    if settings.backup.exists() and not os.access(settings.backup, os.W_OK | os.X_OK):
        yield problem("backups", "doctor-folder-closed", "remedy-folder-closed", path=settings.backup)
        return
    try:
        newest = find_newest(settings.backup, service.signer.name, now_ms)
    except OSError as error:
        yield _closed("backups", settings.backup, error)
        return
    if newest is None:
        yield notice("backups", "doctor-backups-none", "remedy-backups-none", folder=settings.backup)
        return
    age_ms = now_ms - newest.made_ms
    hours = age_ms // HOUR_MS
    if age_ms > 2 * DAY_MS:
        yield problem("backups", "doctor-backups-old", "remedy-backups-old", path=newest.path, hours=hours)
        return
    try:
        checked = check_backup(newest.path, service.signer.verifier, lambda _done: None)
    except HejiError as error:
        yield told("backups", failed(error), "remedy-backup-bad")
        return
    yield fine("backups", "doctor-backups-fine", path=newest.path, hours=hours, size=checked.manifest.size)


def examine_copy(service: Service) -> Iterator[Finding]:
    """Whether the newest backup lies on another machine too."""
    settings = service.settings
    copy, now_ms = settings.backup_copy, service.clock.now_ms()
    if copy is None:
        if settings.backup is not None:
            yield notice("backup-copy", "doctor-copy-none", "remedy-copy")
        return
    try:
        if not copy.is_dir():
            yield problem("backup-copy", "backup-copy-absent", "remedy-copy-old", path=copy, folder=copy)
            return
        if not os.access(copy, os.W_OK | os.X_OK):
            yield problem("backup-copy", "doctor-folder-closed", "remedy-folder-closed", path=copy)
            return
        copied = find_newest(copy, service.signer.name, now_ms)
    except OSError as error:
        yield _closed("backup-copy", copy, error)
        return
    with suppress(OSError):
        if settings.backup is None or find_newest(settings.backup, service.signer.name, now_ms) is None:
            # There is nothing yet to be copied, which is told already.
            return
    if copied is None or now_ms - copied.made_ms > 2 * DAY_MS:
        yield problem("backup-copy", "doctor-copy-old", "remedy-copy-old", folder=copy)
    elif device_of(copy) == device_of(settings.data):
        yield notice("backup-copy", "doctor-copy-same-disk", "remedy-copy", folder=copy)
    else:
        yield fine("backup-copy", "doctor-copy-fine", folder=copy)


def device_of(path: Path) -> int | None:
    """The disk on which a path lies; None where it is not to be had."""
    try:
        return path.stat().st_dev
    except OSError:
        return None


def _closed(name: str, folder: Path, error: OSError) -> Finding:
    """A folder that another account made, such as root when it wrote a backup by hand."""
    return problem(name, "doctor-folder-absent", "remedy-folder-closed", path=folder, reason=error.strerror)
