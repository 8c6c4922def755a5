"""Sealing: an event's body is parted into what the record shows in clear and what it only commits to.

The marks stand in the declarations of `heji_trace.events.kinds`; all that is not marked public is sealed. A sealed value is
named by the RFC 6901 pointer of an object's member, also inside arrays, never of an array's element, so that arrays
keep their length and pointers stay true when values are missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from types import MappingProxyType
from typing import Any, Final

from heji_trace.errors import InvalidEvent, Problem
from heji_trace.events.kinds import KINDS, parts_of
from heji_trace.events.kinds.fields import EventBody, Field, Table

_BY_NAME = Mapping[str, Field]


def _by_name(declared: Iterable[Field]) -> _BY_NAME:
    return MappingProxyType({field.name: field for field in declared})


_PARTS: Final[Mapping[str, _BY_NAME]] = MappingProxyType(
    {name: _by_name(parts_of(kind)) for name, kind in KINDS.items()}
)
_DETAILS: Final[Mapping[str, _BY_NAME]] = MappingProxyType(
    {name: _by_name(kind.fields) for name, kind in KINDS.items()}
)
_COLUMNS: Final[Mapping[tuple[Field, ...], _BY_NAME]] = MappingProxyType(
    {
        field.type.columns: _by_name(field.type.columns)
        for kind in KINDS.values()
        for field in (*parts_of(kind), *kind.fields)
        if isinstance(field.type, Table) and isinstance(field.type.columns, tuple)
    }
)


def seal(body: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The public body, and the sealed values by pointer, of the body of a parsed event.

    Objects whose members are all sealed stay as `{}`, so that the indexes of arrays hold.
    """
    sealed: dict[str, Any] = {}
    return _seal_event(body, "", sealed), sealed


def _seal_event(body: Mapping[str, Any], pointer: str, sealed: dict[str, Any]) -> dict[str, Any]:
    kind = body["kind"]
    parts = {name: value for name, value in body.items() if name != "details"}
    public = _seal_members(parts, _PARTS[kind], pointer, sealed)
    if "details" in body:
        public["details"] = _seal_members(body["details"], _DETAILS[kind], f"{pointer}/details", sealed)
    return public


def _seal_members(
    members: Mapping[str, Any], declared: _BY_NAME, pointer: str, sealed: dict[str, Any]
) -> dict[str, Any]:
    public: dict[str, Any] = {}
    for name, value in members.items():
        field = declared[name]
        kind, place = field.type, f"{pointer}/{name}"
        if isinstance(kind, EventBody):
            public[name] = _seal_event(value, place, sealed)
        elif not field.public or (
            field.sealed_when and members.get(field.sealed_when[0]) == field.sealed_when[1]
        ):
            sealed[place] = value
        elif isinstance(kind, Table) and isinstance(kind.columns, tuple):
            columns = _COLUMNS[kind.columns]
            public[name] = [
                _seal_members(row, columns, f"{place}/{index}", sealed) for index, row in enumerate(value)
            ]
        else:
            public[name] = value
    return public


def unseal(public_body: Mapping[str, Any], sealed: Mapping[str, Any]) -> dict[str, Any]:
    """The body with these sealed values back in their places; values that are not given are simply absent.

    Raises InvalidEvent for a pointer that leads nowhere.
    """
    body: dict[str, Any] = deepcopy(dict(public_body))
    for pointer, value in sealed.items():
        *steps, member = [_unescaped(step) for step in pointer.split("/")]
        place: Any = {"": body}
        try:
            for step in steps:
                place = place[int(step)] if isinstance(place, list) else place[step]
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise InvalidEvent([Problem(pointer, "no-such-place")]) from error
        if not steps or not isinstance(place, dict):
            raise InvalidEvent([Problem(pointer, "no-such-place")])
        place[member] = value
    return body


def _unescaped(step: str) -> str:
    return step.replace("~1", "/").replace("~0", "~")
