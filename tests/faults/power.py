"""A model of a disk that loses power: what was synced stays, of the rest anything may be there, also in part.

Pessimistic where file systems differ: a new, renamed or removed name lasts when its folder was synced, not before;
writes that were not synced may be kept in any selection, and each of them sector by sector.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from random import Random
from typing import Literal

from faults.recorded import Step

Mode = Literal["all", "synced", "some", "torn-512", "torn-4096"]
MODES: tuple[Mode, ...] = ("all", "synced", "some", "torn-512", "torn-4096")


@dataclass(slots=True)
class _File:
    durable: bytearray
    # Since the last sync: data at an offset, or None and the size it was cut or lengthened to.
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)
    size: int = 0


class Disk:
    """Files below one folder, as they are and as they would be after a power cut."""

    def __init__(self, folder: Path) -> None:
        self._files: dict[int, _File] = {}
        self._names: dict[str, int] = {}
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                self._names[str(path)] = self._make(path.read_bytes())
        self._durable_names = dict(self._names)
        self._pending_names: defaultdict[str, list[dict[str, int | None]]] = defaultdict(list)

    def take(self, step: Step) -> None:
        """Let one recorded call happen."""
        match step.call:
            case "create" | "truncate":
                if step.path not in self._names:
                    self._rename({step.path: self._make(b"")})
                elif step.call == "truncate":
                    self._resize(self._of(step.path), 0)
            case "write":
                file = self._of(step.path)
                offset = file.size if step.offset is None else step.offset
                file.pending.append((offset, step.data))
                file.size = max(file.size, offset + len(step.data))
            case "resize":
                self._resize(self._of(step.path), step.offset or 0)
            case "sync" if step.path in self._names:
                file = self._of(step.path)
                for change in file.pending:
                    _apply(file.durable, *change)
                file.pending.clear()
            case "sync":
                for names in self._pending_names.pop(step.path, []):
                    _enter(self._durable_names, names)
            case "rename":
                self._rename({step.path: None, step.to: self._names[step.path]})
            case "unlink":
                self._rename({step.path: None})
            case _:
                raise NotImplementedError(step.call)

    def image(self, mode: Mode, random: Random) -> dict[str, bytes]:
        """What the files may hold if the power went now."""
        names = dict(self._durable_names)
        for waiting in self._pending_names.values():
            kept = {"all": len(waiting), "synced": 0}.get(mode, random.randint(0, len(waiting)))
            for change in waiting[:kept]:
                _enter(names, change)
        return {path: bytes(self._content(self._files[inode], mode, random)) for path, inode in names.items()}

    def _content(self, file: _File, mode: Mode, random: Random) -> bytearray:
        data = bytearray(file.durable)
        if mode == "synced":
            return data
        for change in _kept(file.pending, mode, random):
            _apply(data, *change)
        return data

    def _make(self, data: bytes) -> int:
        inode = len(self._files)
        self._files[inode] = _File(bytearray(data), size=len(data))
        return inode

    def _of(self, path: str) -> _File:
        return self._files[self._names[path]]

    def _resize(self, file: _File, size: int) -> None:
        file.pending.append((size, None))
        file.size = size

    def _rename(self, names: dict[str, int | None]) -> None:
        _enter(self._names, names)
        self._pending_names[str(PurePosixPath(next(iter(names))).parent)].append(names)


def _enter(names: dict[str, int], changes: dict[str, int | None]) -> None:
    for path, inode in changes.items():
        if inode is None:
            names.pop(path, None)
        else:
            names[path] = inode


def _kept(
    pending: Sequence[tuple[int, bytes | None]], mode: Mode, random: Random
) -> Iterator[tuple[int, bytes | None]]:
    if mode == "all":
        yield from pending
        return
    # Few of many, about half, or nearly all: each has found faults that the others had not.
    chance = random.choice((0.1, 0.5, 0.9))
    for offset, data in pending:
        if data is None or mode == "some":
            if random.random() < chance:
                yield offset, data
            continue
        sector = 512 if mode == "torn-512" else 4096
        start = 0
        while start < len(data):
            # Sectors of the disk, not of the write.
            end = min(len(data), start + sector - (offset + start) % sector)
            if random.random() < chance:
                yield offset + start, data[start:end]
            start = end


def _apply(data: bytearray, offset: int, change: bytes | None) -> None:
    end = offset if change is None else offset + len(change)
    if len(data) < end:
        data.extend(bytes(end - len(data)))
    if change is None:
        del data[offset:]
    else:
        data[offset:end] = change
