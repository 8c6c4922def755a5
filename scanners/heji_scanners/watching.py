"""Watching a folder into which an instrument drops its files; they are read and left where they are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from heji_scanners.files import SUFFIXES


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
        self._given: dict[Path, _Look] = {}
        self.is_there = True

    def look(self) -> list[Path]:
        """The files that stand as they stood at the look before, each once until it changes, oldest first."""
        try:
            now = dict(self._files())
        except OSError:
            self.is_there = False
            return []
        self.is_there = True
        settled = [
            path
            for path, look in now.items()
            if look.size and self._seen.get(path) == look and self._given.get(path) != look
        ]
        self._seen = now
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
