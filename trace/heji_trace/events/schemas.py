"""Shape: a raw object becomes an event, or one problem per field that cannot be read.

The marshmallow schemas are built once, from the declarations of `heji_trace.events.kinds`; built per call they cost four
times as much. Nothing here needs a database, a clock or a user.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from marshmallow import Schema, ValidationError, fields, missing

from heji_trace.errors import InvalidEvent, Problem
from heji_trace.events.event import Event, Line
from heji_trace.events.kinds import ENVELOPE, KINDS, Kind, is_needed, parts_of
from heji_trace.events.kinds.fields import EventBody, Field, Table, TextMap
from heji_trace.events.sealing import seal, unseal
from heji_trace.events.shapes import (
    Value,
    decimal_of,
    fault,
    list_parser,
    parser_of,
    shown,
    text_map_parser,
)
from heji_trace.proving.canonical import MOST_PROBLEMS
from heji_trace.vocabulary.times import ms_of, parse_moment

__all__ = ["MOST_PROBLEMS", "Event", "Line", "parse_event", "seal", "unseal"]


class _Object(Schema):
    """A JSON object without unknown members; its messages are codes of the catalogue."""

    def __init__(self) -> None:
        super().__init__()
        self.error_messages = {"unknown": "unknown-field", "type": "not-an-object"}


class _Members(fields.Nested):
    """One object of declared members; null counts as absent."""

    def __init__(self, schema: Schema, **options: Any) -> None:
        super().__init__(schema, error_messages={"required": "missing-field"}, **options)

    def deserialize(self, value: Any, attr: str | None = None, data: Any = None, **options: Any) -> Any:
        """The members as parsed; raises ValidationError with the problems of all of them."""
        return super().deserialize(missing if value is None else value, attr, data, **options)


class _Details(_Members):
    """The details of a kind; where they are left out, what it demands of them is missing, each by its own name."""

    def deserialize(self, value: Any, attr: str | None = None, data: Any = None, **options: Any) -> Any:
        """The members as parsed; raises ValidationError with the problems of all of them."""
        is_left_out = value is None or value is missing
        return super().deserialize({} if self.required and is_left_out else value, attr, data, **options)


class _Rows(_Members):
    """A list of such objects, at most so many."""

    def __init__(self, schema: Schema, most: int, **options: Any) -> None:
        super().__init__(schema, many=True, **options)
        self.most = most

    def deserialize(self, value: Any, attr: str | None = None, data: Any = None, **options: Any) -> Any:
        """The rows as parsed; raises ValidationError with the problems of all of them."""
        if value is not None and value is not missing:
            if not isinstance(value, (list, tuple)):
                raise fault("not-a-list")
            if len(value) > self.most:
                raise fault("too-many-items", most=self.most)
        return super().deserialize(value, attr, data, **options)


def _parse_replacement(value: object) -> dict[str, Any]:
    """The body of an event inside a correction; a correction inside a correction is refused, so depth is two."""
    if isinstance(value, dict) and value.get("kind") == "correction":
        raise fault("correction-in-correction")
    try:
        return parse_event(value).body
    except InvalidEvent as refused:
        raise ValidationError(list(refused.problems)) from refused


def _field(declared: Field, *, required: bool) -> fields.Field[Any]:
    match declared.type:
        case Table(columns=TextMap() as columns, most=most):
            return Value(list_parser(text_map_parser(columns), most, distinct=False), required=required)
        case Table(columns=tuple() as columns, most=most):
            return _Rows(_schema(columns), most, required=required)
        case TextMap():
            return Value(text_map_parser(declared.type), required=required)
        case EventBody():
            return Value(_parse_replacement, required=required)
        case Table():
            raise TypeError(declared.name)
        case _:
            return Value(parser_of(declared.type), required=required)


def _schema(columns: Iterable[Field]) -> Schema:
    return _Object.from_dict({column.name: _field(column, required=column.required) for column in columns})()


def _schema_of(kind: Kind) -> Schema:
    members: dict[str, Any] = {
        part.name: _field(part, required=is_needed(kind, part.name)) for part in parts_of(kind)
    }
    demanded = any(declared.required for declared in kind.fields)
    members["details"] = _Details(_schema(kind.fields), required=demanded)
    return _Object.from_dict(members)()


_SCHEMAS: Final[Mapping[str, Schema]] = MappingProxyType(
    {name: _schema_of(kind) for name, kind in KINDS.items()}
)


def parse_event(raw: object) -> Event:
    """The event that a JSON object states.

    Raises InvalidEvent with one problem per field, its RFC 6901 pointer into `raw` included.
    """
    if not isinstance(raw, dict):
        raise InvalidEvent([Problem("", "not-an-object")])
    kind = _kind_of(raw)
    problems: list[Problem] = []
    try:
        body: dict[str, Any] = _SCHEMAS[kind.name].load(raw)
    except ValidationError as error:
        problems = [_named(each, kind) for each in _problems(error.messages, "")]
        body = error.valid_data if isinstance(error.valid_data, dict) else {}
    problems += _joint_problems(kind, raw, body)
    if problems:
        raise InvalidEvent(_told(problems))
    return event_of(body)


def _kind_of(raw: Mapping[str, object]) -> Kind:
    name = raw.get("kind")
    if name is None:
        raise InvalidEvent([Problem("/kind", "missing-field")])
    if not isinstance(name, str) or name not in KINDS:
        raise InvalidEvent([Problem("/kind", "unknown-kind", {"value": shown(name)})])
    return KINDS[name]


def _problems(messages: object, pointer: str) -> Iterator[Problem]:
    """The tree of marshmallow's messages, whose leaves are codes or problems, as problems with pointers."""
    if isinstance(messages, Mapping):
        for key, below in messages.items():
            step = "" if key == "_schema" else "/" + shown(key).replace("~", "~0").replace("/", "~1")
            yield from _problems(below, pointer + step)
    elif isinstance(messages, list):
        for each in messages:
            yield from _problems(each, pointer)
    elif isinstance(messages, Problem):
        yield Problem(pointer + messages.pointer, messages.code, messages.names)
    else:
        yield Problem(pointer, str(messages))


def _named(problem: Problem, kind: Kind) -> Problem:
    """The problem, with the words that its sentence needs."""
    name = problem.pointer.rpartition("/")[2]
    if problem.code != "unknown-field" or problem.names:
        return problem
    if problem.pointer == f"/{name}" and name in ENVELOPE:
        said = {
            "kind_zh": kind.zh,
            "kind_en": kind.en,
            "name_zh": ENVELOPE[name].zh,
            "name_en": ENVELOPE[name].en,
        }
        return Problem(problem.pointer, "part-not-used", said)
    return Problem(problem.pointer, "unknown-field", {"name": name})


def _told(problems: list[Problem]) -> list[Problem]:
    """Each problem once, unknown names last and sorted: marshmallow meets them in the order of a set."""
    once = {(each.pointer, each.code): each for each in problems}
    return sorted(once.values(), key=lambda each: each.pointer if each.code == "unknown-field" else "")[
        :MOST_PROBLEMS
    ]


def _joint_problems(kind: Kind, raw: Mapping[str, object], body: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong between fields; fields that are wrong by themselves are not in `body` and not judged twice."""
    for part in kind.needs:
        if body.get(part) == []:
            yield Problem(f"/{part}", "empty-list")
    start, end = body.get("occurred_at"), body.get("ended_at")
    if start and end and parse_moment(end) < parse_moment(start):
        yield Problem("/ended_at", "ends-before-start")
    details = body.get("details")
    if not isinstance(details, dict):
        return
    for earlier, later in kind.periods:
        if earlier in details and later in details and details[later] < details[earlier]:
            yield Problem(f"/details/{later}", "ends-before-start")
    sent = raw.get("details")
    for declared in kind.fields:
        if declared.required and details.get(declared.name) == []:
            yield Problem(f"/details/{declared.name}", "empty-list")
        if (
            isinstance(sent, Mapping)
            and _is_absent(sent.get(declared.name))
            and _is_wanted(declared, details)
        ):
            yield Problem(f"/details/{declared.name}", "missing-beside", _beside(declared, kind))
        if isinstance(declared.type, Table) and isinstance(declared.type.columns, tuple):
            rows = sent.get(declared.name) if isinstance(sent, Mapping) else ()
            yield from _unmeasured(f"/details/{declared.name}", declared.type.columns, rows)


def _unmeasured(pointer: str, columns: Iterable[Field], rows: object) -> Iterator[Problem]:
    """The rows that give a figure without what it is measured in: nobody can say how much that is."""
    called = {column.name: column for column in columns}
    for column in called.values():
        for at, row in enumerate(rows if column.measures and isinstance(rows, list | tuple) else ()):
            given = _first_given(row, column.measures) if isinstance(row, Mapping) else None
            if given and _is_absent(row.get(column.name)):
                names: dict[str, object] = {"name_zh": called[given].zh, "name_en": called[given].en}
                yield Problem(f"{pointer}/{at}/{column.name}", "missing-beside", names)


def _first_given(row: Mapping[str, object], names: Iterable[str]) -> str | None:
    return next((name for name in names if not _is_absent(row.get(name))), None)


def _is_wanted(declared: Field, details: Mapping[str, Any]) -> bool:
    """Whether a sibling's value demands this field."""
    if declared.required_when is None:
        return False
    sibling, values = declared.required_when
    return sibling in details and (not values or details[sibling] in values)


def _beside(declared: Field, kind: Kind) -> dict[str, object]:
    sibling = (declared.required_when or ("",))[0]
    return next({"name_zh": field.zh, "name_en": field.en} for field in kind.fields if field.name == sibling)


def _is_absent(value: object) -> bool:
    return value is None or value in ([], ())


def _lines(rows: Iterable[Mapping[str, Any]]) -> tuple[Line, ...]:
    return tuple(
        Line(
            row["batch"],
            decimal_of(row.get("quantity")),
            row.get("unit"),
            row.get("product"),
            row.get("site"),
            row.get("packages"),
            row.get("to_site"),
            row.get("to_organisation"),
        )
        for row in rows
    )


def event_of(body: dict[str, Any]) -> Event:
    """The event of a body that was parsed once: how stored records are read again."""
    return Event(
        id=body["id"],
        kind=body["kind"],
        occurred_at=body["occurred_at"],
        occurred_ms=ms_of(parse_moment(body["occurred_at"])),
        organisation=body["organisation"],
        body=body,
        ended_at=body.get("ended_at"),
        performed_by=body.get("performed_by"),
        site=body.get("site"),
        cycles=tuple(body.get("cycles", ())),
        inputs=_lines(body.get("inputs", ())),
        outputs=_lines(body.get("outputs", ())),
        moves=_lines(body.get("moves", ())),
        batches=tuple(body.get("batches", ())),
        details=body.get("details", {}),
        attachments=tuple(body.get("attachments", ())),
        acknowledged=tuple(body.get("acknowledged", ())),
        note=body.get("note"),
    )
