"""Reading bodies: capped before and while they are read, and JSON only by the canonical reader."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO, cast

from flask import request
from werkzeug.exceptions import ClientDisconnected

from heji_trace.errors import InvalidEvent, Problem, TooLarge
from heji_trace.events.spool import Scratch
from heji_trace.proving import canonical
from heji_trace.sentences import size_said
from heji_web.service.service import the_service

MOST_UNPACKED = 8
"""How many times as large as its cap a packed body may become."""

_CHUNK = 1 << 16
# Events in JSON pack to a tenth; what packs to a hundredth was made for it.
_MOST_RATIO = 100
_ANY_RATIO = 1 << 20


def permit_body(limit: int) -> None:
    """Let this request's body (forms and files too) have `limit` bytes; raises TooLarge where it announces more.

    Call it before anything reads the body. Without it the limit of ordinary requests holds.
    """
    request.max_content_length = limit
    if (request.content_length or 0) > limit:
        raise TooLarge(size=size_said(limit))


def read_body(limit: int | None = None) -> bytes:
    """The whole body, at most `limit` bytes (as settings say where None); raises TooLarge, InvalidEvent."""
    limit = the_service().settings.body_limit if limit is None else limit
    permit_body(limit)
    _check_encoding(("identity",))
    return b"".join(_received(limit))


def spool_body(limit: int) -> BinaryIO:
    """The whole body in a file without a name, unpacked where it is sent with gzip.

    As sent it has at most `limit` bytes; unpacked at most `MOST_UNPACKED` times as many, and no bomb is unpacked to
    find that out. Raises TooLarge, InvalidEvent.
    """
    permit_body(limit)
    received = _received(limit)
    if _check_encoding(("identity", "gzip")) == "gzip":
        received = _unpacked(received, limit)
    spool = Scratch()
    for chunk in received:
        spool.write(chunk)
    spool.seek(0)
    return cast(BinaryIO, spool)


def _check_encoding(permitted: tuple[str, ...]) -> str:
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in permitted:
        raise InvalidEvent([Problem("", "bad-encoding", {"encoding": encoding[:40]})])
    return encoding


def _received(limit: int) -> Iterator[bytes]:
    # A chunked body announces no length, and Werkzeug's stream ends at the limit without a word.
    request.max_content_length = limit + 1
    size = 0
    try:
        while chunk := request.stream.read(_CHUNK):
            size += len(chunk)
            if size > limit:
                raise TooLarge(size=size_said(limit))
            yield chunk
    except ClientDisconnected as error:
        raise InvalidEvent([Problem("", "bad-request")]) from error


def _unpacked(packed: Iterable[bytes], limit: int) -> Iterator[bytes]:
    """What gzip packed; a stream that ends early, goes on behind its end, or unpacks to too much is refused."""
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
    received = unpacked = 0
    try:
        for chunk in packed:
            received += len(chunk)
            rest = chunk
            while rest and not unpacker.eof:
                data = unpacker.decompress(rest, _CHUNK)
                rest = unpacker.unconsumed_tail
                unpacked += len(data)
                if unpacked > limit * MOST_UNPACKED or unpacked > _ANY_RATIO + received * _MOST_RATIO:
                    raise TooLarge("unpacks-to-too-much", size=size_said(limit * MOST_UNPACKED))
                yield data
            if unpacker.unused_data or rest:
                raise InvalidEvent([Problem("", "bad-gzip")])
    except zlib.error as error:
        raise InvalidEvent([Problem("", "bad-gzip")]) from error
    if not unpacker.eof:
        raise InvalidEvent([Problem("", "bad-gzip")])


def read_json(limit: int | None = None) -> object:
    """The body as a JSON value, however it is labelled; raises TooLarge and InvalidEvent only."""
    limit = the_service().settings.body_limit if limit is None else limit
    data = read_body(limit)
    if not data:
        raise InvalidEvent([Problem("", "empty-body")])
    return canonical.load(data, limit)
