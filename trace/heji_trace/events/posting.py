"""What all general doors share: an event from outside is parsed, and what only a door of its own makes is refused."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from heji_trace.errors import InvalidEvent, Problem
from heji_trace.events.event import Event
from heji_trace.events.schemas import parse_event

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


def parse_short(
    raw: object, blank: Mapping[str, Any], envelope: Collection[str], details: Collection[str]
) -> Event:
    """The event that a short statement asks for: members of envelope and details side by side, the rest from `blank`.

    Raises InvalidEvent with pointers into `raw`.
    """
    if not isinstance(raw, dict):
        raise InvalidEvent([Problem("", "not-an-object")])
    known = {*envelope, *details}
    unknown = [Problem(f"/{name}", "unknown-field", {"name": name[:60]}) for name in raw if name not in known]
    stated = {name: raw[name] for name in details if name in raw}
    event = {**blank, **{name: raw[name] for name in envelope if name in raw}}
    event["details"] = {**stated, **blank.get("details", {})}
    try:
        parsed = parse_event(event)
    except InvalidEvent as refused:
        raise InvalidEvent([*unknown, *map(_as_sent, refused.problems)]) from refused
    if unknown:
        raise InvalidEvent(unknown)
    return parsed


def _as_sent(problem: Problem) -> Problem:
    return replace(problem, pointer=problem.pointer.removeprefix("/details"))
