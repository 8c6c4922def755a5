"""`heji-scan check`, `send` and `watch`: from a filled sheet to a receipt."""

from __future__ import annotations

import random
import sqlite3
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from os import environ
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from heji_scanners.entries import State
from heji_scanners.files import INSTRUMENT, SHEET_KINDS, ReadFile, read_bytes, read_file
from heji_scanners.outbox import Outbox
from heji_scanners.sending import Restored, Sender, drain
from heji_scanners.server import Server
from heji_scanners.settings import ScanSettings, read_settings, read_token, server_of
from heji_scanners.taking import Taken, take_file
from heji_scanners.terminal import (
    PROBLEM_FOUND,
    dump_problem,
    json_option,
    language,
    print_json,
    print_table,
    tell,
    visible,
    wants_json,
)
from heji_scanners.turn import Turn
from heji_trace.errors import Conflict, HejiError, InvalidEvent, Misconfigured, ServerUnreachable
from heji_trace.events.file_names import readable_name
from heji_trace.events.kinds import KINDS
from heji_trace.events.sheets.cells import plain_text
from heji_trace.sentences import say, say_both
from heji_trace.vocabulary.times import SYSTEM_CLOCK

_MOST_SHOWN = 200

_files = click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
kind_option = click.option(
    "--kind",
    type=click.Choice(SHEET_KINDS),
    help="表格的记录类型，默认由表格说明。 Kind of a sheet, where it does not say it.",
)
organisation_option = click.option(
    "--organisation",
    help="未写主体的行归属哪个主体，默认 HEJI_SCAN_ORGANISATION。 Who answers for rows that name nobody.",
)


# --- offline ---------------------------------------------------------------------------------------------------------


@click.command("check")
@_files
@kind_option
@organisation_option
@json_option
@click.pass_context
def check_files(
    context: click.Context, *, files: Sequence[Path], kind: str | None, organisation: str | None
) -> None:
    """不联网检查文件，用红色指出有误的单元格。 Check files offline; wrong cells are shown in red.

    Takes CSV, XLSX, JSON, NDJSON and the 17-column files of rapid testers. Nothing is sent.
    """
    if not files:
        raise click.UsageError(say("scan-no-files", language()))
    settings = read_settings(environ)
    read = [read_one(path, kind, organisation, settings) for path in files]
    if wants_json():
        print_json(
            {"ok": not any(each.problems for each in read), "files": [_dump_file(each) for each in read]}
        )
    else:
        for each in read:
            _show_file(each)
    if any(each.problems for each in read):
        context.exit(PROBLEM_FOUND)


def read_one(path: Path, kind: str | None, organisation: str | None, settings: ScanSettings) -> ReadFile:
    """What a file says, or why it cannot be read; `kind` and `organisation` are what the command was given."""
    name = readable_name(path.name)
    try:
        data = read_bytes(path)
    except InvalidEvent as refused:
        return ReadFile(name, "", "", b"", problems=refused.problems)
    return read_file(data, name, KINDS[kind] if kind else None, organisation or settings.organisation)


def _dump_file(read: ReadFile) -> dict[str, Any]:
    return {
        "file": read.name,
        "ok": not read.problems,
        "kind": read.kind,
        "sha256": read.sha256,
        "events": len(read.statements),
        "results": read.results,
        "problems": [dump_problem(each) for each in read.problems[:_MOST_SHOWN]],
    }


def _show_file(read: ReadFile) -> None:
    if not read.problems:
        if read.kind == INSTRUMENT:
            tell("scan-file-instrument", name=read.name, count=read.results)
        else:
            tell("scan-file-fine", name=read.name, count=len(read.statements))
        return
    tell("scan-file-refused", name=read.name, count=len(read.problems))
    rows = []
    for each in read.problems[:_MOST_SHOWN]:
        at = read.headings.index(each.column) if each.column in read.headings else -1
        found = read.cells.get(each.line or 0, ())
        cell = plain_text(found[at]) if 0 <= at < len(found) else ""
        rows.append((each.line, each.column or each.pointer, cell, each.sentence(language())))
    print_table(
        ("scan-column-line", "scan-column-cell", "scan-column-content", "scan-column-reason"),
        rows,
        red=frozenset({2}),
    )
    if any(each.pointer.endswith("/organisation") for each in read.problems):
        tell("scan-organisation-hint")


# --- sending ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Line:
    """The line to the server: the outbox, who sends from it, and the server with the file of its token."""

    outbox: Outbox
    sender: Sender
    server: Server
    settings: ScanSettings

    def renew_token(self) -> None:
        """Read the token anew: the operator has issued another one, and somebody has put it into its file."""
        with suppress(Misconfigured):
            self.server.token = read_token(self.settings)


@contextmanager
def opened_outbox(settings: ScanSettings) -> Iterator[Outbox]:
    """The outbox that the settings name, for as long as a command runs."""
    with closing(Outbox(settings.outbox, SYSTEM_CLOCK)) as outbox:
        try:
            yield outbox
        except sqlite3.Error as error:
            raise Misconfigured("scan-outbox-unusable", path=settings.outbox, reason=error) from None


@contextmanager
def opened_line(settings: ScanSettings, outbox: Outbox) -> Iterator[Line]:
    """The line from an outbox to the server that the settings name; raises Misconfigured where they name none."""
    address, token = server_of(settings), read_token(settings)
    with (
        closing(Server(address, token, SYSTEM_CLOCK.monotonic)) as server,
        closing(Turn(settings.outbox)) as turn,
    ):
        sender = Sender(outbox, server, turn, SYSTEM_CLOCK, random.random)
        yield Line(outbox, sender, server, settings)


@click.command("send")
@_files
@kind_option
@organisation_option
@click.option("--no-wait", is_flag=True, help="只放入发件箱，不发送。 Only put it into the outbox.")
@click.option(
    "--patience",
    type=click.FloatRange(0, 86_400),
    default=60,
    show_default=True,
    help="多少秒毫无进展就先结束，未送达的留待下次。 Seconds without progress after which to stop for now.",
)
@json_option
@click.pass_context
def send_files(
    context: click.Context,
    *,
    files: Sequence[Path],
    kind: str | None,
    organisation: str | None,
    no_wait: bool,
    patience: float,
) -> None:
    """检查文件、放入发件箱并发送；不带文件则发送尚未送达的。 Check files, put them into the outbox, send.

    Without files it sends what waits. Exit code 0: all is delivered; 1: a file has problems, something waits still
    or needs a person.
    """
    settings = read_settings(environ)
    with opened_outbox(settings) as outbox:
        before = outbox.counts()
        told = [_put_one(outbox, read_one(path, kind, organisation, settings), path) for path in files]
        trouble, restored = (None, None) if no_wait else _send(settings, outbox, patience)
        counts = outbox.counts()
    files_fine = all(each["ok"] for each in told)
    is_open = counts[State.PARKED] > 0 or (not no_wait and counts[State.WAITING] > 0)
    ok = files_fine and not is_open
    if wants_json():
        delivered = counts[State.DELIVERED] - before[State.DELIVERED]
        parts = {"delivered": delivered, "trouble": trouble, "restored": dump_restored(restored)}
        print_json({"ok": ok, "files": told, **parts, "outbox": counts})
    else:
        tell_restored(restored)
        if trouble is not None:
            tell("scan-not-sent", err=True, why=trouble[language()])
        tell_counts(counts)
    if not ok:
        context.exit(PROBLEM_FOUND)


def _put_one(outbox: Outbox, read: ReadFile, path: Path) -> dict[str, Any]:
    """Put a file into the outbox; one for which there is no room keeps no other from being sent."""
    try:
        return take_one(outbox, read, path)
    except Misconfigured as error:
        return _refused(read, error)


def take_one(outbox: Outbox, read: ReadFile, path: Path, *, versions: bool = True) -> dict[str, Any]:
    """Put a file into the outbox if nothing is wrong with it, say so, and what `--json` tells of it."""
    told = _dump_file(read)
    if read.problems:
        _show_file(read)
        return told
    try:
        taken = take_file(outbox, read, path, versions=versions)
    except Conflict as error:
        return _refused(read, error)
    _say_taken(taken)
    return told | {
        "version": taken.version,
        "new": taken.new,
        "known": taken.known,
        "asked": taken.asked,
        "gone": taken.gone,
        "earlier": taken.earlier,
    }


def _refused(read: ReadFile, error: HejiError) -> dict[str, Any]:
    tell("scan-file-conflict", name=read.name, why=error.sentence(language()))
    said = {"code": error.code, **say_both(error.code, **error.names)}
    return _dump_file(read) | {"ok": False, "problems": [{"pointer": "", **said}]}


def _say_taken(taken: Taken) -> None:
    name = taken.file.name
    tell("scan-file-taken", name=name, new=taken.new, known=taken.known)
    if taken.earlier is not None:
        tell("scan-file-earlier", name=name, earlier=taken.earlier, known=taken.known)
    if taken.asked and taken.version == 1:
        tell("scan-file-repeats", name=name, count=taken.asked)
    elif taken.asked:
        tell("scan-file-asked", name=name, version=taken.version, count=taken.asked)
    if taken.gone > taken.asked:
        tell("scan-file-gone", name=name, version=taken.version, count=taken.gone - taken.asked)


def _send(
    settings: ScanSettings, outbox: Outbox, patience: float
) -> tuple[dict[str, str] | None, Restored | None]:
    """Send what waits, with a bar on a terminal; what kept some of it from being sent, and whether the ledger moved."""
    waiting = outbox.counts()[State.WAITING]
    if not waiting:
        return None, None
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=wants_json() or not sys.stderr.isatty(),
    )
    with opened_line(settings, outbox) as line, bar:
        task = bar.add_task(say("scan-sending", language()), total=waiting, rate="")
        for counts in drain(line.sender, outbox, SYSTEM_CLOCK, time.sleep, patience):
            done = max(0, waiting - counts[State.WAITING])
            bar.update(task, completed=done, total=done + counts[State.WAITING])
            rate = say("scan-rate", language(), rate=f"{bar.tasks[0].speed or 0.0:.0f}")
            error = line.sender.trouble.error
            doing = say("scan-sending", language()) if error is None else error.sentence(language())
            bar.update(task, rate=rate, description=visible(doing))
        error, restored = line.sender.trouble.error, line.sender.take_restored()
    if not outbox.counts()[State.WAITING]:
        return None, restored
    error = error or ServerUnreachable("scan-waits")
    return {"code": error.code, "zh": error.sentence("zh"), "en": error.sentence("en")}, restored


def tell_restored(restored: Restored | None) -> None:
    """Say that the county's ledger was restored behind what it had said, and what is sent once more for that."""
    if restored is not None:
        code = "scan-ledger-lacks" if restored.known == restored.found else "scan-ledger-renamed"
        tell(code, known=restored.known, found=restored.found, count=restored.again)


def dump_restored(restored: Restored | None) -> dict[str, object] | None:
    """The same for programs."""
    if restored is None:
        return None
    return {"from": restored.known, "to": restored.found, "again": restored.again}


def tell_counts(counts: dict[State, int]) -> None:
    """Say how many entries stand where, and what to do about those that need a person."""
    tell(
        "scan-counts",
        delivered=counts[State.DELIVERED],
        waiting=counts[State.WAITING],
        parked=counts[State.PARKED],
        discarded=counts[State.DISCARDED],
    )
    if counts[State.PARKED]:
        tell("scan-look-at-parked")


COMMANDS = (check_files, send_files)
