"""Whether the files that SQLite has open still lie where they were opened.

A file that was removed, or exchanged for another of its name, goes on being written to without an error, and with the
last connection it is gone: whoever was answered "recorded" meanwhile would look for it in vain.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

Identity = tuple[int, int] | None
_FILE, _FILES_BESIDE = "file", "beside"


def files_beside(path: Path) -> tuple[Path, Path]:
    """The log and its index that SQLite keeps beside a file, or beside the one that a link leads to."""
    real = path.resolve()
    return real.with_name(f"{real.name}-wal"), real.with_name(f"{real.name}-shm")


def remember_file(known: dict[Any, Any], path: Path) -> None:
    """Note in `known`, what is kept of a connection, which file it has just opened."""
    known[_FILE] = _identity(path)


def is_same_file(known: dict[Any, Any], path: Path) -> bool:
    """Whether the file under this path is the one that the connection has open."""
    return known.get(_FILE) == _identity(path)


def remember_beside(known: dict[Any, Any], path: Path) -> None:
    """Note, once the connection has written, which log and which index beside the file are its own."""
    if _FILES_BESIDE not in known:
        known[_FILES_BESIDE] = [(each, _identity(each)) for each in files_beside(path)]


def is_same_beside(known: dict[Any, Any]) -> bool:
    """Whether those still lie there; so it is taken where the connection has not written yet."""
    return all(_identity(each) == found for each, found in known.get(_FILES_BESIDE, ()))


def _identity(path: Path) -> Identity:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
