"""A lean client: many keep-alive connections in one process of its own, so that the server has a core for itself.

python -m bench.load PORT CONNECTIONS SECONDS FILE    FILE holds whole requests, each after its length in four bytes
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path


@dataclass(frozen=True)
class Load:
    """What a run gave: answers a second, and the milliseconds that half and 99 of 100 answers took at most."""

    answers: int
    failures: int
    seconds: float
    p50: float
    p99: float

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answers / self.seconds


def read_requests(path: Path) -> Iterator[bytes]:
    """The requests of a file, once."""
    data, at = path.read_bytes(), 0
    while at < len(data):
        end = at + 4 + int.from_bytes(data[at : at + 4], "big")
        yield data[at + 4 : end]
        at = end


def dump_requests(path: Path, requests: list[bytes]) -> None:
    """Write what `read_requests` reads."""
    path.write_bytes(b"".join(len(each).to_bytes(4, "big") + each for each in requests))


async def drive(port: int, connections: int, seconds: float, requests: list[bytes]) -> Load:
    """Send the requests, each connection its next as soon as it has its answer, until the time is over."""
    waiting = iter(requests)
    took: list[float] = []
    failures = 0
    start = time.perf_counter()

    async def one_connection() -> None:
        nonlocal failures
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in waiting:
            if time.perf_counter() - start > seconds:
                break
            sent = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length))
            took.append(time.perf_counter() - sent)
            failures += head[9:10] != b"2"
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    await asyncio.gather(*(one_connection() for _ in range(connections)))
    elapsed = time.perf_counter() - start
    took.sort()
    return Load(len(took), failures, elapsed, took[len(took) // 2] * 1000, took[int(len(took) * 0.99)] * 1000)


def main() -> None:
    """Run as a program; the figures go to standard output as JSON."""
    port, connections, seconds, path = sys.argv[1:]
    requests = list(islice(read_requests(Path(path)), 1_000_000))
    load = asyncio.run(drive(int(port), int(connections), float(seconds), requests))
    sys.stdout.write(json.dumps(asdict(load)))


if __name__ == "__main__":
    main()
