"""What the served product does under load, beside a hello-world on the same server in the same run."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

from bench.figures import Figure, at_least
from bench.load import Load, dump_requests
from bench.prepared import BULK, Prepared, prepare, statements
from county import opened_county
from served import Served, free_port

CLIENTS = 32
SECONDS = 8.0
_MEGABYTE = 2**20


def served_figures(root: Path, database_url: str | None = None) -> list[Figure]:
    """Pages, single appends and one large bulk; the pages on SQLite alone, where nothing of them depends on it."""
    on = "SQLite" if database_url is None else "PostgreSQL"
    prepared = prepare(root / "county", database_url)
    with hello_server() as port:
        hello = median_load(port, [get("/", port)] * 200_000, root)
    figures = [Figure("hello-world, same server", f"{hello.rate:,.0f}/s")]
    served = Served(
        prepared.folder, HEJI_DATABASE_URL=prepared.database_url, HEJI_BULK_LIMIT=str(64 * _MEGABYTE)
    )
    served.start()
    try:
        figures += append_figures(served, prepared, hello, root, on)
        if database_url is None:
            figures += page_figures(served, prepared, hello, root)
    finally:
        served.stop()
    bulk = list(bulk_lines(root / "drafts"))
    served.start()
    try:
        figures += bulk_figures(served, prepared, bulk, on)
    finally:
        served.stop()
        served.close()
    return figures


def append_figures(served: Served, prepared: Prepared, hello: Load, root: Path, on: str) -> list[Figure]:
    """Durable appends of 32 clients, one event a request."""
    requests = [post("/api/v1/events", each, served.port, prepared.token) for each in prepared.singles]
    # As the hello-world: of three runs the middle one, each with events of its own.
    third = len(requests) // 3
    parts = [requests[at * third : (at + 1) * third] for at in range(3)]
    loads = [run_load(served.port, part, root, SECONDS / 3) for part in parts]
    for each in loads:
        check_answers(each)
    load = sorted(loads, key=lambda load: load.rate)[1]
    return [
        Figure(f"single appends, {CLIENTS} clients, {on}", f"{load.rate:,.0f}/s"),
        at_least("ratio to hello-world", load.rate / hello.rate, 0.25),
        Figure("  p50 · p99", f"{load.p50:.0f} · {load.p99:.0f} ms", "p99 < 120 ms", load.p99 < 120),
    ]


def page_figures(served: Served, prepared: Prepared, hello: Load, root: Path) -> list[Figure]:
    """A consumer page that is asked for again and again."""
    request = get(f"/t/{prepared.trace_code}", served.port)
    load = median_load(served.port, [request] * 100_000, root)
    check_answers(load)
    return [
        Figure("consumer page, cached", f"{load.rate:,.0f}/s"),
        at_least("ratio to hello-world", load.rate / hello.rate, 0.5),
    ]


def bulk_lines(folder: Path) -> Iterator[bytes]:
    """The events of a bulk as lines of JSON, drafted on a county of the same codes."""
    folder.mkdir()
    with opened_county(folder) as county:
        county.made = 10_000_000
        for each in statements(county, BULK, "B"):
            yield json.dumps(each, ensure_ascii=False).encode()


def bulk_figures(served: Served, prepared: Prepared, lines: Sequence[bytes], on: str) -> list[Figure]:
    """One request with 100,000 events, compressed NDJSON, and the most memory the service had."""
    body = gzip.compress(b"\n".join(lines), 1)
    connection = HTTPConnection("127.0.0.1", served.port, timeout=300)
    headers = {
        "Authorization": f"Bearer {prepared.token}",
        "Content-Type": "application/x-ndjson",
        "Content-Encoding": "gzip",
    }
    start = time.perf_counter()
    connection.request("POST", "/api/v1/events/bulk", body, headers)
    answer = connection.getresponse()
    answer.read()
    rate = len(lines) / (time.perf_counter() - start)
    connection.close()
    if answer.status not in (200, 201):
        sys.exit(f"the bulk was not recorded: {answer.status}")
    memory = _most_memory(served) / _MEGABYTE
    return [
        Figure(
            f"bulk, {len(lines):,} mixed events in one request, {on}",
            f"{rate:,.0f}/s",
            "≥ 4,000/s",
            rate >= 4000,
        ),
        Figure("  memory of the service at most", f"{memory:.0f} MB", "< 300 MB", memory < 300),
    ]


def _most_memory(served: Served) -> int:
    if served.process is None:
        raise RuntimeError("the service is not running")
    status = Path(f"/proc/{served.process.pid}/status").read_text("ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


# --- requests --------------------------------------------------------------------------------------------------------


def check_answers(load: Load) -> None:
    """A figure of refusals would be a fine figure of nothing."""
    if load.failures:
        sys.exit(f"{load.failures} of {load.answers} answers were errors")


def get(path: str, port: int) -> bytes:
    """A request as bytes."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: text/html\r\n"
        "Accept-Language: zh-CN\r\nAccept-Encoding: gzip\r\n\r\n"
    ).encode()


def post(path: str, body: object, port: int, token: str) -> bytes:
    """A request as bytes."""
    data = json.dumps(body, ensure_ascii=False).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    )
    return head.encode() + data


def run_load(port: int, requests: Sequence[bytes], root: Path, seconds: float = SECONDS) -> Load:
    """Send the requests from a process of its own."""
    path = root / "requests"
    dump_requests(path, list(requests))
    command = [sys.executable, "-m", "bench.load", str(port), str(CLIENTS), str(seconds), str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Load(**json.loads(done.stdout))


def median_load(port: int, requests: Sequence[bytes], root: Path) -> Load:
    """Of three shorter runs the middle one: other work on the machine spoils one of them at times."""
    loads = [run_load(port, requests, root, SECONDS / 3) for _ in range(3)]
    return sorted(loads, key=lambda load: load.rate)[1]


@contextmanager
def hello_server() -> Iterator[int]:
    """The yardstick, in a process of its own."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "bench.hello", str(port)], stderr=subprocess.DEVNULL)
    try:
        probe = Served.__new__(Served)
        probe.port = port
        while not probe.is_ready():
            if process.poll() is not None:
                sys.exit("the hello-world did not start")
            time.sleep(0.02)
        yield port
    finally:
        process.terminate()
        process.wait()
