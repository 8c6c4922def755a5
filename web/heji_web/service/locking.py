"""The lock of a data folder: one process at a time writes to a SQLite database."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from heji_trace.errors import Misconfigured
from heji_web.service.settings import Settings


@contextmanager
def locked(settings: Settings) -> Iterator[None]:
    """Hold the lock; raises Misconfigured where another process holds it or there is no data folder.

    The operating system lets it go with the process, however that ends. On PostgreSQL several processes may write,
    and nothing is locked.
    """
    if not settings.database_url.startswith("sqlite:"):
        yield
        return
    try:
        descriptor = os.open(settings.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Misconfigured("data-unusable", path=settings.data, reason=error.strerror) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Misconfigured("service-running", path=settings.data) from error
        yield
    finally:
        os.close(descriptor)


def check_folder(settings: Settings) -> None:
    """Raise Misconfigured, as `locked` does, where the data folder of SQLite is not to be used; nothing is locked."""
    if settings.database_url.startswith("sqlite:"):
        try:
            os.close(os.open(settings.data, os.O_RDONLY | os.O_DIRECTORY))
        except OSError as error:
            raise Misconfigured("data-unusable", path=settings.data, reason=error.strerror) from error
