"""Reading: verifying a million entries, tracing through a million batches, a page made for the first time."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event, select
from werkzeug.test import EnvironBuilder

from bench.figures import Figure, at_least, at_most
from bench.synthetic import make_ledger, make_lineage
from heji_trace.desks import oversight
from heji_trace.ledger.verify import verify
from heji_trace.passport.passport import Passport, View, passport_of
from heji_trace.people.parties import Author
from heji_trace.store import lineage, tables
from heji_trace.store.db import Store
from heji_trace.tracing import tracing
from heji_web.app import create_app
from heji_web.commands.demo import build_folder, demo_settings
from heji_web.consumer import consumer
from heji_web.service.service import Service, open_service

ENTRIES = 1_000_000
COMPONENTS, WIDTH = 100, 10_000
_ROUNDS = 5
_REGULATOR = Author("bench", "fg-bureau", frozenset({"regulator"}))
_NOW_MS = 1_790_000_000_000
_BROWSER = (("Accept", "text/html"), ("Accept-Encoding", "gzip"))
_WALK = (
    "WITH RECURSIVE walk(batch) AS (SELECT child FROM edges WHERE parent = ? "
    "UNION SELECT edges.child FROM edges JOIN walk ON edges.parent = walk.batch) SELECT batch FROM walk"
)


def verify_figures(root: Path, say: Callable[[str], None]) -> list[Figure]:
    """`heji verify`, whole and by hashes alone, in entries for a second of the processor."""
    say(f"making a ledger of {ENTRIES:,} entries")
    folder = root / "verified"
    folder.mkdir()
    store, signer, head = make_ledger(folder, ENTRIES)
    figures = []
    with closing(store):
        for hash_only, name, target in ((False, "verify", 60_000), (True, "verify --hash-only", 200_000)):
            say(f"heji {name}")
            with store.read() as connection:
                start = time.process_time()
                report = verify(
                    connection, signer.verifier, head, hash_only=hash_only, progress=lambda _done: None
                )
                rate = ENTRIES / (time.process_time() - start)
            if report.faults or report.size != ENTRIES:
                sys.exit(str(report.faults[:1]))
            figures.append(
                Figure(f"{name}, {ENTRIES:,} entries", f"{rate:,.0f}/s", f"≥ {target:,}/s", rate >= target)
            )
    return figures


def trace_figures(root: Path, say: Callable[[str], None]) -> list[Figure]:
    """From one batch to the other 9,999 of its component, beside the barest recursive query."""
    say(f"making {COMPONENTS * WIDTH:,} batches")
    folder = root / "traced"
    folder.mkdir()
    store, _, _ = make_ledger(folder, WIDTH)
    with closing(store):
        make_lineage(store, COMPONENTS, WIDTH)
        say("tracing")
        names = [f"C{component}-0" for component in range(0, COMPONENTS, COMPONENTS // _ROUNDS)]
        bare = _seconds(store, names, _walk)
        walked = _seconds(store, names, lambda connection, name: lineage.descendants(connection, [name]))
        whole = _seconds(store, names, lambda connection, name: tracing.trace_of(connection, name, "both"))
        shown = _seconds(store, names, _shown)
    return [
        Figure(f"bare recursive query, {WIDTH:,} of {COMPONENTS * WIDTH:,} batches", f"{bare * 1000:.0f} ms"),
        Figure("walk of the product", f"{walked * 1000:.0f} ms"),
        at_most("ratio", walked / bare, 2),
        Figure("answer with quantities, holders and proofs", f"{whole:.2f} s", "< 0.5 s", whole < 0.5),
        Figure("the same with names and today's warnings, as a desk shows it", f"{shown:.2f} s"),
    ]


def first_page_figures(root: Path, say: Callable[[str], None]) -> list[Figure]:
    """Consumer pages of the demonstration, made anew each time, beside the same statements and the same template.

    The bare page asks the database the same questions and draws the same page from facts that are ready: what is
    left is what judging, proving and wording cost.
    """
    say("building the demonstration")
    folder = root / "demo"
    build_folder(folder, lambda _done, _total: None)
    with closing(open_service(demo_settings({}, folder, 8080))) as service:
        service.start()
        whole, bare = _page_seconds(service)
    return [
        Figure("bare Core + Jinja page", f"{1 / bare:,.0f}/s"),
        Figure("consumer page, first time", f"{1 / whole:,.0f}/s"),
        at_least("ratio to the bare page", bare / whole, 0.7),
    ]


def _walk(connection: Connection, name: str) -> list[Any]:
    return list(connection.exec_driver_sql(_WALK, (name,)).all())


def _shown(connection: Connection, name: str) -> object:
    trace = tracing.trace_of(connection, name, "both")
    return trace and oversight.answer_of(connection, _REGULATOR, trace, "zh", _NOW_MS)


def _seconds(store: Store, names: list[str], ask: Callable[[Connection, str], object]) -> float:
    """The middle of several times, each of another component; the first one only warms the cache."""
    took = []
    for name in [names[0], *names]:
        with store.read() as connection:
            start = time.process_time()
            ask(connection, name)
            took.append(time.process_time() - start)
    return sorted(took[1:])[len(names) // 2]


def _page_seconds(service: Service) -> tuple[float, float]:
    """Seconds of the processor for one page: ours, and the bare one."""
    app = create_app(service)
    asked: list[tuple[str, Any]] = []
    passports: list[Passport] = []

    @app.get("/bare/<int:at>")
    def bare_page(at: int) -> str:
        with service.store.read() as connection:
            for statement, values in asked[
                at * len(asked) // len(passports) : (at + 1) * len(asked) // len(passports)
            ]:
                connection.exec_driver_sql(statement, values).fetchall()
        return consumer._draw(passports[at], "text/html")

    with app.test_request_context("/t"), service.store.read() as connection:
        labelled = select(tables.labels.c.trace_code).where(tables.labels.c.batch.is_not(None))
        view = View(service.clock.now_ms(), consumer._trust(), demonstration=True)
        codes = [
            code
            for code in connection.execute(labelled).scalars().all()
            if passport_of(connection, code, view).standing == "bound"
        ]
        event.listen(
            connection,
            "before_cursor_execute",
            lambda _c, _u, statement, values, *_: asked.append((statement, values)),
        )
        passports += [passport_of(connection, code, view) for code in codes]
    pages = app.extensions[consumer._EXTENSION]._pages
    requests = [
        EnvironBuilder(f"/t/{code}", headers=_BROWSER).get_environ()
        for code in codes
        for _ in range(_ROUNDS + 1)
    ]
    for request in requests[: len(codes)]:
        b"".join(app(request, lambda *_: lambda _: None))
    start = time.process_time()
    for request in requests[len(codes) :]:
        pages.clear()
        b"".join(app(request, lambda *_: lambda _: None))
    whole = (time.process_time() - start) / (len(codes) * _ROUNDS)

    bare = [
        EnvironBuilder(f"/bare/{at}", headers=_BROWSER).get_environ()
        for at in range(len(codes))
        for _ in range(_ROUNDS)
    ]
    start = time.process_time()
    for request in bare:
        b"".join(app(request, lambda *_: lambda _: None))
    return whole, (time.process_time() - start) / len(bare)
