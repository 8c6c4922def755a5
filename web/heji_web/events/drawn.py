"""A form as a template draws it: each control with its label, texts, choices and problems in the reader's language."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from heji_trace.desks.suggestions import Suggestion, shown
from heji_trace.errors import Problem
from heji_trace.events.erasable import find_field
from heji_trace.events.kinds import KINDS, Kind
from heji_trace.events.kinds.fields import Field
from heji_trace.events.kinds.forms import Control, controls_of
from heji_trace.events.sheets.names import as_typed, code_named, codes_by_name
from heji_web.events.filled import Texts, row_count
from heji_web.requests.languages import gettext, language

Style = Literal[
    "text",
    "lines",
    "amount",
    "whole",
    "date",
    "moment",
    "flag",
    "select",
    "checks",
    "suggested",
    "rows",
    "nothing",
]

MOST_GIVERS = 20
"""Above it, one of those for whom somebody may record is named, not listed: a phone does not load 4,000 households."""

# References to what must stand in the register already: picked, not typed.
_PICKED = frozenset({"site", "product", "cycle", "event"})
# A place or a paper of somebody else may be meant, so that the list only helps.
_TYPED = frozenset({"to_site"})
_PLACES: Mapping[str, str] = {
    "details.shipping": "shipping",
    "details.hold": "hold",
    "details.recall": "recall",
    "details.run": "run",
    "details.to": "statement",
}
# What is said instead of a box for an id that nobody knows by heart.
_NOTHING: Mapping[str, str] = {
    "hold": "There is no hold now that you could release.",
    "recall": "There is no recall now that concerns you.",
    "run": "You have no labels now that could be declared void.",
    "unbound_run": "You have no labels now that wait for a batch.",
    "shipping": "Nothing is on its way to you now.",
    "statement": "Open the record on the page of its batch, and object to it there.",
}

# By which kinds comes into being what a new county has none of yet.
_BEGUN_BY: Mapping[str, tuple[str, ...]] = {
    "site": ("site",),
    "product": ("product",),
    "cycle": ("planting", "stocking"),
}


@dataclass(frozen=True, slots=True)
class Drawn:
    """One control; `name` is what is posted, `rows` are the cells of a table by row.

    `codes` are choices that people also know by their code.
    """

    name: str
    style: Style
    label: str
    help: str
    example: str
    required: bool
    first: bool
    texts: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    choices: tuple[Suggestion, ...] = ()
    rows: tuple[tuple[Drawn, ...], ...] = ()
    limit: int | None = None
    codes: bool = False

    @property
    def id(self) -> str:
        """The name as an HTML id."""
        return _id(self.name)

    @property
    def is_short(self) -> bool:
        """Whether two such controls stand side by side on a phone: a number and its unit."""
        return self.style in ("amount", "whole") or self.name.endswith(("unit", ".of"))

    @property
    def text(self) -> str:
        """All texts in one field."""
        return ("、" if language() == "zh" else ", ").join(self.texts)

    @property
    def said(self) -> str:
        """What stands in it, by the words of the list that it was picked from; "" where that is nothing."""
        is_picked = self.style in ("select", "checks")
        called = {each.value: each.label or each.value for each in self.choices if is_picked}
        if self.style == "flag":
            called = {"true": gettext("Yes"), "false": gettext("No")}
        told = [called.get(text, text) for text in self.texts if text.strip()]
        return ("、" if language() == "zh" else ", ").join(told)

    @property
    def has_problem(self) -> bool:
        """Whether anything in it must be corrected."""
        return bool(self.problems) or any(cell.has_problem for row in self.rows for cell in row)


@dataclass(frozen=True, slots=True)
class Fault:
    """What must be corrected, as the top of the page lists it.

    `label` names the value that is meant, and `anchor` is the id of its control; both are empty where there is none.
    """

    label: str
    sentence: str
    anchor: str = ""


def wanted_suggestions(kind: Kind) -> set[str]:
    """What must be read to draw the form of a kind: keys of `choices.suggest`."""
    found = set()
    for control in controls_of(kind):
        for each in (control, *control.columns):
            found.add(_source(kind, each, each.name))
    return {source for source in found if source}


def suggestions_by_place(
    kind: Kind, suggestions: Mapping[str, Sequence[Suggestion]]
) -> dict[str, Sequence[Suggestion]]:
    """What is suggested for each value of a kind, by its dotted place (`site`, `inputs.batch`)."""
    places = {
        name: _source(kind, each, name)
        for control in controls_of(kind)
        for name, each in (
            (control.name, control),
            *((f"{control.name}.{column.name}", column) for column in control.columns),
        )
    }
    return {name: suggestions[source] for name, source in places.items() if source and source in suggestions}


def draw(
    kind: Kind,
    texts: Texts,
    suggestions: Mapping[str, Sequence[Suggestion]],
    problems: Iterable[Problem] = (),
) -> tuple[list[Drawn], list[Fault]]:
    """The controls of a kind's form, and all that must be corrected, in their order; first what none of them shows."""
    controls = controls_of(kind)
    labels = dict(_labels(controls, texts))
    order = ["", *labels]
    references = {control.name for control in controls if control.refers_to == "event"}
    placed: dict[str, list[str]] = {}
    faults: list[tuple[int, Fault]] = []
    for problem in problems:
        place = _place(problem.pointer, labels.keys())
        is_unlisted = problem.code == "bad-identifier" and place in references
        told = replace(problem, code="record-not-listed") if is_unlisted else as_typed(kind, problem)
        placed.setdefault(place, []).append(told.sentence(language()))
        label = labels[place] if place else _label_of(kind, problem.pointer)
        faults.append((order.index(place), Fault(label, told.sentence(language()), _id(place))))
    drawn = [_drawn(kind, control, control.name, texts, suggestions, placed) for control in controls]
    return drawn, [fault for _, fault in sorted(faults, key=lambda each: each[0])]


def _labels(controls: Iterable[Control], texts: Texts) -> Iterable[tuple[str, str]]:
    """What each control is called, by its name; of a cell with the table and the line that it stands in."""
    for control in controls:
        yield control.name, _said(control)
        if control.widget == "rows":
            for index in range(row_count(texts, control)):
                line = gettext("Line %(number)s") % {"number": index + 1}
                for column in control.columns:
                    name = f"{control.name}.{index}.{column.name}"
                    yield name, f"{_said(control)} · {line} · {_said(column)}"


def _label_of(kind: Kind, pointer: str) -> str:
    """What the declaration calls a value that no control shows; "" where it has none."""
    steps = pointer.split("/")
    while len(steps) > 1:
        field = find_field({"kind": kind.name}, "/".join(steps))
        if field is not None:
            return _said(field)
        steps.pop()
    return ""


def _said(declared: Control | Field | Kind) -> str:
    return declared.zh if language() == "zh" else declared.en


def _id(name: str) -> str:
    """The name of a control as an HTML id."""
    return name.replace(".", "-")


def _place(pointer: str, names: Collection[str]) -> str:
    """The control that a pointer means: `/cycles/0` is about `cycles`; "" where no control shows it."""
    steps = pointer.split("/")[1:]
    while steps:
        if ".".join(steps) in names:
            return ".".join(steps)
        steps.pop()
    return ""


def _drawn(
    kind: Kind,
    control: Control,
    name: str,
    texts: Texts,
    suggestions: Mapping[str, Sequence[Suggestion]],
    placed: Mapping[str, list[str]],
) -> Drawn:
    choices = tuple(_choices(kind, control, name, suggestions))
    written = tuple(texts.get(name, ()))
    is_named = control.refers_to == "organisation" and not control.many and name != "organisation"
    if is_named:
        called = _names_for(suggestions.get("organisation", ()))
        choices = tuple(Suggestion(called.get(each.value, each.value), each.value) for each in choices)
        written = tuple(called.get(text, text) for text in written)
    rows: list[tuple[Drawn, ...]] = []
    if control.widget == "rows":
        for index in range(row_count(texts, control)):
            cells = (
                _drawn(kind, column, f"{name}.{index}.{column.name}", texts, suggestions, placed)
                for column in control.columns
            )
            rows.append(tuple(cells))
    in_chinese = language() == "zh"
    nothing = _nothing(kind, control, name, texts, choices)
    return Drawn(
        name=name,
        style="nothing" if nothing else _style(control, choices),
        label=_said(control),
        help=nothing
        or _none_yet(kind, control, name, choices)
        or (control.help_zh if in_chinese else control.help_en),
        example=control.example_zh if in_chinese else control.example_en,
        required=control.required,
        first=control.first,
        texts=written,
        problems=tuple(placed.get(name, ())),
        choices=choices,
        rows=tuple(rows),
        limit=None if control.many or is_named else control.limit,
        codes=control.refers_to in ("site", "product", "cycle"),
    )


def _names_for(organisations: Iterable[Suggestion]) -> dict[str, str]:
    """What organisations are called, by code, where a name is that of one alone: people know these, and may write them."""
    offered = list(organisations)
    codes = codes_by_name((each.value, each.names) for each in offered)
    return {
        each.value: name for each in offered for name in each.names if code_named(codes, name) == each.value
    }


def _source(kind: Kind, control: Control, name: str) -> str | None:
    """Where the suggestions of a control come from; what the event itself names anew has none."""
    if kind.name == "label_bind" and name == "details.run":
        return "unbound_run"
    if name in _PLACES and control.refers_to == "event":
        return _PLACES[name]
    if control.refers_to in ("event", "kind") or name in ("details.cycle", "details.code"):
        return None
    if name.startswith("outputs.") and control.refers_to == "batch":
        return None
    if name.startswith("details.samples.") and control.refers_to == "sample":
        return None
    return "arriving" if control.refers_to == "batch" and kind.name == "receiving" else control.refers_to


def _choices(
    kind: Kind, control: Control, name: str, suggestions: Mapping[str, Sequence[Suggestion]]
) -> Iterable[Suggestion]:
    if control.options:
        return [
            Suggestion(option.value, option.zh if language() == "zh" else option.en)
            for option in control.options
        ]
    if control.refers_to == "kind":
        return [Suggestion(each.name, each.zh if language() == "zh" else each.en) for each in KINDS.values()]
    return shown(suggestions.get(_source(kind, control, name) or "", ()))


def _nothing(kind: Kind, control: Control, name: str, texts: Texts, choices: Sequence[Suggestion]) -> str:
    """What is said where a record must be named and there is none to choose; "" where something can be given."""
    # A carrier names the shipment it watches, which nobody sent to it.
    if control.refers_to != "event" or choices or any(texts.get(name, ())) or kind.name == "condition":
        return ""
    message = _NOTHING.get(_source(kind, control, name) or "")
    return gettext(message) if message else ""


def _none_yet(kind: Kind, control: Control, name: str, choices: Sequence[Suggestion]) -> str:
    """What is to be recorded first where something must be picked and there is none of it yet."""
    begun_by = _BEGUN_BY.get(control.refers_to or "", ())
    if choices or not control.required or not begun_by or _source(kind, control, name) is None:
        return ""
    called = " / ".join(_said(KINDS[each]) for each in begun_by)
    return gettext("There is none to choose yet; first record: %(kind)s") % {"kind": called}


_PLAIN: Mapping[str, Style] = {
    "rows": "rows",
    "lines": "lines",
    "amount": "amount",
    "temperature": "text",
    "whole": "whole",
    "date": "date",
    "moment": "moment",
    "flag": "flag",
    "choice": "select",
    "unit": "select",
}


def _style(control: Control, choices: Sequence[Suggestion]) -> Style:
    if control.many and choices and (control.options or control.refers_to in _PICKED | {"kind"}):
        return "checks"
    if control.widget in _PLAIN:
        return _PLAIN[control.widget]
    if not choices:
        return "text"
    picked = control.refers_to in _PICKED and control.name not in _TYPED
    return "select" if picked else "suggested"
