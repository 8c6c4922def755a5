"""Field types as parsers of single values: strict text, numbers as text, nothing guessed.

marshmallow's own fields are laxer than a hash may be: its Decimal takes `1_0`, full-width digits and `1E+400`, its
Boolean takes "yes", its Integer 1.0. So each type of `kinds.fields` has one function here, and one marshmallow field
calls it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from marshmallow import ValidationError, fields, missing

from heji_trace.errors import InvalidEvent, Problem
from heji_trace.events.kinds import fields as types
from heji_trace.events.kinds.identifiers import BATCH_PATTERN, CODE_PATTERN, FORMS, TEMPERATURE_PATTERN
from heji_trace.identifiers import checks
from heji_trace.vocabulary.normal_forms import normal
from heji_trace.vocabulary.times import parse_moment
from heji_trace.vocabulary.units import parse_amount, parse_unit

Parser = Callable[[Any], Any]

# C0, C1, surrogates, line and paragraph separators, and the marks that turn the direction of what follows: with them a
# page could show other words than the record holds. And what is never seen, by which two names could look alike; the
# joiners of Mongolian, Uyghur and of pictures are not among it.
_NEVER_SHOWN = (
    "\x7f-\x9f\u00ad\u115f\u1160\u200b\u2028\u2029\u202a-\u202e\u2060-\u2064\u2066-\u2069\u2800\u3164"
    "\ufeff\uffa0\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f"
)
_CONTROL = re.compile(f"[\x00-\x1f{_NEVER_SHOWN}]")
_CONTROL_BUT_NEWLINE = re.compile(f"[\x00-\x09\x0b-\x1f{_NEVER_SHOWN}]")
_CODE = re.compile(CODE_PATTERN)
_BATCH = re.compile(BATCH_PATTERN)
_TEMPERATURE = re.compile(TEMPERATURE_PATTERN)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MAP_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
_MONEY = re.compile(r"(0|[1-9][0-9]{0,11})(\.[0-9]{1,4})?")
_IDENTIFIERS: Final = {form: re.compile(known.pattern) for form, known in FORMS.items()}
_CHECKS: Final[Mapping[str, Callable[[str], bool]]] = MappingProxyType(
    {"gtin": lambda text: checks.is_gs1_key(text, checks.GTIN_LENGTHS), "uscc": checks.is_uscc}
)
EARLIEST_YEAR: Final = 1900


def fault(code: str, **names: object) -> ValidationError:
    """A problem of one value, to be raised; where it stands is added by whoever knows."""
    return ValidationError([Problem("", code, names)])


def shown(value: object) -> str:
    """A value short enough to be quoted in a sentence, without characters that a page should not repeat."""
    text = _CONTROL.sub("�", str(value)[:60])
    return text if len(text) < 60 else text[:59] + "…"


class Value(fields.Field[Any]):
    """A marshmallow field that calls one parser; null counts as absent, as optional parts are left out."""

    def __init__(self, parse: Parser, **options: Any) -> None:
        super().__init__(error_messages={"required": "missing-field"}, **options)
        self.parse = parse

    def deserialize(self, value: Any, attr: str | None = None, data: Any = None, **options: Any) -> Any:
        """The value as parsed; raises ValidationError as `fault` makes it."""
        if value is None or value is missing:
            return super().deserialize(missing, attr, data, **options)
        return self.parse(value)


def _text(value: object, limit: int) -> str:
    if not isinstance(value, str):
        raise fault("not-text")
    if not value.isascii():
        value = normal("NFC", value)
    if len(value) > limit:
        raise fault("too-long", limit=limit)
    return value


def _text_parser(kind: types.Text) -> Parser:
    bad, limit = (_CONTROL_BUT_NEWLINE if kind.lines else _CONTROL), kind.limit

    def parse(value: object) -> str:
        text = _text(value, limit)
        if bad.search(text):
            raise fault("control-character")
        if not any(char.isprintable() and char != " " for char in text):
            raise fault("blank-text")
        return text

    return parse


def _code_parser(kind: types.Code) -> Parser:
    def parse(value: object) -> str:
        text = _text(value, kind.limit)
        if not _CODE.fullmatch(text):
            raise fault("bad-code", value=shown(text))
        return text

    return parse


def _parse_batch(value: object) -> str:
    text = _text(value, 200)
    if not _BATCH.fullmatch(text):
        raise fault("bad-batch", value=shown(text))
    return text


def _identifier_parser(kind: types.Identifier) -> Parser:
    pattern, form, check = _IDENTIFIERS[kind.form], FORMS[kind.form], _CHECKS.get(kind.form)

    def parse(value: object) -> str:
        text = _text(value, 200)
        if not pattern.fullmatch(text) or (check is not None and not check(text)):
            raise fault("bad-identifier", value=shown(text), form_zh=form.zh, form_en=form.en)
        # One UUID has two spellings; were both kept, a repeat could pass as another event.
        return text.lower() if kind.form == "uuid" else text

    return parse


def _amount_parser(kind: types.Amount) -> Parser:
    def parse(value: object) -> str:
        if not isinstance(value, str):
            raise fault("number-not-text")
        try:
            number = parse_amount(value)
        except InvalidEvent as refused:
            raise fault("bad-number", value=shown(value)) from refused
        if kind.positive and not number:
            raise fault("not-positive")
        if kind.most is not None and number > kind.most:
            raise fault("number-over", most=kind.most)
        return value

    return parse


def _parse_money(value: object) -> str:
    if not isinstance(value, str):
        raise fault("number-not-text")
    if not _MONEY.fullmatch(value):
        raise fault("bad-money", value=shown(value))
    return value


def _parse_temperature(value: object) -> str:
    if not isinstance(value, str):
        raise fault("number-not-text")
    if not _TEMPERATURE.fullmatch(value):
        raise fault("bad-temperature", value=shown(value))
    return value


def _parse_unit(value: object) -> str:
    text = _text(value, 40)
    try:
        return parse_unit(text)
    except InvalidEvent as refused:
        raise fault("bad-unit", value=shown(text)) from refused


def _parse_date(value: object) -> str:
    text = _text(value, 40)
    try:
        if _DATE.fullmatch(text) and date.fromisoformat(text).year >= EARLIEST_YEAR:
            return text
    except ValueError:
        pass
    raise fault("bad-date", value=shown(text))


def _parse_moment(value: object) -> str:
    text = _text(value, 60)
    try:
        if parse_moment(text).year >= EARLIEST_YEAR:
            return text
    except ValueError:
        pass
    raise fault("bad-moment", value=shown(text))


def _choice_parser(kind: types.Choice) -> Parser:
    values = frozenset(option.value for option in kind.options)
    # People know the words, programs the values.
    known_zh = "、".join(f"{option.zh}（{option.value}）" for option in kind.options)
    known_en = ", ".join(option.value for option in kind.options)

    def parse(value: object) -> str:
        if not isinstance(value, str):
            raise fault("not-text")
        if value not in values:
            raise fault("not-a-choice", value=shown(value), choices_zh=known_zh, choices_en=known_en)
        return value

    return parse


def _parse_flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise fault("not-a-flag")
    return value


def _whole_parser(kind: types.Whole) -> Parser:
    def parse(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise fault("not-whole")
        if not kind.least <= value <= kind.most:
            raise fault("whole-out-of-range", least=kind.least, most=kind.most)
        return value

    return parse


def text_map_parser(kind: types.TextMap) -> Parser:
    """The parser of an object of texts; a text in it may be empty, as cells of a table are."""

    def parse(value: object) -> dict[str, str]:
        if not isinstance(value, dict):
            raise fault("not-an-object")
        if len(value) > kind.most:
            raise fault("too-many-items", most=kind.most)
        found: dict[str, str] = {}
        problems: list[Problem] = []
        for key, text in value.items():
            try:
                if not isinstance(key, str) or not _MAP_KEY.fullmatch(key):
                    raise fault("bad-name", value=shown(key))
                found[key] = _text(text, kind.limit)
                if _CONTROL.search(found[key]):
                    raise fault("control-character")
            except ValidationError as error:
                problems += placed(error, f"/{shown(key)}")
        if problems:
            raise ValidationError(problems)
        return found

    return parse


def list_parser(item: Parser, most: int, *, distinct: bool) -> Parser:
    """The parser of a list of which `item` parses each value; all problems of all items are told."""

    def parse(value: object) -> list[Any]:
        if not isinstance(value, (list, tuple)):
            raise fault("not-a-list")
        if len(value) > most:
            raise fault("too-many-items", most=most)
        found: list[Any] = []
        problems: list[Problem] = []
        for index, each in enumerate(value):
            try:
                found.append(item(each))
            except ValidationError as error:
                problems += placed(error, f"/{index}")
        if distinct and not problems and len(set(found)) != len(found):
            problems.append(Problem("", "repeated-item"))
        if problems:
            raise ValidationError(problems)
        return found

    return parse


def placed(error: ValidationError, pointer: str) -> list[Problem]:
    """The problems of `fault`, under `pointer`."""
    return [
        Problem(pointer + each.pointer, each.code, each.names)
        for each in error.messages
        if isinstance(each, Problem)
    ]


_PLAIN: Final[Mapping[type[types.Scalar], Parser]] = MappingProxyType(
    {
        types.Batch: _parse_batch,
        types.Money: _parse_money,
        types.Temperature: _parse_temperature,
        types.Unit: _parse_unit,
        types.Date: _parse_date,
        types.Moment: _parse_moment,
        types.Flag: _parse_flag,
    }
)


def parser_of(kind: types.Scalar | types.ListOf) -> Parser:
    """The parser of a single value or a list of them; raises ValidationError as `fault` makes it."""
    match kind:
        case types.Text():
            return _text_parser(kind)
        case types.Code():
            return _code_parser(kind)
        case types.Identifier():
            return _identifier_parser(kind)
        case types.Amount():
            return _amount_parser(kind)
        case types.Choice():
            return _choice_parser(kind)
        case types.Whole():
            return _whole_parser(kind)
        case types.ListOf():
            return list_parser(parser_of(kind.item), kind.most, distinct=True)
        case _:
            return _PLAIN[type(kind)]


def decimal_of(text: str | None) -> Decimal | None:
    """The number of an amount that was parsed before."""
    return None if text is None else Decimal(text)
