"""The lines of `heji doctor` about folders and files: whether they are there, whose they are, and how much room is left."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from heji_trace.store.db import LOG_LIMIT
from heji_trace.store.whereabouts import files_beside
from heji_web.commands.findings import Finding, fine, notice, problem
from heji_web.service.settings import Settings

# A database wants room for what is recorded; the head is one note, and may lie on the smallest stick.
_LEAST_FREE, _LITTLE_FREE = 200 * 2**20, 2 * 2**30
_HEAD_LEAST, _HEAD_LITTLE = 2**20, 8 * 2**20
_GIB = 2**30


def examine_folders(settings: Settings) -> Iterator[Finding]:
    """The folders of the data, the database and the head, and the files in them."""
    file = settings.database_file
    folders = {"folder-data": settings.data, "folder-head": settings.head}
    if file is not None and file.parent != settings.data:
        folders["folder-database"] = file.parent
    for name, path in folders.items():
        yield _folder(name, path)
    yield from _owners(settings)


def _folder(name: str, path: Path) -> Finding:
    """The database holds password hashes and every sealed value: it is nobody else's to read."""
    try:
        mode = path.stat().st_mode
        is_fixed = bool(os.statvfs(path).f_flag & os.ST_RDONLY)
    except OSError as error:
        return problem(name, "doctor-folder-absent", "remedy-folder-absent", path=path, reason=error.strerror)
    shown = f"{stat.S_IMODE(mode):04o}"
    # A head may be seen by all, it is published; whoever could exchange it could hide what was cut off.
    if name == "folder-head" and mode & 0o002:
        return problem(name, "doctor-head-open", "remedy-folder-open", path=path, mode=shown)
    if name != "folder-head" and mode & 0o007:
        return problem(name, "doctor-folder-open", "remedy-folder-open", path=path, mode=shown)
    if is_fixed:
        return problem(name, "doctor-folder-fixed", "remedy-folder-fixed", path=path)
    if not os.access(path, os.W_OK | os.X_OK):
        return problem(name, "doctor-folder-closed", "remedy-folder-closed", path=path)
    return fine(name, "doctor-head-folder-fine" if name == "folder-head" else "doctor-folder-fine", path=path)


def _owners(settings: Settings) -> Iterator[Finding]:
    """What root made in a folder of the service's account, the service cannot open; root itself does not notice."""
    with suppress(OSError):
        owner = settings.data.stat().st_uid
        for path in _files(settings):
            with suppress(FileNotFoundError):
                if not _may_write(path.stat(), owner):
                    yield problem(
                        "files", "doctor-file-foreign", "remedy-file-foreign", path=path, folder=settings.data
                    )
                    return
        yield fine("files", "doctor-files-fine")


def _files(settings: Settings) -> Iterator[Path]:
    """What the service writes and reads back, as far as it is there: the key, locks, database, head and backups."""
    yield from (settings.key, *settings.locks, settings.head)
    file = settings.database_file
    if file is not None:
        yield from (file, *files_beside(file))
    yield from sorted((*settings.head.glob("head*"), *settings.head.glob("erasures*")))
    if settings.backup is not None and settings.backup.exists():
        yield settings.backup
        yield from sorted((*settings.backup.glob("*.heji.zip"), settings.backup / ".lock"))


def _may_write(of: os.stat_result, owner: int) -> bool:
    """Whether the account may write, as far as owner and mode tell; a group's right is taken to be its own."""
    return owner in (0, of.st_uid) or bool(of.st_mode & (stat.S_IWGRP | stat.S_IWOTH))


def examine_space(settings: Settings) -> Iterator[Finding]:
    """How much room is left on each disk."""
    folders = {
        "space-data": settings.data,
        "space-head": settings.head,
        "space-backup": settings.backup,
        "space-copy": settings.backup_copy,
    }
    for name, path in folders.items():
        near = next((each for each in (path, *path.parents) if each.exists()), None) if path else None
        # The space of the disk on which a drive that is away would lie says nothing of it.
        if path is None or near is None or (name == "space-copy" and near != path):
            continue
        free = shutil.disk_usage(near).free
        said = f"{free / _GIB:.1f} GiB" if free >= _GIB else f"{free / 2**20:.1f} MiB"
        least, little = (_HEAD_LEAST, _HEAD_LITTLE) if name == "space-head" else (_LEAST_FREE, _LITTLE_FREE)
        if free < least:
            yield problem(name, "doctor-space", "remedy-space", path=path, free=said)
        elif free < little:
            yield notice(name, "doctor-space", "remedy-space", path=path, free=said)
        else:
            yield fine(name, "doctor-space", path=path, free=said)
    yield from _log(settings)


def _log(settings: Settings) -> Iterator[Finding]:
    """SQLite's log, which grows without end while somebody reads what the database once was."""
    file = settings.database_file
    log = None if file is None else files_beside(file)[0]
    if log is not None and log.exists() and log.stat().st_size > 2 * LOG_LIMIT:
        size = f"{log.stat().st_size / 2**20:.0f} MiB"
        yield notice("log", "doctor-log-long", "remedy-log-long", path=log, size=size)
