"""What all general doors share: an event from outside is parsed, and what only a door of its own makes is refused."""

from __future__ import annotations

from heji_trace.errors import InvalidEvent, Problem
from heji_trace.event import Event
from heji_trace.schemas import parse_event

_OWN_DOOR = frozenset({"label_issue", "log_gap"})


def parse_posted(raw: object) -> Event:
    """The event that a program or a file states; raises InvalidEvent, for a kind that has its own door too."""
    event = parse_event(raw)
    check_posted(event)
    return event


def check_posted(event: Event) -> None:
    """Raise InvalidEvent for a kind that only its own door makes, inside a correction as well.

    A trace code that somebody chose himself would be guessable; a gap in the log is stated by the restore alone.
    """
    problems = (
        [Problem("/kind", "kind-has-its-own-door", {"kind": event.kind})] if event.kind in _OWN_DOOR else []
    )
    replacement = event.details.get("replacement") if event.kind == "correction" else None
    if replacement and replacement["kind"] in _OWN_DOOR:
        names: dict[str, object] = {"kind": replacement["kind"]}
        problems.append(Problem("/details/replacement/kind", "kind-has-its-own-door", names))
    if problems:
        raise InvalidEvent(problems)
