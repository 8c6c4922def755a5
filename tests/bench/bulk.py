"""A bulk in each of its forms, 10,000 events and 100,000: how fast, at what cost, and how much memory the server takes."""

from __future__ import annotations

import csv
import gzip
import http.client
import io
import json
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from rich.console import Console
from rich.table import Table

from county import CYCLE, PACKED, PRODUCT, County, opened_county
from served import Served

SIZES = (10_000, 100_000)
_FORMS = ("json", "ndjson", "ndjson+gzip", "csv", "xlsx")
_HEADINGS = ("时间", "生产周期", "批次", "产品", "数量", "单位", "备注")
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Bulked:
    """What one bulk took; memory in MB is the server's, at its highest, and before it."""

    form: str
    events: int
    seconds: float
    cpu_seconds: float
    before: int
    peak: int

    @property
    def rate(self) -> float:
        return self.events / self.seconds

    @property
    def cpu_rate(self) -> float:
        """Events by second of the processor: what a machine without other work would do."""
        return self.events / self.cpu_seconds


def main() -> None:
    """Measure and print."""
    console = Console()
    table = Table(title="heji bench: bulk")
    for column in ("form", "events", "events/s", "events/s of CPU", "MB before", "MB at most"):
        table.add_column(column, justify="left" if column == "form" else "right")
    for form in _FORMS:
        for size in SIZES:
            with console.status(f"{size:,} events as {form}"):
                found = measure(form, size)
            cells = (
                f"{size:,}",
                f"{found.rate:,.0f}",
                f"{found.cpu_rate:,.0f}",
                str(found.before),
                str(found.peak),
            )
            table.add_row(form, *cells)
    console.print(table)


def measure(form: str, size: int) -> Bulked:
    """One bulk into a fresh county, served by a process of its own."""
    with tempfile.TemporaryDirectory(prefix="heji-bench-") as name:
        folder = Path(name)
        with opened_county(folder) as county:
            body, headers = made(county, form, size)
            headers |= county.headers()
        served = Served(folder, HEJI_BULK_LIMIT=str(128 * 2**20))
        served.start()
        try:
            return _send(served, form, size, body, headers)
        finally:
            served.close()


def _send(served: Served, form: str, size: int, body: bytes, headers: dict[str, str]) -> Bulked:
    assert served.process is not None
    pid = served.process.pid
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=600)
    connection.request("GET", "/healthz")
    connection.getresponse().read()
    before, cpu, start = _memory(pid)["VmRSS"], _cpu_seconds(pid), time.perf_counter()
    kind = "?kind=harvest" if form in ("csv", "xlsx") else ""
    connection.request("POST", f"/api/v1/events/bulk{kind}", body, headers)
    answer = connection.getresponse()
    read = 0
    while chunk := answer.read(1 << 16):
        read += len(chunk)
    seconds = time.perf_counter() - start
    if answer.status != 201:
        raise SystemExit(f"{form}, {size}: {answer.status} {chunk[:500]!r}")
    return Bulked(form, size, seconds, _cpu_seconds(pid) - cpu, before, _memory(pid)["VmHWM"])


def _memory(pid: int) -> dict[str, int]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {line.split(":")[0]: int(line.split()[1]) // 1024 for line in lines if line.startswith("Vm")}


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def mixed(county: County, size: int) -> Iterator[dict[str, Any]]:
    """Two harvests, then one of them packed: what a county says on a day."""
    for number in range(size):
        if number % 3 < 2:
            outputs = [{"batch": f"H{number}", "product": PRODUCT, "quantity": "100", "unit": "kg"}]
            yield county.raw("harvest", cycles=[CYCLE], outputs=outputs, note=f"第 {number} 筐，雨后采收")
        else:
            inputs = [{"batch": f"H{number - 1}", "quantity": "100", "unit": "kg"}]
            outputs = [{"batch": f"P{number}", "product": PACKED, "quantity": "100", "unit": "kg"}]
            yield county.raw("packaging", inputs=inputs, outputs=outputs)


def made(county: County, form: str, size: int) -> tuple[bytes, dict[str, str]]:
    """The body of a bulk and its headers: of JSON mixed events, of sheets harvests."""
    if form == "xlsx":
        book = Workbook(write_only=True)
        sheet = book.create_sheet("采收")
        for row in _rows(county, size):
            sheet.append(row)
        stream = io.BytesIO()
        book.save(stream)
        media = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        return stream.getvalue(), {"Content-Type": media}
    if form == "csv":
        text = io.StringIO()
        csv.writer(text).writerows(_rows(county, size))
        return text.getvalue().encode(), {"Content-Type": "text/csv"}
    events = (json.dumps(each, ensure_ascii=False) for each in mixed(county, size))
    if form == "json":
        return f"[{','.join(events)}]".encode(), {"Content-Type": "application/json"}
    body, headers = "\n".join(events).encode(), {"Content-Type": "application/x-ndjson"}
    if form == "ndjson":
        return body, headers
    return gzip.compress(body, 6), {**headers, "Content-Encoding": "gzip"}


def _rows(county: County, size: int) -> Iterator[tuple[str, ...]]:
    yield _HEADINGS
    time_of_day = county.at(1)[:16].replace("T", " ")
    for number in range(size):
        yield time_of_day, CYCLE, f"LZ-{number}", PRODUCT, "12.5", "kg", f"第 {number} 筐，雨后采收"


if __name__ == "__main__":
    main()
