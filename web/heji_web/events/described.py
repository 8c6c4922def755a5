"""An event in words: its values under the labels of its kind's declaration, in the reader's language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from heji_trace.events.erasable import find_field
from heji_trace.events.kinds import KINDS, Kind, parts_of
from heji_trace.events.kinds import fields as types
from heji_trace.events.kinds.fields import Field
from heji_trace.sentences import isolated
from heji_trace.vocabulary.times import BEIJING, moment_of, ms_of, parse_moment
from heji_trace.vocabulary.units import UNITS

Names = Mapping[str, Mapping[str, str]]
"""Registered names by code, by what the codes are of."""

_MOST_LISTED = 50

FINAL = frozenset({"erasure"})
"""Kinds of which nothing is taken back or corrected: what they took is gone."""
_NAMELESS: Names = MappingProxyType({})
# What the page says in its own places.
_SAID_APART = frozenset({"id", "kind", "acknowledged"})


@dataclass(frozen=True, slots=True)
class Fact:
    """One value under its label; a table has headings and rows instead of a text.

    `code` is what was recorded where the text is the name registered for it; `codes` are those of the rows, "" where a
    cell has no name.
    """

    label: str
    text: str = ""
    headings: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    code: str = ""
    codes: tuple[tuple[str, ...], ...] = ()


def facts_of(body: Mapping[str, Any], language: str, names: Names = _NAMELESS) -> list[Fact]:
    """What an event's body says, in the order of its declaration; values that are absent are left out."""
    kind = KINDS[body["kind"]]
    parts = [part for part in parts_of(kind) if part.name not in _SAID_APART]
    return [
        *_facts(parts, body, language, names),
        *_facts(kind.fields, body.get("details", {}), language, names),
    ]


def erased_facts(body: Mapping[str, Any], erased: Mapping[str, int], language: str) -> list[tuple[int, str]]:
    """The entries that erased values of an event, each with the labels of what it took; `erased` is by pointer."""
    by_entry: dict[int, dict[str, None]] = {}
    for pointer, by_seq in erased.items():
        field = find_field(body, pointer)
        by_entry.setdefault(by_seq, {})[pointer if field is None else _label(field, language)] = None
    return [(by_seq, _joined(labels, language)) for by_seq, labels in sorted(by_entry.items())]


def kind_name(kind: Kind, language: str) -> str:
    """What people call a kind."""
    return kind.zh if language == "zh" else kind.en


def local_time(ms: int) -> str:
    """A moment in Beijing, to the minute."""
    return moment_of(ms).astimezone(BEIJING).strftime("%Y-%m-%d %H:%M")


def local_moment(moment: str) -> str:
    """The same of a moment as events carry it."""
    return local_time(ms_of(parse_moment(moment)))


def _facts(fields: Iterable[Field], values: Mapping[str, Any], language: str, names: Names) -> list[Fact]:
    found = []
    for field in fields:
        value = values.get(field.name)
        if value is None or value in ([], {}):
            continue
        label = _label(field, language)
        match field.type:
            case types.EventBody():
                found += [
                    replace(fact, label=f"{label} · {fact.label}")
                    for fact in facts_of(value, language, names)
                ]
            case types.Table(columns=tuple() as columns):
                found.append(_table(label, columns, value, language, names))
            case types.Table():
                found.append(_free_table(label, value))
            case _:
                text, code = _named(field.type, value, language, names)
                found.append(Fact(label, text, code=code))
    return found


def _table(
    label: str, columns: Sequence[Field], rows: Sequence[Mapping[str, Any]], language: str, names: Names
) -> Fact:
    used = [column for column in columns if any(row.get(column.name) not in (None, []) for row in rows)]
    told = [[_named(column.type, row.get(column.name), language, names) for column in used] for row in rows]
    return Fact(
        label,
        headings=tuple(_label(column, language) for column in used),
        rows=tuple(tuple(text for text, _ in row) for row in told),
        codes=tuple(tuple(code for _, code in row) for row in told),
    )


def _free_table(label: str, rows: Sequence[Mapping[str, str]]) -> Fact:
    headings = list(dict.fromkeys(name for row in rows for name in row))
    return Fact(
        label, "", tuple(headings), tuple(tuple(row.get(name, "") for name in headings) for row in rows)
    )


def _joined(texts: Iterable[str], language: str) -> str:
    return ("、" if language == "zh" else ", ").join(texts)


def _label(field: Field, language: str) -> str:
    return field.zh if language == "zh" else field.en


def _named(kind: types.FieldType, value: Any, language: str, names: Names) -> tuple[str, str]:
    """A value in words, and the code where the words are a name; of a list with a name all its codes."""
    match kind:
        case types.Code(of=of) if value in names.get(of, ()):
            return names[of][value], str(value)
        case types.Identifier("uuid") if value in names.get("event", ()):
            return names["event"][value], str(value)
        case types.ListOf(item=types.Identifier("uuid")) if len(value) == 1 and value[0] in names.get(
            "event", ()
        ):
            return names["event"][value[0]], str(value[0])
        case types.ListOf(item=types.Code(of=of)) if value and any(
            each in names.get(of, ()) for each in value
        ):
            shown = value[:_MOST_LISTED]
            named = [isolated(names[of].get(each, each)) for each in shown]
            return _joined(named, language), _joined(shown, language)
        case _:
            return _text(kind, value, language), ""


def _text(kind: types.FieldType, value: Any, language: str) -> str:
    if value is None:
        return ""
    match kind:
        case types.ListOf(item=item):
            shown = [isolated(_text(item, each, language)) for each in value[:_MOST_LISTED]]
            if len(value) > _MOST_LISTED:
                # The correction of an import names all its events.
                shown.append(f"… （共 {len(value)} 项）" if language == "zh" else f"… ({len(value)} in all)")
            return _joined(shown, language)
        case types.Choice(options=options):
            named = {option.value: option.zh if language == "zh" else option.en for option in options}
            return named.get(value, str(value))
        case types.Unit():
            return UNITS[value].zh if language == "zh" else UNITS[value].en
        case types.Flag():
            return ("是" if value else "否") if language == "zh" else ("yes" if value else "no")
        case types.Moment():
            return local_moment(value)
        case types.Code(of="kind") if value in KINDS:
            return kind_name(KINDS[value], language)
        case _:
            return str(value)
