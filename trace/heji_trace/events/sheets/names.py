"""Names that people write where a code is asked for: those of the organisations, products and sites they are offered."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from heji_trace.errors import Problem
from heji_trace.events.kinds import Kind
from heji_trace.events.kinds import fields as types
from heji_trace.events.sheets.cells import folded
from heji_trace.events.sheets.columns import Column, columns_of

Known = Mapping[str, Mapping[str, str]]
"""Codes by folded name, by the dotted place of the value: `moves.to_organisation`."""
KnownOf = Callable[[Kind], Known]

NAMED: Final = frozenset({"organisation", "product", "site"})
# Where a thing gets its code, no name of another is meant.
_OWN_CODES: Final = (("details", "code"), ("details", "cycle"))
_LISTED: Final = NAMED | {"cycle"}


def nothing_known(_kind: Kind) -> Known:
    """Of a door at which nothing is offered."""
    return {}


def codes_by_name(called: Iterable[tuple[str, Iterable[str]]]) -> dict[str, str]:
    """Codes by each name that belongs to one code alone."""
    found: dict[str, set[str]] = {}
    for code, names in called:
        for name in names:
            found.setdefault(_key(name), set()).add(code)
    return {name: codes.pop() for name, codes in found.items() if len(codes) == 1}


def code_named(codes: Mapping[str, str], name: str) -> str | None:
    """The code that a name stands for among `codes_by_name`."""
    return codes.get(_key(name))


def with_codes(kind: Kind, event: Mapping[str, Any], known: Known) -> dict[str, Any]:
    """The raw event with the codes of the names that it gives; what is no known name stays as it stands."""
    changed = dict(event)
    for column in columns_of(kind):
        names = known.get(".".join(column.path))
        if names and _names_one_of(column, NAMED):
            _set_codes(changed, column, names)
    return changed


def as_typed(kind: Kind, problem: Problem) -> Problem:
    """The problem as whoever types into a form or a sheet is told it, who writes names for codes, and no offsets.

    What is no code is told as a name that was not found where it looks like a name.
    """
    if problem.code == "bad-moment":
        return replace(problem, code="bad-time")
    path = tuple(step for step in problem.pointer.split("/")[1:] if not step.isdigit())
    is_meant = problem.code == "bad-code" and any(
        column.path == path and _names_one_of(column, _LISTED) for column in columns_of(kind)
    )
    value = str(problem.names.get("value", ""))
    return replace(problem, code="name-not-listed") if is_meant and not value.isascii() else problem


def _names_one_of(column: Column, things: Collection[str]) -> bool:
    """Whether the column names such a thing by its code, and does not give a new one its own."""
    match column.field.type:
        case types.Code(of=of) | types.ListOf(item=types.Code(of=of)):
            return of in things and column.path not in _OWN_CODES
        case _:
            return False


def _set_codes(event: dict[str, Any], column: Column, names: Mapping[str, str]) -> None:
    steps = column.path
    if steps[0] == "details" and isinstance(event.get("details"), Mapping):
        event["details"] = inner = dict(event["details"])
        _set_codes_at(inner, steps[1:], names)
    elif steps[0] != "details":
        _set_codes_at(event, steps, names)


def _set_codes_at(holder: dict[str, Any], steps: tuple[str, ...], names: Mapping[str, str]) -> None:
    value = holder.get(steps[0])
    if len(steps) > 1:
        rows = [dict(row) for row in value] if isinstance(value, list) else []
        for row in rows:
            _set_codes_at(row, steps[1:], names)
        if rows:
            holder[steps[0]] = rows
    elif isinstance(value, list):
        holder[steps[0]] = [_code(each, names) for each in value]
    elif value is not None:
        holder[steps[0]] = _code(value, names)


def _code(value: Any, names: Mapping[str, str]) -> Any:
    if not isinstance(value, str) or value in names.values():
        return value
    return names.get(_key(value), value)


def _key(name: str) -> str:
    return folded(name).casefold()
