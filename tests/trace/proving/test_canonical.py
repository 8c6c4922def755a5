from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

import pytest

from heji_trace.errors import InvalidEvent, TooLarge
from heji_trace.proving import canonical


def codes(refusal: pytest.ExceptionInfo[InvalidEvent]) -> list[tuple[str, str]]:
    return [(problem.pointer, problem.code) for problem in refusal.value.problems]


def test_keys_are_sorted_and_no_space_is_written() -> None:
    assert canonical.dump({"b": [1, True, None], "a": "桂味"}) == '{"a":"桂味","b":[1,true,null]}'.encode()


def test_control_characters_are_escaped_as_rfc_8785_says() -> None:
    text = '\b\t\n\f\r\x1f\x7f"\\/\u2028😀'
    assert canonical.dump(text) == '"\\b\\t\\n\\f\\r\\u001f\x7f\\"\\\\/\u2028😀"'.encode()


def test_a_tuple_is_an_array() -> None:
    assert canonical.dump(((), (1,))) == b"[[],[1]]"


def test_the_largest_integers_are_taken_and_the_next_refused() -> None:
    most = 2**53 - 1
    assert canonical.load(canonical.dump([most, -most])) == [most, -most]
    with pytest.raises(InvalidEvent) as refusal:
        canonical.dump({"n": [most + 1]})
    assert codes(refusal) == [("/n/0", "number-too-large")]


class Colour(StrEnum):
    RED = "red"


@dataclass
class Plain:
    size: int = 1


@pytest.mark.parametrize(
    "value, code",
    [
        (1.0, "number-not-whole"),
        (float("nan"), "number-not-finite"),
        (float("-inf"), "number-not-finite"),
        (1e20, "number-too-large"),
        (-(2**53), "number-too-large"),
        (b"bytes", "json-type"),
        (datetime(2026, 1, 1, tzinfo=UTC), "json-type"),
        (Colour.RED, "json-type"),
        (Plain(), "json-type"),
        ({1, 2}, "json-type"),
        ("a\0b", "text-nul"),
        ("\ud800", "text-surrogate"),
        ("e\u0301", "text-not-nfc"),
    ],
)
def test_what_is_outside_the_profile_is_refused_by_pointer(value: object, code: str) -> None:
    with pytest.raises(InvalidEvent) as refusal:
        canonical.dump({"a/b~c": [0, value]})
    assert codes(refusal) == [("/a~1b~0c/1", code)]


def test_every_flaw_is_named_at_once() -> None:
    with pytest.raises(InvalidEvent) as refusal:
        canonical.dump({"a": 0.5, "b": {"c": "\0"}})
    assert codes(refusal) == [("/a", "number-not-whole"), ("/b/c", "text-nul")]


@pytest.mark.parametrize("key", ["数量", "\0", 1, None, Colour.RED])
def test_a_key_that_is_no_ascii_text_is_refused(key: object) -> None:
    with pytest.raises(InvalidEvent) as refusal:
        canonical.dump({"outer": {key: 1}})
    assert codes(refusal) == [("/outer", "json-key")]


class Dict(dict[str, int]):
    pass


@pytest.mark.parametrize(
    "text",
    [
        "[" + "1.5," * 1000 + "0]",
        "{" + '"a":1,' * 1000 + '"b":1}',
        "[" + "Infinity," * 1000 + "0]",
    ],
)
def test_of_very_many_flaws_the_first_are_named(text: str) -> None:
    with pytest.raises(InvalidEvent) as refused:
        canonical.load(text.encode())
    assert len(refused.value.problems) == canonical.MOST_PROBLEMS


def test_a_subclass_of_dict_is_refused() -> None:
    with pytest.raises(InvalidEvent) as refusal:
        canonical.dump([Dict()])
    assert codes(refusal) == [("/0", "json-type")]


def nested(depth: int) -> object:
    value: object = []
    for _ in range(depth - 1):
        value = [value]
    return value


def test_depth_32_is_taken_and_33_refused_by_both_ways() -> None:
    data = canonical.dump(nested(32))
    assert canonical.load(data) == nested(32)
    with pytest.raises(InvalidEvent) as refusal:
        canonical.dump(nested(33))
    assert codes(refusal) == [("/0" * 32, "json-too-deep")]
    with pytest.raises(InvalidEvent) as refusal:
        canonical.load(b"[" + data + b"]")
    assert codes(refusal) == [("", "json-too-deep")]


def test_a_value_that_contains_itself_is_refused() -> None:
    circle: list[object] = []
    circle.append(circle)
    with pytest.raises(InvalidEvent):
        canonical.dump(circle)


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'"\\"' + b"[" * 100_000 + b'",' + b"[" * 100_000,
    ],
)
def test_a_hundred_thousand_brackets_are_refused(data: bytes) -> None:
    with pytest.raises(InvalidEvent):
        canonical.load(data)


@pytest.mark.parametrize(
    "text", ["[" * 1000, "]" * 1000, '\\"' + "[" * 99, "\\" * 7 + '"{' * 50, '{"a":[[' * 20]
)
def test_brackets_inside_a_text_are_not_depth(text: str) -> None:
    assert canonical.load(json.dumps({"note": text, text: 1}).encode()) == {"note": text, text: 1}


@pytest.mark.parametrize(
    "data, expected",
    [
        (b'{"a":1,"a":1}', [("/a", "json-key-twice")]),
        (b'{"a":{"b":[0,{"c":1,"d":":","c":2}]}}', [("/a/b/1/c", "json-key-twice")]),
        (b'{"a":1,"\\u0061":2}', [("/a", "json-key-twice")]),
        (b'{"a":{},"a":[{"b":1,"b":2}]}', [("/a", "json-key-twice"), ("/a/0/b", "json-key-twice")]),
        (b'{"x":[1,2.5]}', [("/x/1", "number-not-whole")]),
        (b'{"x":1e3}', [("/x", "number-not-whole")]),
        (b'{"x":-0.0}', [("/x", "number-not-whole")]),
        (b'{"x":9007199254740992}', [("/x", "number-too-large")]),
        (b'{"x":123456789012345678901234567890}', [("/x", "number-too-large")]),
        (b'{"x":1e999}', [("/x", "number-not-finite")]),
        (b'{"x":NaN}', [("/x", "number-not-finite")]),
        (b'{"x":[Infinity,-Infinity]}', [("/x/0", "number-not-finite"), ("/x/1", "number-not-finite")]),
        (b'{"x":"\\ud83d"}', [("/x", "text-surrogate")]),
        (b'{"x":"\\udc00\\ud800"}', [("/x", "text-surrogate")]),
        (b'{"x":"\\u0000"}', [("/x", "text-nul")]),
        ('{"批次":1}'.encode(), [("", "json-key")]),
        (b"\xef\xbb\xbf{}", [("", "json-bom")]),
        (b'{"x":"\xff"}', [("", "json-not-utf8")]),
        (b'{"x":"\xed\xa0\x80"}', [("", "json-not-utf8")]),
        ("{}".encode("utf-16"), [("", "json-not-utf8")]),
        (b"", [("", "json-malformed")]),
        (b"{", [("", "json-malformed")]),
        (b"{} {}", [("", "json-malformed")]),
        (b"[1,]", [("", "json-malformed")]),
        (b"{'a':1}", [("", "json-malformed")]),
        (b"[01]", [("", "json-malformed")]),
        (b'["\x00"]', [("", "json-malformed")]),
        (b'["a\nb"]', [("", "json-malformed")]),
        ("[１２]".encode(), [("", "json-malformed")]),
        (b"[" + b"9" * 400 + b"]", [("/0", "number-too-large")]),
        (b"[" + b"9" * 5000 + b"]", [("", "json-malformed")]),
    ],
)
def test_bad_text_is_refused_with_pointer_and_reason(data: bytes, expected: list[tuple[str, str]]) -> None:
    with pytest.raises(InvalidEvent) as refusal:
        canonical.load(data)
    assert codes(refusal) == expected
    assert all(problem.sentence("zh") and problem.sentence("en") for problem in refusal.value.problems)


def test_malformed_text_is_refused_with_line_and_column() -> None:
    with pytest.raises(InvalidEvent) as refusal:
        canonical.load(b'{"a": 1,\n "b": }')
    assert refusal.value.problems[0].names == {"line": 2, "column": 7}


def test_text_is_brought_to_nfc() -> None:
    decomposed = b'{"a":["e\\u0301","\\u1112\\u1161\\u11ab"]}'
    assert canonical.load(decomposed) == {"a": ["é", "한"]}
    assert canonical.load(b'"e\\u0301"') == "é"


def test_text_that_hashes_cover_stays_as_it_was_sent() -> None:
    assert canonical.load(b'["e\\u0301"]', nfc=False) == ["e\u0301"]


def test_the_limit_counts_bytes() -> None:
    assert canonical.load(b'"abc"', limit=5) == "abc"
    with pytest.raises(TooLarge):
        canonical.load(b'"abcd"', limit=5)


def test_pairs_of_surrogates_are_one_character() -> None:
    assert canonical.load(b'"\\ud83c\\udf3e"') == "🌾"


@pytest.mark.parametrize("value", [{"b": [1, None, True], "a": "x"}, [], "禾迹", {"a": {"b": [{}]}}])
def test_what_was_dumped_is_loaded_fast_as_it_is_loaded_with_care(value: object) -> None:
    data = canonical.dump(value)
    assert canonical.load_dumped(data) == canonical.load(data) == value


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1, "b":2}',
        b'{"b":1,"a":2}',
        b'{"a":1,"a":1}',
        b'{"a":1}\n',
        b'"\\u0041"',
        b'{"a":',
        b"\xff",
        b"NaN",
    ],
)
def test_bytes_that_dump_would_not_write_are_refused_by_the_fast_reader(data: bytes) -> None:
    with pytest.raises(InvalidEvent):
        canonical.load_dumped(data)


def test_what_was_dumped_is_reloaded_as_it_was() -> None:
    value = {"b": [1, True, None, -(2**53) + 1], "a": '桂味 "\\\u2028😀', "c": {"d": []}}
    assert canonical.reload(canonical.dump(value)) == value
