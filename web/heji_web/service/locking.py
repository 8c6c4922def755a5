"""The locks of a data folder and of its database: one process at a time writes to a SQLite database."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from heji_trace.errors import Misconfigured
from heji_web.service.settings import Settings


@contextmanager
def locked(settings: Settings) -> Iterator[None]:
    """Hold the locks; raises Misconfigured where another process holds one or a folder is not there.

    The operating system lets them go with the process, however that ends. A database that lies elsewhere has a lock of
    its own there: two data folders may name the same one. On PostgreSQL several processes may write, and nothing is
    locked.
    """
    with ExitStack() as held:
        if settings.database_file is not None:
            for path in settings.locks:
                held.enter_context(_held(path))
        yield


@contextmanager
def _held(path: Path) -> Iterator[None]:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Misconfigured("data-unusable", path=path.parent, reason=error.strerror) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Misconfigured("service-running", path=path.parent) from error
        yield
    finally:
        os.close(descriptor)


def check_database_file(settings: Settings) -> None:
    """Raise Misconfigured where the file of a SQLite database is not there to be read; nothing is locked."""
    file = settings.database_file
    if file is not None and not file.exists():
        raise Misconfigured("database-absent", path=file)
