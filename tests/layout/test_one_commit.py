from __future__ import annotations

import ast
import re

from layout.sources import Source, called, calls, imports, refuse, sources

MAY_COMMIT = {"heji_trace.recording.recorder", "heji_trace.store.db"}
# The other two compare a database with a fresh one in memory.
MAY_CONNECT = {"heji_trace.store.db", "heji_trace.ledger.verify", "heji_migrations.revise"}
# The one place of the core that names the machine's clock; doors hand it in.
CLOCK = "heji_trace.vocabulary.times"

READS_CLOCK = re.compile(
    r"\b(time\.(time|monotonic|perf_counter|localtime|gmtime)(_ns)?|(datetime|date)\.(now|utcnow|today))\b"
)
DRAWS = re.compile(r"\b(os\.(urandom|getrandom)|uuid\.uuid[147]|uuid[147])\b|\.generate\(")
RANDOM_MODULES = {"random", "secrets"}


def core() -> list[Source]:
    return [source for source in sources() if source.package == "heji_trace"]


def expressions(source: Source) -> list[tuple[str, str]]:
    """Place and text of each attribute, name and call."""
    return [
        (source.place(node), ast.unparse(node))
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Attribute | ast.Name | ast.Call)
    ]


def test_nothing_but_the_recorder_and_the_database_module_commits() -> None:
    refuse(
        source.place(call)
        for source in sources()
        for call in calls(source.tree)
        if called(call) == "commit" and source.dotted not in MAY_COMMIT
    )


def test_nothing_but_the_database_module_opens_a_database_or_begins_a_transaction() -> None:
    refuse(
        source.place(call)
        for source in sources()
        for call in calls(source.tree)
        if called(call) in {"create_engine", "begin"} and source.dotted not in MAY_CONNECT
    )


def test_no_statement_ends_a_transaction_in_text() -> None:
    ending = re.compile(r"\s*(COMMIT|END|SAVEPOINT|RELEASE)\b", re.IGNORECASE)
    running = {"execute", "exec_driver_sql", "text", "executescript"}
    refuse(
        source.place(call)
        for source in sources()
        for call in calls(source.tree)
        if called(call) in running and call.args and isinstance(call.args[0], ast.Constant)
        if isinstance(call.args[0].value, str) and ending.match(call.args[0].value)
    )


def test_nothing_takes_savepoints() -> None:
    # On a full disk SQLite rolled the transaction back and each later SAVEPOINT committed by itself.
    refuse(
        source.place(call)
        for source in sources()
        for call in calls(source.tree)
        if called(call) == "begin_nested"
    )


def test_the_core_reads_no_clock_but_the_one_that_doors_hand_in() -> None:
    refuse(
        f"{place}: {text}"
        for source in core()
        if source.dotted != CLOCK
        for place, text in expressions(source)
        if READS_CLOCK.fullmatch(text)
    )


def test_the_times_module_names_the_machine_s_clock_once_and_does_not_read_it() -> None:
    (times,) = (source for source in core() if source.dotted == CLOCK)
    assert [text for _, text in expressions(times) if READS_CLOCK.fullmatch(text)] == [
        "time.time",
        "time.monotonic",
    ]
    assert not [call for call in calls(times.tree) if READS_CLOCK.fullmatch(ast.unparse(call.func))]


def test_the_core_draws_no_random_numbers_by_itself() -> None:
    drawn = [
        f"{place}: {text}" for source in core() for place, text in expressions(source) if DRAWS.search(text)
    ]
    imported = [
        f"{found.place}: {found.name}"
        for found in imports()
        if found.source.package == "heji_trace" and found.package in RANDOM_MODULES
    ]
    refuse(drawn + imported)
