"""`./run bench`: the figures that the design promises, each beside a hello-world of the same run.

An absolute figure of a shared machine says little; the ratios say whether something has become slow.
"""

from __future__ import annotations

import json
import os
import platform
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.load import Load, dump_requests
from bench.synthetic import make_ledger
from county import PACKED, PRODUCT, County, opened_county
from heji_trace.label_issue import issue_label
from heji_trace.verify import verify
from served import Caller, Served, free_port

CLIENTS = 32
SECONDS = 8.0
SINGLES = 12_000
BULK = 10_000
ENTRIES = 200_000
SOURCES = 64


@dataclass(frozen=True)
class Figure:
    """One line of the table; `is_met` None where it is only shown."""

    name: str
    value: str
    target: str = ""
    is_met: bool | None = None


@dataclass(frozen=True)
class Prepared:
    """A county's folder with what is to be sent to it."""

    folder: Path
    token: str
    singles: list[dict[str, Any]]
    bulk: list[dict[str, Any]]
    trace_code: str


def main() -> None:
    """Measure and print."""
    console = Console()
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="heji-bench-") as name:
        root = Path(name)
        with console.status("preparing a county"):
            prepared = prepare(root / "county")
        with console.status("hello, world"), hello_server() as port:
            hello = median_load(port, [get("/", port)] * 200_000, root)
        figures.append(Figure("hello-world, same server", f"{hello.rate:,.0f}/s"))
        served = Served(prepared.folder, HEJI_BODY_LIMIT=str(16 * 2**20))
        served.start()
        try:
            with console.status("cached consumer page"):
                figures += page_figures(served, prepared, hello, root)
            with console.status("single appends"):
                figures += append_figures(served, prepared, hello, root)
            with console.status("bulk over HTTP"):
                figures.append(bulk_over_http(served, prepared))
        finally:
            served.stop()
            served.close()
        with console.status("bulk through the recorder"):
            figures.append(bulk_through_recorder(root / "recorder"))
        with console.status(f"verifying {ENTRIES:,} entries"):
            figures.append(verify_figure(root))
    show(console, figures)


def prepare(folder: Path) -> Prepared:
    """A county with stock to pack from, and the events that will be sent."""
    folder.mkdir()
    with opened_county(folder) as county:
        producer = county.authors["producer"]
        sources = [county.harvesting(f"SRC{number}", "1000000") for number in range(SOURCES)]
        county.recorder.submit_all(sources, producer)
        singles = [statement(county, number) for number in range(SINGLES)]
        bulk = [county.harvesting(f"B{number}").body for number in range(BULK)]
        label = issue_label(
            county.recorder,
            producer,
            product=PRODUCT,
            batch="SRC0",
            copies=10,
            now_ms=county.service.clock.now_ms(),
            random=os.urandom,
        )
        return Prepared(folder, county.tokens["producer"], singles, bulk, label.trace_code)


def statement(county: County, number: int) -> dict[str, Any]:
    """What a county says on a day: two harvests, then something packed from what there is."""
    if number % 3:
        return county.harvesting(f"A{number}").body
    source = {"batch": f"SRC{number % SOURCES}", "quantity": "10", "unit": "kg"}
    packed = {"batch": f"P{number}", "product": PACKED, "quantity": "10", "unit": "kg"}
    return county.raw("packaging", inputs=[source], outputs=[packed])


# --- single appends and pages ----------------------------------------------------------------------------------------


def append_figures(served: Served, prepared: Prepared, hello: Load, root: Path) -> list[Figure]:
    """Durable appends of 32 clients, one event a request."""
    requests = [post("/api/v1/events", each, served.port, prepared.token) for each in prepared.singles]
    load = run_load(served.port, requests, root)
    check_answers(load)
    ratio = load.rate / hello.rate
    return [
        Figure(f"single appends, {CLIENTS} clients", f"{load.rate:,.0f}/s"),
        Figure("  ratio to hello-world", f"{ratio:.2f}", "≥ 0.20", ratio >= 0.2),
        Figure("  p50 · p99", f"{load.p50:.0f} · {load.p99:.0f} ms", "p99 < 150 ms", load.p99 < 150),
    ]


def page_figures(served: Served, prepared: Prepared, hello: Load, root: Path) -> list[Figure]:
    """A consumer page that is asked for again and again."""
    request = get(f"/t/{prepared.trace_code}", served.port)
    load = median_load(served.port, [request] * 100_000, root)
    check_answers(load)
    ratio = load.rate / hello.rate
    return [
        Figure("cached consumer page", f"{load.rate:,.0f}/s"),
        Figure("  ratio to hello-world", f"{ratio:.2f}", "≥ 0.40", ratio >= 0.4),
    ]


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
    process = subprocess.Popen([sys.executable, "-m", "bench.hello", str(port)])
    try:
        probe = Served.__new__(Served)
        probe.port = port
        while not probe.is_ready():
            time.sleep(0.02)
        yield port
    finally:
        process.terminate()
        process.wait()


# --- bulk and verify -------------------------------------------------------------------------------------------------


def bulk_over_http(served: Served, prepared: Prepared) -> Figure:
    """One request with 10,000 events."""
    caller = Caller(served.port, prepared.token)
    start = time.perf_counter()
    answered = caller.post("/api/v1/events/bulk", prepared.bulk)  # type: ignore[arg-type]
    rate = BULK / (time.perf_counter() - start)
    caller.close()
    if answered is None or answered[0] not in (200, 201):
        sys.exit(f"the bulk was not recorded: {answered}")
    return Figure(f"bulk, {BULK:,} events in one request", f"{rate:,.0f}/s", "≥ 2,000/s", rate >= 2000)


def bulk_through_recorder(folder: Path) -> Figure:
    """The same without HTTP, parsing left out."""
    folder.mkdir()
    with opened_county(folder) as county:
        events = [county.harvesting(f"B{number}") for number in range(BULK)]
        start = time.perf_counter()
        county.recorder.submit_all(events, county.authors["producer"])
        rate = BULK / (time.perf_counter() - start)
    return Figure("bulk, through the recorder alone", f"{rate:,.0f}/s")


def verify_figure(root: Path) -> Figure:
    """Chain, tree and the newest signature of 200,000 entries, in seconds of the processor."""
    store, signer, head = make_ledger(root, ENTRIES)
    with store.read() as connection:
        start = time.process_time()
        report = verify(connection, signer.verifier, head, hash_only=True, progress=lambda _done: None)
        rate = ENTRIES / (time.process_time() - start)
    store.close()
    if report.faults:
        sys.exit(str(report.faults[0]))
    return Figure("verify --hash-only", f"{rate:,.0f} entries/s", "≥ 200,000/s", rate >= 200_000)


# --- the table -------------------------------------------------------------------------------------------------------


def show(console: Console, figures: Sequence[Figure]) -> None:
    """One table, and what it was measured on."""
    table = Table(title="heji bench")
    for column in ("figure", "measured", "target", ""):
        table.add_column(column, justify="left" if column in ("figure", "") else "right")
    verdicts = {None: "", True: "[green]✓[/]", False: "[red]✗[/]"}
    for each in figures:
        table.add_row(each.name, each.value, each.target, verdicts[each.is_met])
    console.print(table)
    load = os.getloadavg()[0]
    console.print(
        f"{platform.machine()}, {os.cpu_count()} cores, load {load:.1f}, Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}"
    )


if __name__ == "__main__":
    main()
