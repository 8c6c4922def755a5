from __future__ import annotations

import io
import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heji_trace.errors import InvalidEvent, Problem
from heji_trace.events.streams import Piece, split_array, split_lines
from heji_trace.proving import canonical

MOST = 1000
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


class Drip(io.BytesIO):
    """Gives a byte or two at a time, so that every cut falls somewhere."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(size, 2) if size and 0 < size <= 1 << 16 else size)


def array(data: bytes, most: int = 1 << 18) -> list[Piece | Problem]:
    return list(split_array(io.BytesIO(data), most))


def refusal(data: bytes) -> str:
    with pytest.raises(InvalidEvent) as refused:
        array(data)
    [problem] = refused.value.problems
    return problem.code


@given(st.lists(VALUES, max_size=6), st.sampled_from([None, 1]), st.booleans())
def test_the_values_of_an_array_are_cut_where_they_end(
    values: list[object], indent: int | None, ascii_only: bool
) -> None:
    data = json.dumps(values, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    for stream in (io.BytesIO(data), Drip(data)):
        pieces = list(split_array(stream, 1 << 20))
        assert [json.loads(piece.data) for piece in pieces if isinstance(piece, Piece)] == values
        assert [piece.line for piece in pieces] == list(range(1, len(values) + 1))


@given(st.binary(max_size=60) | st.text(alphabet='[]{},:"\\ 1a\n', max_size=60).map(str.encode))
def test_whatever_is_cut_from_an_array_is_what_the_reader_of_all_json_finds_in_it(data: bytes) -> None:
    assert read(
        lambda: [canonical.load(piece.data) for piece in array(data) if isinstance(piece, Piece)]
    ) == read(lambda: list_of(canonical.load(data)))


def read(reading: Callable[[], list[object]]) -> list[object] | None:
    """What was read, or None where it was refused."""
    try:
        return reading()
    except InvalidEvent:
        return None


def list_of(value: object) -> list[object]:
    if not isinstance(value, list):
        raise InvalidEvent([])
    return value


@pytest.mark.parametrize(
    "data, code",
    [
        (b"", "json-malformed"),
        (b"{}", "not-a-list"),
        (b"5", "not-a-list"),
        (b"[1 2]", "json-malformed"),
        (b"[1,]", "json-malformed"),
        (b"[,1]", "json-malformed"),
        (b"[1", "json-malformed"),
        (b'["a', "json-malformed"),
        (b"[[1}", "json-malformed"),
        (b"[] []", "json-malformed"),
        (b"\xef\xbb\xbf[]", "json-bom"),
        (b"[" * 100_000, "json-too-deep"),
        ("[1]".encode("utf-16"), "json-not-utf8"),
    ],
)
def test_what_is_no_array_is_refused_as_everywhere(data: bytes, code: str) -> None:
    assert refusal(data) == code


def test_in_a_document_too_long_to_be_read_again_the_place_is_told() -> None:
    values = b"[" + b"\n1," * 400_000
    with pytest.raises(InvalidEvent) as refused:
        list(split_array(io.BytesIO(values + b"\n oops ]x"), MOST))
    [problem] = refused.value.problems
    assert (problem.code, problem.names) == ("json-malformed", {"line": 400_002, "column": 8})


def test_a_value_that_is_too_long_ends_an_array_and_is_told_with_its_place() -> None:
    first, second = array(b'[1, "' + b"a" * 5000 + b'", 2]', MOST)
    assert isinstance(first, Piece)
    assert second == Problem("/1", "too-large", {"size": f"{MOST} B"}, 2)


def test_a_value_that_never_ends_is_not_gathered() -> None:
    endless = io.BytesIO(b'["' + b"a" * 30_000_000)
    assert list(split_array(endless, MOST)) == [Problem("/0", "too-large", {"size": f"{MOST} B"}, 1)]
    assert endless.tell() < 1 << 18


def test_lines_are_cut_and_numbered_as_an_editor_numbers_them() -> None:
    data = b'{"a": 1}\r\n\n  \t\n[2]\n\r\n3'
    assert list(split_lines(io.BytesIO(data), MOST)) == [
        Piece(0, 1, b'{"a": 1}\r\n'),
        Piece(1, 4, b"[2]\n"),
        Piece(2, 6, b"3"),
    ]


def test_a_line_of_the_longest_length_is_read_and_a_longer_one_is_told() -> None:
    data = b"1" * 10 + b"\n" + b"2" * 11 + b"\n" + b"3" * 200_000 + b"\n4"
    assert list(split_lines(io.BytesIO(data), 10)) == [
        Piece(0, 1, b"1" * 10 + b"\n"),
        Problem("/1", "too-large", {"size": "10 B"}, 2),
        Problem("/2", "too-large", {"size": "10 B"}, 3),
        Piece(3, 4, b"4"),
    ]
