"""What stands in a form: texts by the names of `kinds.forms.Control`, posted, remembered or read from an event."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from heji_trace.events.kinds import Kind, is_needed
from heji_trace.events.kinds.forms import Control, controls_of
from heji_trace.vocabulary.times import BEIJING, moment_of, parse_moment

Texts = dict[str, list[str]]

_MOST_VALUES = 5_000
_CELL = re.compile(r"((?:details\.)?[a-z][a-z0-9_]*)\.([0-9]{1,3})\.([a-z][a-z0-9_]*)")
# Controls that start with a value: a row in which nothing but these is filled says nothing.
_GIVEN = frozenset({"choice", "unit", "flag"})
_GIVEN_CODES = frozenset({"site", "product", "cycle"})
# What is likely the same next time. A quantity, a number of a paper or a result never is.
_LASTING = frozenset({"code", "choice", "unit", "text", "flag"})
_PASSING = frozenset(
    {
        "batches",
        "details.batch_number",
        "details.conclusion",
        "details.cycle",
        "details.document",
        "details.hold",
        "details.inspection",
        "details.package_code",
        "details.sample",
        "details.seal",
        "details.shipping",
        "note",
    }
)
_LASTING_COLUMNS = frozenset(
    {"product", "unit", "site", "to_organisation", "to_site", "analyte", "lod", "loq", "limit", "edition"}
)
# Letters and digits that nobody confuses when they are read out.
_READABLE = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
# What the goods, the cycles or the product used decide that the form names anew: remembered, it would say of them what
# is not so.
_DECIDED_BY: Mapping[str, str] = {
    "site": "cycles",
    "outputs.0.product": "inputs",
    "outputs.0.unit": "inputs",
    "details.licence_number": "details.name",
    "details.formulation": "details.name",
    "details.target": "details.name",
}
# A new name, and the place of a receiver.
_NOT_OWN = frozenset({"outputs.batch", "moves.to_site", "details.cycle", "details.code"})
_NEW_NAMES = {"outputs": "batch", "details.samples": "sample"}
_NEW_CYCLE = "details.cycle"
_REMEMBERING_AREAS = frozenset({"growing", "making", "testing", "moving"})

# Where whom a form is for names itself a second time, and the role in which somebody names others there.
_OF_ONESELF: Mapping[str, tuple[str, str]] = {
    "testing": ("details.laboratory", ""),
    "site": ("details.organisation", "operator"),
    "certificate": ("details.holder", "operator"),
    "recall_update": ("details.consignees.0.organisation", "regulator"),
}


def posted_texts(kind: Kind, pairs: Iterable[tuple[str, str]]) -> Texts:
    """The texts of a posted form, its blank rows left out and the others numbered anew."""
    texts: Texts = {}
    for name, text in list(pairs)[:_MOST_VALUES]:
        # Browsers send line breaks as CR LF, and a CR is a control character.
        texts.setdefault(name, []).append(text.replace("\r\n", "\n").replace("\r", "\n"))
    for table in _tables(kind):
        _renumber(texts, table, keep_one=_is_needed(kind, table))
    return texts


def add_row(kind: Kind, texts: Texts, table_name: str) -> None:
    """One more row of a table; what is likely to repeat is taken from the row before."""
    table = next((each for each in _tables(kind) if each.name == table_name), None)
    if table is None:
        return
    last = row_count(texts, table)
    for column in table.columns:
        given = texts.get(f"{table.name}.{last - 1}.{column.name}", [])
        lasts = column.name in _LASTING_COLUMNS and column.name != "analyte"
        texts[f"{table.name}.{last}.{column.name}"] = given if lasts else [""]


def row_count(texts: Texts, table: Control) -> int:
    """How many rows of the table are drawn, an empty one where there are none."""
    found = [int(cell[2]) for name in texts if (cell := _CELL.fullmatch(name)) and cell[1] == table.name]
    return max(found, default=0) + 1


def texts_of(kind: Kind, body: Mapping[str, Any]) -> Texts:
    """The texts that an event's body would be filled in with."""
    texts: Texts = {}
    for control in controls_of(kind):
        value = _value_at(body, control.name)
        if control.widget == "rows":
            for index, row in enumerate(value or ()):
                for column in control.columns:
                    _set(texts, f"{control.name}.{index}.{column.name}", column, row.get(column.name))
        else:
            _set(texts, control.name, control, value)
    return texts


def remembered_texts(kind: Kind, body: Mapping[str, Any]) -> Texts:
    """What of an earlier event a new one of the same kind starts with."""
    if kind.area not in _REMEMBERING_AREAS:
        return {}
    whole, kept = texts_of(kind, body), Texts()
    for control in controls_of(kind):
        if control.widget == "rows":
            seen = {column.name for column in control.columns if column.first}
            kept |= {name: text for name, text in whole.items() if _lasts(control, name, seen)}
        elif control.widget in _LASTING and control.name not in _PASSING and control.name in whole:
            kept[control.name] = whole[control.name]
    names = {control.name for control in controls_of(kind)}
    return {name: text for name, text in kept.items() if _DECIDED_BY.get(name) not in names}


def made_texts(kind: Kind, body: Mapping[str, Any]) -> Texts:
    """What an earlier event made, for a new one that takes goods of the same kind."""
    whole = texts_of(kind, body)
    return {name: whole[name] for name, by in _DECIDED_BY.items() if by == "inputs" and name in whole}


def named_again(kind: Kind, roles: Collection[str]) -> str:
    """Where whom a form is for names itself once more; "" where it does not, or names others in one of these roles."""
    named, others_by = _OF_ONESELF.get(kind.name, ("", ""))
    return "" if others_by in roles else named


def name_anew(kind: Kind, texts: Texts, day: date, random: Callable[[int], bytes]) -> None:
    """Propose a name for each new batch, sample and cycle without one: nobody likes to invent one on a phone."""
    names = [
        f"{table.name}.{row}.{_NEW_NAMES[table.name]}"
        for table in _tables(kind)
        if table.name in _NEW_NAMES
        for row in range(row_count(texts, table))
    ]
    names += [_NEW_CYCLE for control in controls_of(kind) if control.name == _NEW_CYCLE]
    for name in names:
        if not any(texts.get(name, ())):
            signs = "".join(_READABLE[byte % len(_READABLE)] for byte in random(5))
            texts[name] = [f"{kind.name[0].upper()}{day:%y%m%d}-{signs}"]


def places_of_own(kind: Kind) -> tuple[str, ...]:
    """The places, such as `cycles` or `moves.batch`, of what belongs to whom an event is for: cycles, sites, stock."""
    places = (
        (f"{control.name}.{each.name}" if each is not control else control.name, each)
        for control in controls_of(kind)
        for each in (control, *control.columns)
    )
    return tuple(
        name for name, each in places if each.refers_to in ("site", "cycle", "batch") and name not in _NOT_OWN
    )


def place_of_name(name: str) -> str:
    """The place of a posted name: that of `moves.0.batch` is `moves.batch`."""
    return ".".join(step for step in name.split(".") if not step.isdigit())


def local_text(moment: str) -> str:
    """A moment as the browser's field for local times takes it, in Beijing time; "" where it is none."""
    try:
        return parse_moment(moment).astimezone(BEIJING).strftime("%Y-%m-%dT%H:%M:%S").removesuffix(":00")
    except ValueError:
        return moment


def now_text(now_ms: int) -> str:
    """The present minute, as the browser's field for local times takes it."""
    return moment_of(now_ms).astimezone(BEIJING).strftime("%Y-%m-%dT%H:%M")


def _lasts(table: Control, name: str, seen: Collection[str]) -> bool:
    """A laboratory's panel stays whole; of goods the first line tells what comes next, as far as it is seen at once.

    The place of last time, out of sight beside another receiver, would be recorded as that one's.
    """
    cell = _CELL.fullmatch(name)
    if cell is None or cell[1] != table.name or cell[3] not in _LASTING_COLUMNS:
        return False
    return table.name == "details.results" or (cell[2] == "0" and cell[3] in seen)


def _tables(kind: Kind) -> Sequence[Control]:
    return [control for control in controls_of(kind) if control.widget == "rows"]


def _is_needed(kind: Kind, table: Control) -> bool:
    return table.required or is_needed(kind, table.name)


def _renumber(texts: Texts, table: Control, *, keep_one: bool) -> None:
    rows: dict[int, Texts] = {}
    for name in [name for name in texts if (cell := _CELL.fullmatch(name)) and cell[1] == table.name]:
        cell = _CELL.fullmatch(name)
        if cell:
            rows.setdefault(int(cell[2]), {})[cell[3]] = texts.pop(name)
    filled = [rows[index] for index in sorted(rows) if _says_something(rows[index], table)]
    if not filled and keep_one and rows:
        filled = [rows[min(rows)]]
    for index, row in enumerate(filled):
        for column, values in row.items():
            texts[f"{table.name}.{index}.{column}"] = values


def _says_something(row: Texts, table: Control) -> bool:
    return any(
        any(text.strip() for text in row.get(column.name, ()))
        for column in table.columns
        if column.widget not in _GIVEN and column.refers_to not in _GIVEN_CODES
    )


def _value_at(body: Mapping[str, Any], name: str) -> Any:
    value: Any = body
    for step in name.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _set(texts: Texts, name: str, control: Control, value: Any) -> None:
    if value is None:
        return
    items = value if isinstance(value, list | tuple) else [value]
    texts[name] = [_text(control, item) for item in items]


def _text(control: Control, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return local_text(value) if control.widget == "moment" else str(value)
