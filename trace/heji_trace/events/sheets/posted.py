"""A filled form, read with the same forgiving readers as a spreadsheet's cells."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from heji_trace.errors import InvalidEvent, Problem
from heji_trace.events.kinds import Kind
from heji_trace.events.sheets.cells import read_cell, split_quantity
from heji_trace.events.sheets.columns import columns_of, find_unit, plain_measure, unit_beside
from heji_trace.vocabulary.units import unit_name

_STEP = re.compile(r"[a-z][a-z0-9_]{0,39}|[0-9]{1,3}")
_MOST_VALUES: Final = 5_000


def read_posted(kind: Kind, values: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The raw event of a form's names and values, as `kinds.forms.Control` names them.

    Values come as `site`, `details.crop` or `outputs.0.quantity`; a name that comes several times makes a list. Blank
    values, rows of blanks and names that the kind does not know are left out: a page posts more than its fields. A
    quantity may bring its unit along, as in a sheet (120斤); raises InvalidEvent where the field beside it says another.
    """
    columns = {column.path: column for column in columns_of(kind)}
    event: dict[str, Any] = {"kind": kind.name}
    tables: dict[tuple[str, ...], dict[int, dict[str, Any]]] = {}
    brought: list[_Brought] = []
    for name, text in list(values)[:_MOST_VALUES]:
        steps = name.split(".")
        if not all(map(_STEP.fullmatch, steps)):
            continue
        column = columns.get(tuple(step for step in steps if not step.isdigit()))
        value = read_cell(column.field.type, plain_measure(column, text)) if column else None
        if column is None or value is None or column.path == ("kind",):
            continue
        if column.table:
            index = next((int(step) for step in steps if step.isdigit()), 0)
            holder = tables.setdefault(column.table_path, {}).setdefault(index, {})
        else:
            holder = event if len(column.path) == 1 else event.setdefault("details", {})
        beside = unit_beside(kind, column)
        if beside and (split := split_quantity(text)):
            value = split[0]
            brought.append(_Brought(name, text, holder, beside, split[1]))
        _put(holder, column.path[-1], value)
    _take_units(brought)
    for path, rows in tables.items():
        holder = event if len(path) == 1 else event.setdefault("details", {})
        holder[path[-1]] = [rows[index] for index in sorted(rows)]
    return event


@dataclass(frozen=True, slots=True)
class _Brought:
    """A unit that was typed behind a quantity: where, and the field of the same row that says it otherwise."""

    name: str
    text: str
    holder: dict[str, Any]
    beside: str
    unit: str


def _take_units(brought: Iterable[_Brought]) -> None:
    """Fill in each unit where the field beside the quantity is empty; which of two is meant, only the person knows."""
    problems = []
    for each in brought:
        said = each.holder.setdefault(each.beside, each.unit)
        # One that nobody knows is a problem of its own field.
        if find_unit(said) not in (None, each.unit):
            names: dict[str, object] = {"own": each.text.strip()[:60]}
            names |= {"column_zh": unit_name(said, "zh"), "column_en": unit_name(said, "en")}
            problems.append(Problem("/" + each.name.replace(".", "/"), "unit-field-differs", names))
    if problems:
        raise InvalidEvent(problems)


def _put(holder: dict[str, Any], name: str, value: Any) -> None:
    """Ticked boxes of one name make one list."""
    if isinstance(value, list) and isinstance(holder.get(name), list):
        holder[name] += [each for each in value if each not in holder[name]]
    else:
        holder[name] = value
