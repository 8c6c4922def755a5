"""What lies in the outbox: one event, or one instrument's file, with what became of it so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from heji_trace.proving import canonical

EVENT: Final = "event"
FILE: Final = "file"


class State(StrEnum):
    """Where an entry stands."""

    WAITING = "waiting"
    PARKED = "parked"
    DELIVERED = "delivered"
    DISCARDED = "discarded"


class Put(StrEnum):
    """What became of a draft that was put into the outbox."""

    NEW = "new"
    KNOWN = "known"
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to be sent: canonical JSON of an event, or an instrument's file as it is.

    `file` is the SHA-256 of the file it was read from, `line` its line there. With `asked`, a problem document of
    our own, the entry is parked at once; `replaces` is then the event of an earlier version of the file.
    """

    id: str
    form: str
    kind: str
    body: bytes
    file: str = ""
    line: int | None = None
    asked: Mapping[str, Any] | None = None
    replaces: str | None = None


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file that was taken: known by its content, and a version of what lies under its path.

    `rows` has for each of its events a hash of what it says, its id apart, with that id and its line.
    """

    sha256: str
    path: str
    name: str
    kind: str
    rows: Sequence[Sequence[Any]] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """A draft in the outbox, under a `number` that people can type.

    `attempts` counts how often sending began since it was put or last refused: at 0 no ledger can have it. `status`
    and `answer` are the last answer that was no receipt, `receipt` is what the server gave for it.
    """

    number: int
    id: str
    form: str
    kind: str
    body: bytes
    acknowledged: tuple[str, ...]
    replaces: str | None
    file: str
    name: str
    line: int | None
    state: State
    attempts: int
    status: int | None
    answer: Mapping[str, Any] | None
    receipt: Mapping[str, Any] | None
    put_ms: int
    settled_ms: int | None

    @property
    def event(self) -> dict[str, Any]:
        """The event as it is sent, what was confirmed included; of a file there is none."""
        event: dict[str, Any] = canonical.load(self.body)
        confirmed = [*event.get("acknowledged", ()), *self.acknowledged]
        return event | ({"acknowledged": list(dict.fromkeys(confirmed))} if confirmed else {})

    @property
    def is_unsent(self) -> bool:
        """Whether certainly no ledger has it: it was refused, given up, or never sent."""
        return self.state in (State.PARKED, State.DISCARDED) or (
            self.state == State.WAITING and not self.attempts
        )

    @property
    def questions(self) -> tuple[Mapping[str, Any], ...]:
        """What the last answer asks to be confirmed: a code, and a sentence in `zh` and `en`."""
        return tuple((self.answer or {}).get("questions", ()))


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened to an entry, and what was said about it."""

    at_ms: int
    step: str
    said: str
