"""A filled form, read with the same forgiving readers as a spreadsheet's cells."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from heji_trace.kinds import Kind
from heji_trace.sheets.cells import read_cell
from heji_trace.sheets.columns import columns_of

_STEP = re.compile(r"[a-z][a-z0-9_]{0,39}|[0-9]{1,3}")
_MOST_VALUES: Final = 5_000


def read_posted(kind: Kind, values: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The raw event of a form's names and values, as `kinds.forms.Control` names them.

    Values come as `site`, `details.crop` or `outputs.0.quantity`; a name that comes several times makes a list. Blank
    values, rows of blanks and names that the kind does not know are left out: a page posts more than its fields.
    """
    columns = {column.path: column for column in columns_of(kind)}
    event: dict[str, Any] = {"kind": kind.name}
    tables: dict[tuple[str, ...], dict[int, dict[str, Any]]] = {}
    for name, text in list(values)[:_MOST_VALUES]:
        steps = name.split(".")
        if not all(map(_STEP.fullmatch, steps)):
            continue
        column = columns.get(tuple(step for step in steps if not step.isdigit()))
        value = read_cell(column.field.type, text) if column else None
        if column is None or value is None or column.path == ("kind",):
            continue
        if column.table:
            index = next((int(step) for step in steps if step.isdigit()), 0)
            holder = tables.setdefault(column.table_path, {}).setdefault(index, {})
        else:
            holder = event if len(column.path) == 1 else event.setdefault("details", {})
        _put(holder, column.path[-1], value)
    for path, rows in tables.items():
        holder = event if len(path) == 1 else event.setdefault("details", {})
        holder[path[-1]] = [rows[index] for index in sorted(rows)]
    return event


def _put(holder: dict[str, Any], name: str, value: Any) -> None:
    """Ticked boxes of one name make one list."""
    if isinstance(value, list) and isinstance(holder.get(name), list):
        holder[name] += [each for each in value if each not in holder[name]]
    else:
        holder[name] = value
