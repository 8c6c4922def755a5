"""The declarations as the controls of a form: plain data, which the web draws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, Literal

from heji_trace.events.kinds import Kind, is_needed, parts_of
from heji_trace.events.kinds import fields as types
from heji_trace.events.kinds.envelope import PERMITTED
from heji_trace.events.kinds.examples import example_of
from heji_trace.vocabulary.units import UNITS

Widget = Literal[
    "text",
    "lines",
    "code",
    "batch",
    "amount",
    "temperature",
    "whole",
    "date",
    "moment",
    "choice",
    "flag",
    "unit",
    "rows",
]


@dataclass(frozen=True, slots=True)
class Control:
    """One control of a form.

    `name` is the dotted place of its value in the event (`site`, `details.crop`); inside `rows` it is the column's
    (`quantity`), and the control of a cell is named `outputs.0.quantity`. `refers_to` is what a code names (site,
    product, cycle, organisation, batch …), for suggestions. `many` takes several values, separated or ticked.
    `first` ones are seen at once, all others under "more". `prefill` says what a new form starts with: the present
    moment, or the organisation of whoever fills it.
    """

    name: str
    widget: Widget
    zh: str
    en: str
    required: bool
    first: bool
    help_zh: str = ""
    help_en: str = ""
    example_zh: str = ""
    example_en: str = ""
    refers_to: str | None = None
    many: bool = False
    options: tuple[types.Option, ...] = ()
    columns: tuple[Control, ...] = ()
    limit: int | None = None
    prefill: Literal["now", "organisation"] | None = None


_PREFILLED: Final[Mapping[str, Literal["now", "organisation"]]] = MappingProxyType(
    {
        "occurred_at": "now",
        "organisation": "organisation",
        "details.laboratory": "organisation",
        "details.issued_at": "now",
    }
)
_UNIT_OPTIONS = tuple(types.Option(unit.code, unit.zh, unit.en) for unit in UNITS.values())


def controls_of(kind: Kind) -> tuple[Control, ...]:
    """The controls of the form for `kind`: those seen first, in the declared order, then the others.

    Left out are what a form does not ask: id and kind (the page carries them), attachments, acknowledgements, and
    what only programs send.
    """
    unasked = {"id", "kind", *PERMITTED} - {"note"}
    parts = [part for part in parts_of(kind) if part.name not in unasked]
    seen = frozenset(kind.first)
    asked = [
        *(_control(part, part.name, seen, required=is_needed(kind, part.name)) for part in parts),
        *(
            _control(field, f"details.{field.name}", seen, required=field.required)
            for field in kind.fields
            if is_for_people(field)
        ),
    ]
    order = {_root(name): place for place, name in reversed(list(enumerate(kind.first)))}
    return tuple(
        sorted(asked, key=lambda control: (order.get(control.name, len(kind.first)), not control.first))
    )


def is_for_people(field: types.Field) -> bool:
    """Whether people can fill the field in a form or a sheet; free tables and whole events they cannot."""
    match field.type:
        case types.EventBody() | types.TextMap() | types.Table(columns=types.TextMap()):
            return False
        case _:
            return True


def _root(name: str) -> str:
    """The control that shows `details.results.value` is `details.results`; of `outputs.batch`, `outputs`."""
    steps = name.split(".")
    return ".".join(steps[: 2 if steps[0] == "details" else 1])


def _control(field: types.Field, place: str, seen: frozenset[str], *, required: bool) -> Control:
    columns: tuple[types.Field, ...] = ()
    if isinstance(field.type, types.Table) and isinstance(field.type.columns, tuple):
        columns = field.type.columns
    return Control(
        name=place,
        widget=_widget(field.type),
        zh=field.zh,
        en=field.en,
        required=required,
        first=any(name == place or name.startswith(f"{place}.") for name in (*seen, *_units(seen))),
        help_zh=field.help_zh,
        help_en=field.help_en,
        example_zh=_example(field, "zh"),
        example_en=_example(field, "en"),
        refers_to=_reference(field.type),
        many=isinstance(field.type, types.ListOf),
        options=_options(field.type),
        columns=tuple(
            replace(
                _control(column, f"{place}.{column.name}", seen, required=column.required), name=column.name
            )
            for column in columns
        ),
        limit=_limit(field.type),
        prefill=_PREFILLED.get(place),
    )


def _units(seen: frozenset[str]) -> list[str]:
    """A quantity's unit stands beside it and is seen with it."""
    return [f"{name.rpartition('.')[0]}.unit" for name in seen if name.endswith((".quantity", ".returned"))]


def _example(field: types.Field, language: str) -> str:
    """The example as a person would type it."""
    value = None if isinstance(field.type, types.Table) else example_of(field, language)
    if value is None or isinstance(value, bool):
        return ""
    if isinstance(value, list):
        return ("、" if language == "zh" else ", ").join(map(str, value))
    return str(value)


def _single(kind: types.FieldType) -> types.FieldType:
    return kind.item if isinstance(kind, types.ListOf) else kind


def _widget(kind: types.FieldType) -> Widget:
    match _single(kind):
        case types.Table():
            return "rows"
        case types.Text(lines=True):
            return "lines"
        case types.Code():
            return "code"
        case types.Batch():
            return "batch"
        case types.Amount() | types.Money():
            return "amount"
        case types.Temperature():
            return "temperature"
        case types.Whole():
            return "whole"
        case types.Date():
            return "date"
        case types.Moment():
            return "moment"
        case types.Choice():
            return "choice"
        case types.Flag():
            return "flag"
        case types.Unit():
            return "unit"
        case _:
            return "text"


def _reference(kind: types.FieldType) -> str | None:
    match _single(kind):
        case types.Code(of=of):
            return of
        case types.Batch():
            return "batch"
        case types.Identifier(form="uuid"):
            return "event"
        case _:
            return None


def _options(kind: types.FieldType) -> tuple[types.Option, ...]:
    match _single(kind):
        case types.Choice(options=options):
            return options
        case types.Unit():
            return _UNIT_OPTIONS
        case _:
            return ()


def _limit(kind: types.FieldType) -> int | None:
    match _single(kind):
        case types.Text(limit=limit) | types.Code(limit=limit):
            return limit
        case types.Batch():
            return 20
        case _:
            return None
