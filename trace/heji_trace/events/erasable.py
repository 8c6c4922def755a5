"""Which sealed values an erasure may take, as the declarations say.

What people write in their own words goes: names, telephones, places, notes, prices, attachments, memberships. What
stock, lineage, rights, labels and warnings rest on stays: quantities, units, codes, batches, identifiers, days. Codes
contain no personal name; who a code stands for is itself a sealed name that can go. So the read tables made anew after
an erasure are the live ones, and nobody's mass balance changes because somebody asked to be forgotten.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from heji_trace.events.kinds import KINDS, parts_of
from heji_trace.events.kinds.fields import (
    Amount,
    EventBody,
    Field,
    ListOf,
    Money,
    Table,
    Temperature,
    Text,
    TextMap,
    Whole,
)


def find_field(body: Mapping[str, Any], pointer: str) -> Field | None:
    """The declaration of the value at an RFC 6901 pointer into the body of a parsed event; None where none is."""
    steps = steps_of(pointer)
    kind = KINDS[body["kind"]]
    declared: Iterable[Field] = parts_of(kind)
    place: Any = body
    if steps[:1] == ["details"]:
        steps, declared, place = steps[1:], kind.fields, body.get("details", {})
    for at, step in enumerate(steps):
        field = next((each for each in declared if each.name == step), None)
        rest = steps[at + 1 :]
        if field is None or not rest:
            return field
        if isinstance(field.type, EventBody):
            return find_field(place[step], _pointer(rest)) if step in place else None
        if not isinstance(field.type, Table) or not isinstance(field.type.columns, tuple) or len(rest) != 2:
            return None
        return next((column for column in field.type.columns if column.name == rest[1]), None)
    return None


def is_erasable(field: Field) -> bool:
    """Whether an erasure may take a sealed value of this declaration."""
    return not field.kept and _is_of_words(field.type)


def _is_of_words(kind: object) -> bool:
    match kind:
        case Text() | Money() | TextMap():
            return True
        case ListOf(item=item):
            return _is_of_words(item)
        case Table(columns=tuple() as columns):
            return not any(isinstance(column.type, Amount | Temperature | Whole) for column in columns)
        case Table():
            return True
        case _:
            return False


def steps_of(pointer: str) -> list[str]:
    """The steps of a pointer, unescaped."""
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def without(data: Any, paths: Iterable[Sequence[str]]) -> Any:
    """JSON data without the members at these paths; a path that leads nowhere is left out."""
    for *above, member in paths:
        place = data
        for step in above:
            place = _below(place, step)
        if isinstance(place, dict):
            place.pop(member, None)
    return data


def _below(place: Any, step: str) -> Any:
    if isinstance(place, dict):
        return place.get(step)
    if isinstance(place, list) and step.isdecimal() and int(step) < len(place):
        return place[int(step)]
    return None


def copied_paths(kind: str, pointers: Iterable[str]) -> Iterator[list[str]]:
    """Where values stand in the details that a read table keeps of an event; a correction keeps its replacement's."""
    for pointer in pointers:
        steps = steps_of(pointer)
        if kind == "correction" and steps[:2] == ["details", "replacement"]:
            steps = steps[2:]
        if steps[0] == "details" and len(steps) > 1:
            yield steps[1:]


def _pointer(steps: Iterable[str]) -> str:
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)
