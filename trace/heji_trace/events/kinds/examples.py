"""An example event of each kind, made of the examples that its declaration gives."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from heji_trace.events.kinds import KINDS, Kind, parts_of
from heji_trace.events.kinds.envelope import PERMITTED
from heji_trace.events.kinds.fields import EventBody, Field, Table

_ID = "0197636e-95c0-7c3a-9d51-3f6a1c0e2b11"
_REPLACEMENT_ID = "0197636e-95c0-7c3a-9d51-3f6a1c0e2b12"


def example_event(kind: Kind, language: str = "zh") -> dict[str, Any]:
    """A whole event of `kind` that `parse_event` accepts, its free texts in `language` ("zh" or "en")."""
    shown = [part for part in parts_of(kind) if part.name not in PERMITTED]
    event = _members(shown, language) | {"id": _ID, "kind": kind.name}
    event |= {name: plain(value) for name, value in kind.sample.items()}
    return event | {"details": _members(kind.fields, language)}


def example_of(field: Field, language: str) -> object:
    """The example of one field as a JSON value, or None where the declaration gives none."""
    match field.type:
        case Table(columns=tuple() as columns):
            return [_members(columns, language)]
        case EventBody():
            return example_event(KINDS["harvest"], language) | {"id": _REPLACEMENT_ID}
        case _:
            said = field.example if language == "zh" or field.example_en is None else field.example_en
            return plain(said)


def plain(value: Any) -> Any:
    """The JSON value of a declaration's value: lists for tuples."""
    if isinstance(value, tuple):
        return [plain(each) for each in value]
    return dict(value) if isinstance(value, dict) else value


def _members(fields: Iterable[Field], language: str) -> dict[str, Any]:
    return {field.name: value for field in fields if (value := example_of(field, language)) is not None}
