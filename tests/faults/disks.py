"""Small disks of their own, for tests that fill them or take away their writing."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def _mount(*arguments: str | Path) -> str:
    """Why it could not be done; empty where it was."""
    try:
        done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "there is no mount command"
    return "" if done.returncode == 0 else done.stderr.strip() or f"mount ended with {done.returncode}"


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[Path]:
    """A disk in memory of `size` (tmpfs' way of writing it); the test is skipped where none may be mounted."""
    place.mkdir()
    refused = "only root may mount a disk"
    if os.getuid() == 0:
        refused = _mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", place)
    if refused:
        pytest.skip(refused)
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


@contextmanager
def read_only(disk: Path) -> Iterator[None]:
    """The disk without writing, while nothing on it is open for it."""
    assert not _mount("-o", "remount,ro", disk)
    try:
        yield
    finally:
        assert not _mount("-o", "remount,rw", disk)
