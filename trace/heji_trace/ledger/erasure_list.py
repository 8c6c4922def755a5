"""The list of erasures, kept durably beside the remembered head: a backup restored later must erase again.

It holds event ids, pointers, the ground and the code of the organisation that answers for the erasure, never a value.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from heji_trace.errors import InvalidEvent, Misconfigured
from heji_trace.events.event import Event
from heji_trace.ledger.head import locked_folder, replace_durably
from heji_trace.proving import canonical

Values = tuple[tuple[str, tuple[str, ...]], ...]
"""Event ids, each with the pointers of its values."""

FILE_NAME: Final = "erasures"


@dataclass(frozen=True, slots=True)
class Listed:
    """An erasure by its event id; `swept` once the storage was cleared of what it took."""

    erasure: str
    organisation: str
    ground: str
    values: Values
    swept: bool = False


def listed_of(event: Event) -> Listed:
    """An erasure as it is listed."""
    return Listed(event.id, event.organisation, event.details["ground"], values_of(event))


def values_of(event: Event) -> Values:
    """What an erasure names."""
    return tuple((part["event"], tuple(part["pointers"])) for part in event.details["values"])


class ErasureList:
    """The file `erasures` in the folder of the remembered head, one erasure a line."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME

    def read(self) -> list[Listed]:
        """All erasures, the oldest first; raises Misconfigured for a file that is not such a list."""
        try:
            lines = self._path.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise Misconfigured("erasure-list-unreadable", path=self._path) from error
        try:
            return [_parse(canonical.load(line)) for line in lines]
        except (InvalidEvent, KeyError, TypeError) as error:
            raise Misconfigured("erasure-list-unreadable", path=self._path) from error

    def add(self, new: Iterable[Listed]) -> None:
        """Remember these too, durably; those that are listed already are left alone."""
        self._change(lambda listed: [*listed, *(each for each in new if each.erasure not in _ids(listed))])

    def mark_swept(self, erasures: Iterable[str]) -> None:
        """Remember that the storage was cleared of what these took."""
        done = set(erasures)
        self._change(
            lambda listed: [replace(each, swept=each.swept or each.erasure in done) for each in listed]
        )

    def _change(self, change: Any) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with locked_folder(self._path.parent) as sync:
            before = self.read()
            after = change(before)
            if after != before:
                replace_durably(self._path, b"".join(_dump(each) + b"\n" for each in after))
            sync()


def _ids(listed: Iterable[Listed]) -> set[str]:
    return {each.erasure for each in listed}


def _dump(listed: Listed) -> bytes:
    return canonical.dump(
        {
            "erasure": listed.erasure,
            "ground": listed.ground,
            "organisation": listed.organisation,
            "swept": listed.swept,
            "values": [{"event": event, "pointers": list(pointers)} for event, pointers in listed.values],
        }
    )


def _parse(raw: Any) -> Listed:
    values = tuple((part["event"], tuple(part["pointers"])) for part in raw["values"])
    return Listed(raw["erasure"], raw["organisation"], raw["ground"], values, raw["swept"])
