"""JSON documents too long to be held: an array or lines of JSON, cut into the bytes of each value.

Only the cuts are made here; every value is then read by `canonical.load`, as anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from heji_trace.errors import InvalidEvent, Problem
from heji_trace.proving import canonical
from heji_trace.sentences import size_said

_CHUNK = 1 << 16
_BLANKS = b" \t\r\n"
# So much is read again as a whole to say exactly what is wrong with it.
_EXPLAINED = 1 << 20


@dataclass(frozen=True, slots=True)
class Piece:
    """The bytes of one value, with its place from 0 and its line (in an array, its place from 1)."""

    place: int
    line: int
    data: bytes


def split_lines(stream: BinaryIO, most: int) -> Iterator[Piece | Problem]:
    """The values of lines of JSON, blank lines left out; a problem for a line of more than `most` bytes.

    A byte order mark is refused like everywhere, by whoever reads the first line.
    """
    place = number = 0
    while line := stream.readline(most + 1):
        number += 1
        is_too_long = len(line) > most and not line.endswith(b"\n")
        while is_too_long and not line.endswith(b"\n") and (rest := stream.readline(_CHUNK)):
            line = rest
        if is_too_long:
            yield _too_long(place, number, most)
        elif line.strip(_BLANKS):
            yield Piece(place, number, line)
        else:
            continue
        place += 1


def split_array(stream: BinaryIO, most: int) -> Iterator[Piece | Problem]:
    """The values of a JSON array, each of at most `most` bytes; raises InvalidEvent where it is no array of values."""
    reader = _Reader(stream)
    reader.skip_blanks()
    if not reader.take(b"["):
        reader.refuse("not-a-list")
    place = 0
    reader.skip_blanks()
    is_over = reader.take(b"]")
    reader.skip_blanks()
    while not is_over:
        data = reader.take_value(most)
        yield Piece(place, place + 1, data) if data is not None else _too_long(place, place + 1, most)
        if data is None:
            return
        place += 1
        reader.skip_blanks()
        is_over = reader.take(b"]")
        if not is_over and not reader.take(b","):
            reader.refuse("json-malformed")
        reader.skip_blanks()
    if not reader.is_at_end:
        reader.refuse("json-malformed")


def _too_long(place: int, line: int, most: int) -> Problem:
    return Problem(f"/{place}", "too-large", {"size": size_said(most)}, line)


def _container(depth: int) -> bytes:
    """A pattern of arrays and objects nested so deep; possessive, so that no text makes it go back and try again."""
    inside = rb'[^"\[\]{}]++|"(?:[^"\\]++|\\.)*+"'
    if depth > 1:
        inside += b"|" + _container(depth - 1)
    return rb"[\[{](?:" + inside + rb")*+[\]}]"


_VALUE = re.compile(
    rb'(?P<whole>%b|"(?:[^"\\]++|\\.)*+")|[^\s,"\[\]{}]++' % _container(canonical.MAX_DEPTH), re.DOTALL
)


class _Reader:
    """A window that moves over a document."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._window = b""
        self._at = 0
        self._lines = 0
        self._ended = False

    @property
    def is_at_end(self) -> bool:
        """Whether nothing follows."""
        return self._at == len(self._window) and not self._more()

    def skip_blanks(self) -> None:
        """Move to the next byte that says something."""
        while True:
            rest = self._window[self._at :].lstrip(_BLANKS)
            self._at = len(self._window) - len(rest)
            if rest or not self._more():
                return

    def take(self, sign: bytes) -> bool:
        """Whether `sign` comes next; it is behind us then."""
        if self._at == len(self._window) and not self._more():
            return False
        found = self._window.startswith(sign, self._at)
        self._at += len(sign) if found else 0
        return found

    def take_value(self, most: int) -> bytes | None:
        """The bytes of the value that comes next, or None where it has more than `most`."""
        while True:
            found = _VALUE.match(self._window, self._at)
            # A bare word or number may go on behind the window; what has its end mark does not.
            if found and (found["whole"] is not None or found.end() < len(self._window) or self._ended):
                self._at = found.end()
                return found[0] if len(found[0]) <= most else None
            if len(self._window) - self._at > most:
                return None
            if not self._more():
                self.refuse("json-malformed")

    def refuse(self, code: str) -> None:
        """Raise InvalidEvent: of a short document with what the reader of all JSON says, else with the place."""
        self._stream.seek(0)
        data = self._stream.read(_EXPLAINED + 1)
        if len(data) <= _EXPLAINED:
            canonical.load(data)
        if code == "not-a-list":
            raise InvalidEvent([Problem("", code)])
        before = self._window[: self._at]
        line = self._lines + before.count(b"\n") + 1
        column = len(before) - before.rfind(b"\n")
        raise InvalidEvent([Problem("", code, {"line": line, "column": column})])

    def _more(self) -> bool:
        chunk = self._stream.read(_CHUNK)
        self._ended = not chunk
        self._lines += self._window.count(b"\n", 0, self._at)
        self._window = self._window[self._at :] + chunk
        self._at = 0
        return bool(chunk)
