"""A bad line between a client and the service: an asyncio proxy that drops, cuts, tears, doubles, delays and reorders."""

from __future__ import annotations

import asyncio
import contextlib
import re
from asyncio import StreamReader, StreamWriter
from collections import Counter
from collections.abc import Coroutine, Mapping
from random import Random
from threading import Thread
from typing import Any

_LENGTH = re.compile(rb"^content-length: *([0-9]+)", re.IGNORECASE | re.MULTILINE)
_CHUNKED = re.compile(rb"^transfer-encoding: *chunked", re.IGNORECASE | re.MULTILINE)
_PAGE = b"<html><body>Please accept our conditions first.</body></html>"
# What a whole request may meet, with how often in a hundred.
BAD_LINE: Mapping[str, int] = {
    "dropped": 8,  # never forwarded
    "cut": 9,  # forwarded, and the answer lost
    "torn": 6,  # forwarded, and half of the answer lost
    "doubled": 8,  # forwarded twice at once
    "late": 6,  # the client is cut off, and the request comes in after later ones
    "delayed": 5,  # other clients overtake it
    "busy": 4,  # a gateway answers 503
    "portal": 3,  # a portal answers 200 with a page of its own
    "forbidden": 3,  # and another one 403
    "throttled": 3,
    "unknown": 3,  # 401
}


class FaultyLine:
    """A proxy on a port of its own, in a thread of its own; `met` counts what requests met."""

    def __init__(self, upstream: int, seed: int, faults: Mapping[str, int] = BAD_LINE) -> None:
        self.met: Counter[str] = Counter()
        self.port = 0
        self._upstream = upstream
        self._random = Random(seed)
        self._faults = faults
        self._pack: list[str] = []
        self._held: list[bytes] = []
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._server = self._run(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = self._server.sockets[0].getsockname()[1]

    def flush(self) -> None:
        """Forward what was held back: the line gives up everything in the end."""
        self._run(self._forward_held(everything=True))

    def close(self) -> None:
        self._server.close()
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()

    def _run(self, what: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(timeout=60)

    async def _end(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while await self._one(await _message(reader), writer):
                pass
        writer.close()

    async def _one(self, request: bytes, writer: StreamWriter) -> bool:
        """One request meets its fault; whether the client's connection stays."""
        fault = self._drawn()
        self.met[fault] += 1
        answer = b""
        match fault:
            case "dropped":
                return False
            case "late":
                self._held.append(request)
                return False
            case "busy":
                answer = _answer("503 Service Unavailable", _PAGE)
            case "portal":
                answer = _answer("200 OK", _PAGE)
            case "forbidden":
                answer = _answer("403 Forbidden", _PAGE)
            case "throttled":
                answer = _answer("429 Too Many Requests", b"{}", "Retry-After: 1\r\n")
            case "unknown":
                answer = _answer("401 Unauthorized", b"{}")
            case "doubled":
                answers = await asyncio.gather(self._forward(request), self._forward(request))
                answer = self._random.choice(answers)
            case "delayed":
                await asyncio.sleep(self._random.random() / 20)
                answer = await self._forward(request)
            case _:
                answer = await self._forward(request)
        await self._forward_held()
        if fault == "cut":
            return False
        if fault == "torn":
            answer = answer[: self._random.randrange(1, len(answer))]
        writer.write(answer)
        await writer.drain()
        return fault != "torn"

    def _drawn(self) -> str:
        """The next of a shuffled pack of a hundred, so that after a hundred requests each fault was met as often as said."""
        if not self._pack:
            self._pack = [fault for fault, often in self._faults.items() for _ in range(often)]
            self._pack += ["passed"] * (100 - len(self._pack))
            self._random.shuffle(self._pack)
        return self._pack.pop()

    async def _forward_held(self, *, everything: bool = False) -> None:
        while self._held and (everything or self._random.random() < 0.3):
            at = self._random.randrange(len(self._held))
            await self._forward(self._held.pop(at))

    async def _forward(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._upstream)
        writer.write(request)
        answer = await _message(reader)
        writer.close()
        return answer


async def _message(reader: StreamReader) -> bytes:
    """A whole request or answer, of a length that is announced or in chunks."""
    head = await reader.readuntil(b"\r\n\r\n")
    if _CHUNKED.search(head):
        return head + await _chunks(reader)
    length = _LENGTH.search(head)
    return head + (await reader.readexactly(int(length[1])) if length else b"")


async def _chunks(reader: StreamReader) -> bytes:
    body = b""
    while True:
        size = await reader.readuntil(b"\r\n")
        body += size + await reader.readexactly(int(size, 16) + 2)
        if not int(size, 16):
            return body


def _answer(status: str, body: bytes, more: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nContent-Type: text/html\r\n{more}\r\n"
    return head.encode() + body
