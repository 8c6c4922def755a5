"""Canonical JSON (RFC 8785) on a profile narrow enough that every language writes the same bytes.

The profile: objects with ASCII keys, arrays, strings in NFC without NUL or lone surrogates, booleans, null and
integers up to 2^53 - 1; nothing deeper than 32. Numbers with a fraction travel as text.

`load` is the one reader of JSON for every door, and what it returns `dump` always takes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import accumulate, islice
from math import isfinite
from typing import Any, NoReturn
from unicodedata import is_normalized

import orjson

from heji_trace.errors import InvalidEvent, Problem, TooLarge
from heji_trace.sentences import size_said
from heji_trace.vocabulary.normal_forms import normal

MAX_DEPTH = 32
MAX_INTEGER = 2**53 - 1
MOST_PROBLEMS = 200
"""Further problems of one text are not told: an answer must not outgrow what was sent."""

_DEPTH_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


class _OutsideProfile(Exception):
    """A value is not in the profile; the slow walk then says where and why."""


class _Members(list[tuple[str, Any]]):
    """An object as written, before equal keys swallow one another."""


def dump(value: object) -> bytes:
    """The canonical bytes of `value`; raises InvalidEvent for what is outside the profile."""
    try:
        _check_profile((value,), MAX_DEPTH + 1)
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except (_OutsideProfile, orjson.JSONEncodeError):
        raise _refusal(_problems(value, "", MAX_DEPTH, normal=True)) from None


def load(data: bytes, limit: int | None = None, *, nfc: bool = True) -> Any:
    """The value of JSON text, its strings brought to NFC unless `nfc` is false (for text that hashes cover).

    Raises TooLarge over `limit` bytes, and InvalidEvent for what is no JSON, says a key twice or leaves the profile.
    """
    if limit is not None and len(data) > limit:
        raise TooLarge(size=size_said(limit))
    outside = _outside_strings(data)
    steps = memoryview(outside.translate(_DEPTH_STEPS, _NOT_BRACKETS)).cast("b")
    if max(accumulate(steps), default=0) > MAX_DEPTH:
        raise _invalid("json-too-deep", limit=MAX_DEPTH)
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        _explain(data, error)
    document = [value]
    try:
        members = _normalise(document, nfc=nfc)
    except _OutsideProfile:
        raise _refusal(_problems(value, "", MAX_DEPTH, normal=False)) from None
    if members != outside.count(b":"):
        # One member less than colons: orjson, like every reader of its kind, kept the last of equal keys.
        raise _refusal(_repeated_keys(json.loads(data, object_pairs_hook=_Members), ""))
    return document[0]


def load_dumped(data: bytes) -> Any:
    """The value of bytes that `dump` wrote; raises InvalidEvent for bytes that writing the value again does not give.

    Three times as fast as `load`: equal bytes leave no room for what a careless reader would pass over.
    """
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        _explain(data, error)
    if orjson.dumps(value, option=orjson.OPT_SORT_KEYS) != data:
        raise _invalid("json-not-canonical")
    return value


def reload(data: bytes) -> Any:
    """The value of bytes that `dump` wrote and nobody else had in hand: read without a second look."""
    return orjson.loads(data)


def escape_pointer(key: str) -> str:
    """One reference token of a JSON pointer (RFC 6901 section 3)."""
    return key.replace("~", "~0").replace("/", "~1")


def _outside_strings(data: bytes) -> bytes:
    """The text without its strings, exact up to the first place where it stops being JSON."""
    if b"\\" in data:
        data = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    return b"".join(data.split(b'"')[::2])


def _has_surrogate(value: str) -> bool:
    return any("\ud800" <= char <= "\udfff" for char in value)


def _check_profile(container: Any, depth: int) -> None:
    """Exact types only: orjson would write subclasses, dates and dataclasses in ways nobody agreed upon."""
    if not depth:
        raise _OutsideProfile
    if type(container) is dict:
        _check_keys(container)
        container = container.values()
    for value in container:
        kind = type(value)
        if kind is str:
            # Lone surrogates are left to orjson: looking for them here would double the cost of Chinese text.
            if "\0" in value or not (value.isascii() or is_normalized("NFC", value)):
                raise _OutsideProfile
        elif kind is dict or kind is list or kind is tuple:
            _check_profile(value, depth - 1)
        elif kind is int:
            if not -MAX_INTEGER <= value <= MAX_INTEGER:
                raise _OutsideProfile
        elif kind is not bool and value is not None:
            raise _OutsideProfile


def _check_keys(members: dict[str, Any]) -> None:
    try:
        keys = "".join(members)
    except TypeError:
        raise _OutsideProfile from None
    if "\0" in keys or not keys.isascii():
        raise _OutsideProfile


def _normalise(value: Any, *, nfc: bool) -> int:
    """Bring the strings below `value` to NFC in place, if so asked; returns how many object members there are."""
    members = 0
    waiting = [value]
    while waiting:
        container = waiting.pop()
        if type(container) is dict:
            _check_keys(container)
            members += len(container)
            inside: Iterable[tuple[Any, Any]] = container.items()
        else:
            inside = enumerate(container)
        for place, inner in inside:
            kind = type(inner)
            if kind is str:
                if "\0" in inner:
                    raise _OutsideProfile
                if nfc and not inner.isascii():
                    container[place] = normal("NFC", inner)
            elif kind is dict or kind is list:
                waiting.append(inner)
            elif kind is float or (kind is int and not -MAX_INTEGER <= inner <= MAX_INTEGER):
                raise _OutsideProfile
    return members


def _problems(value: object, pointer: str, depth: int, *, normal: bool) -> Iterator[Problem]:
    """Everything that keeps `value` out of the profile; `normal` asks that strings already are in NFC."""
    match value:
        case dict() | list() | tuple() if type(value) not in (dict, list, tuple):
            yield Problem(pointer, "json-type", {"type": type(value).__name__})
        case dict() | list() | tuple() if not depth:
            yield Problem(pointer, "json-too-deep", {"limit": MAX_DEPTH})
        case dict():
            for key, member in value.items():
                if type(key) is not str or not key.isascii() or "\0" in key:
                    yield Problem(pointer, "json-key", {"key": ascii(key)})
                else:
                    yield from _problems(member, f"{pointer}/{escape_pointer(key)}", depth - 1, normal=normal)
        case list() | tuple():
            for index, item in enumerate(value):
                yield from _problems(item, f"{pointer}/{index}", depth - 1, normal=normal)
        case bool() | None:
            return
        case _:
            code = _scalar_code(value, normal=normal)
            if code is not None:
                yield Problem(pointer, code, {"type": type(value).__name__})


def _scalar_code(value: object, *, normal: bool) -> str | None:
    if type(value) is str:
        if "\0" in value:
            return "text-nul"
        if _has_surrogate(value):
            return "text-surrogate"
        return "text-not-nfc" if normal and not is_normalized("NFC", value) else None
    if type(value) is int:
        return None if -MAX_INTEGER <= value <= MAX_INTEGER else "number-too-large"
    if type(value) is float:
        if not isfinite(value):
            return "number-not-finite"
        return "number-not-whole" if abs(value) <= MAX_INTEGER else "number-too-large"
    return "json-type"


def _repeated_keys(value: object, pointer: str) -> Iterator[Problem]:
    if isinstance(value, _Members):
        seen: set[str] = set()
        for key, member in value:
            here = f"{pointer}/{escape_pointer(key)}"
            if key in seen:
                yield Problem(here, "json-key-twice", {"key": key})
            seen.add(key)
            yield from _repeated_keys(member, here)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _repeated_keys(item, f"{pointer}/{index}")


def _explain(data: bytes, error: orjson.JSONDecodeError) -> NoReturn:
    """What orjson refuses, said with a pointer where the forgiving reader of the standard library still finds one."""
    if data.startswith(b"\xef\xbb\xbf"):
        raise _invalid("json-bom") from None
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as wrong:
        raise _invalid("json-not-utf8", at=wrong.start) from None
    try:
        refusal = _refusal(_problems(json.loads(text), "", MAX_DEPTH, normal=False))
    except ValueError:
        refusal = _refusal(())
    if not refusal.problems:
        raise _invalid("json-malformed", line=error.lineno, column=error.colno) from None
    raise refusal from None


def _refusal(problems: Iterable[Problem]) -> InvalidEvent:
    return InvalidEvent(tuple(islice(problems, MOST_PROBLEMS)))


def _invalid(code: str, **names: object) -> InvalidEvent:
    return InvalidEvent([Problem("", code, names)])
