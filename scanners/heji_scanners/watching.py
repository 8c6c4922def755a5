"""Watching a folder into which an instrument drops its files; they are read and left where they are."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from heji_scanners.files import SUFFIXES

# A line that is being written has no end yet, and a number cut short is a number too.
_LINES: Final = frozenset({".csv", ".txt", ".ndjson", ".jsonl"})
_LOOKS: Final = 2
_LOOKS_WITHOUT_END: Final = 6


class _Look(NamedTuple):
    size: int
    changed_ns: int


class Watcher:
    """Finds files in `folder` that are new or changed and no longer being written.

    `is_there` is false while the folder is not: a stick was pulled, a share is away.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: dict[Path, _Look] = {}
        self._looks: dict[Path, int] = {}
        self._given: dict[Path, _Look] = {}
        self.is_there = True

    def look(self) -> list[Path]:
        """The files that stand as they stood at the look before, each once until it changes, oldest first.

        One whose last line has no end must have stood so for longer.
        """
        try:
            now = dict(self._files())
        except OSError:
            self.is_there = False
            return []
        self.is_there = True
        self._looks = {
            path: self._looks.get(path, 1) + 1 if self._seen.get(path) == look else 1
            for path, look in now.items()
        }
        self._seen = now
        settled = [
            path
            for path, look in now.items()
            if look.size
            and self._given.get(path) != look
            and self._looks[path] >= _LOOKS
            and (self._looks[path] >= _LOOKS_WITHOUT_END or _has_end(path))
        ]
        self._given |= {path: now[path] for path in settled}
        return sorted(settled, key=lambda path: (now[path].changed_ns, path.name))

    def give_again(self, path: Path) -> None:
        """Give a file at the next look too: it could not be read, as when an instrument holds it open."""
        self._given.pop(path, None)

    def _files(self) -> Iterator[tuple[Path, _Look]]:
        for path in self._folder.iterdir():
            # ~$ is what spreadsheet programs lay beside an open file.
            if path.suffix.lower() not in SUFFIXES or path.name.startswith((".", "~$")):
                continue
            try:
                if path.is_file():
                    found = path.stat()
                    yield path, _Look(found.st_size, found.st_mtime_ns)
            except FileNotFoundError:
                # Taken away since the folder was listed: the next look will not list it.
                continue


def _has_end(path: Path) -> bool:
    """Whether the last line of a file of lines is a whole one; of others their form tells when they are read."""
    if path.suffix.lower() not in _LINES:
        return True
    try:
        with path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            # In UTF-16, which instruments write too, a zero stands behind the end of the line.
            return file.read(1) in (b"\n", b"\r", b"\0")
    except OSError:
        # What is the matter with it is told by whoever reads it.
        return True
