"""The declarations as JSON Schema 2020-12, the dialect of OpenAPI 3.1, described in Chinese and English."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from heji_trace.events.kinds import Kind, is_needed, parts_of
from heji_trace.events.kinds import fields as types
from heji_trace.events.kinds.examples import example_event, example_of
from heji_trace.events.kinds.identifiers import BATCH_PATTERN, CODE_PATTERN, FORMS, TEMPERATURE_PATTERN
from heji_trace.vocabulary.units import UNITS

_AMOUNT: Final = r"^(0|[1-9][0-9]{0,11})(\.[0-9]{1,6})?$"
_MONEY: Final = r"^(0|[1-9][0-9]{0,11})(\.[0-9]{1,4})?$"
_NUMBERS: Final = {
    types.Amount: _AMOUNT,
    types.Money: _MONEY,
    types.Temperature: f"^({TEMPERATURE_PATTERN})$",
}


def json_schema(kind: Kind) -> dict[str, Any]:
    """The JSON Schema of events of `kind`; `x-heji-sealed` marks what the ledger only commits to."""
    details = _object(kind.fields, {field.name for field in kind.fields if field.required})
    conditions = [_condition(field) for field in kind.fields if field.required_when]
    parts = parts_of(kind)
    event = _object(parts, {part.name for part in parts if is_needed(kind, part.name)})
    event["properties"]["kind"] = {"const": kind.name, "description": f"{kind.zh} · {kind.en}"}
    event["properties"]["details"] = details | ({"allOf": conditions} if conditions else {})
    if details.get("required"):
        event["required"].append("details")
    return event | {
        "title": f"{kind.zh} · {kind.en}",
        "description": f"{kind.about_zh}\n\n{kind.about_en}",
        "examples": [example_event(kind, "zh"), example_event(kind, "en")],
    }


def _object(fields: Iterable[types.Field], required: set[str]) -> dict[str, Any]:
    declared = list(fields)
    schema: dict[str, Any] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {field.name: _property(field) for field in declared},
    }
    wanted = [field.name for field in declared if field.name in required]
    return schema | ({"required": wanted} if wanted else {})


def _property(field: types.Field) -> dict[str, Any]:
    schema = _value(field.type)
    lines = [f"{field.zh} · {field.en}", *filter(None, (field.help_zh, field.help_en))]
    schema["description"] = "\n\n".join(lines)
    if not isinstance(field.type, types.Table | types.EventBody):
        said = {
            repr(value): value
            for language in ("zh", "en")
            if (value := example_of(field, language)) is not None
        }
        schema |= {"examples": list(said.values())} if said else {}
    if not field.public:
        schema["x-heji-sealed"] = True
    elif field.sealed_when:
        schema["x-heji-sealed-when"] = dict([field.sealed_when])
    return schema


def _condition(field: types.Field) -> dict[str, Any]:
    """`required_when`, as a condition between siblings."""
    sibling, values = field.required_when or ("", ())
    such: dict[str, Any] = {"required": [sibling]}
    if values:
        such["properties"] = {sibling: {"enum": list(values)}}
    return {"if": such, "then": {"required": [field.name]}}


def _text(**more: object) -> dict[str, Any]:
    return {"type": "string", **more}


def _value(kind: types.FieldType) -> dict[str, Any]:
    match kind:
        case types.Text(limit=limit):
            return _text(minLength=1, maxLength=limit)
        case types.Code(limit=limit):
            return _text(pattern=f"^{CODE_PATTERN}$", maxLength=limit)
        case types.Batch():
            return _text(pattern=f"^{BATCH_PATTERN}$")
        case types.Identifier(form=form):
            return _text(format="uuid") if form == "uuid" else _text(pattern=f"^({FORMS[form].pattern})$")
        case types.Amount() | types.Money() | types.Temperature():
            return _text(pattern=_NUMBERS[type(kind)])
        case types.Unit():
            return _text(
                anyOf=[{"enum": list(UNITS)}, {"description": "其他写法 · other spellings: 斤, 公斤, 枚"}]
            )
        case types.Date():
            return _text(format="date")
        case types.Moment():
            return _text(format="date-time")
        case types.Choice(options=options):
            said = [{"const": option.value, "title": f"{option.zh} · {option.en}"} for option in options]
            return _text(oneOf=said)
        case types.Flag():
            return {"type": "boolean"}
        case types.Whole(least=least, most=most):
            return {"type": "integer", "minimum": least, "maximum": most}
        case types.ListOf(item=item, most=most):
            return {"type": "array", "items": _value(item), "maxItems": most, "uniqueItems": True}
        case _:
            return _composite(kind)


def _composite(kind: types.TextMap | types.EventBody | types.Table) -> dict[str, Any]:
    match kind:
        case types.TextMap(most=most, limit=limit):
            return {"type": "object", "additionalProperties": _text(maxLength=limit), "maxProperties": most}
        case types.EventBody():
            return {"type": ["object", "null"]}
        case types.Table(columns=types.TextMap() as columns, most=most):
            return {"type": "array", "items": _value(columns), "maxItems": most}
        case types.Table(columns=tuple() as columns, most=most):
            required = {column.name for column in columns if column.required}
            needs = {each: [column.name] for column in columns for each in column.measures}
            items = _object(columns, required) | ({"dependentRequired": needs} if needs else {})
            return {"type": "array", "items": items, "maxItems": most}
        case _:
            raise TypeError(kind)
