"""`heji-scan watch`: what an instrument drops into a folder goes into the outbox and to the server, unattended."""

from __future__ import annotations

import signal
from os import environ
from pathlib import Path
from threading import Event as Flag

import click

from heji_scanners.commands_files import (
    Line,
    dump_restored,
    kind_option,
    opened_line,
    opened_outbox,
    organisation_option,
    read_one,
    take_one,
    tell_counts,
    tell_restored,
)
from heji_scanners.settings import read_settings
from heji_scanners.terminal import json_option, language, print_json, tell, visible, wants_json
from heji_scanners.watching import Watcher
from heji_trace.errors import HejiError, Misconfigured, ServerUnreachable
from heji_trace.events.file_names import readable_name
from heji_trace.sentences import say_both
from heji_trace.vocabulary.times import SYSTEM_CLOCK

_FULL = "scan-outbox-unusable"


@click.command("watch")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@kind_option
@organisation_option
@click.option(
    "--reused-names",
    is_flag=True,
    help="仪器反复使用同一文件名：内容不同即为新文件，而非修订。 Another content under a name is another file.",
)
@click.option(
    "--every",
    type=click.FloatRange(0.1, 3600),
    default=2,
    show_default=True,
    metavar="SECONDS",
    help="每隔几秒查看文件夹。 How often to look, in seconds; what stands as it stood at the look before is read.",
)
@json_option
def watch_folder(
    *, folder: Path, kind: str | None, organisation: str | None, reused_names: bool, every: float
) -> None:
    """守候文件夹，仪器存入的新文件自动入箱并发送。 Send what an instrument drops into a folder.

    Files stay where they are. Runs until it is stopped (Ctrl+C); with --json it prints a line for each happening.
    """
    settings = read_settings(environ)
    stopped = Flag()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    watcher, unread, said = Watcher(folder), set[Path](), ""
    tell("scan-watching", name=readable_name(str(folder)))
    with opened_outbox(settings) as outbox, opened_line(settings, outbox) as line:
        while not stopped.is_set():
            trouble: HejiError | None = None
            for path in watcher.look():
                read = read_one(path, kind, organisation, settings)
                if any(problem.code == "scan-file-unreadable" for problem in read.problems):
                    watcher.give_again(path)
                    if path in unread:
                        continue  # said once; it is tried until it can be read
                    unread.add(path)
                try:
                    told = take_one(outbox, read, path, versions=not reused_names)
                except Misconfigured as error:
                    # Nobody stands by to start it again: the file lies where it is until there is room for it.
                    trouble = error
                    watcher.give_again(path)
                    continue
                if wants_json():
                    print_json(told, indent=None)
            if not watcher.is_there:
                trouble = ServerUnreachable("scan-folder-away")
            said = _send_a_while(line, stopped, every, said, trouble)
    tell("scan-watched")


def _send_a_while(line: Line, stopped: Flag, seconds: float, said: str, trouble: HejiError | None) -> str:
    """Send until it is time to look again; trouble is said once, until it is another or over."""
    before = line.outbox.counts()
    trouble = _steps(line, stopped, seconds) or trouble or line.sender.trouble.error
    if trouble is not None and trouble.code == "scan-token-refused":
        line.renew_token()
    counts, restored = line.outbox.counts(), line.sender.take_restored()
    if restored is not None:
        if wants_json():
            print_json({"restored": dump_restored(restored)}, indent=None)
        tell_restored(restored)
    if counts != before:
        if wants_json():
            print_json({"outbox": counts}, indent=None)
        tell_counts(counts)
    sentence = "" if trouble is None else trouble.sentence(language())
    if trouble is not None and sentence != said:
        if wants_json():
            found = {"code": trouble.code, **say_both(trouble.code, **trouble.names)}
            print_json({"trouble": found}, indent=None)
        else:
            click.echo(visible(sentence), err=True)
    return sentence


def _steps(line: Line, stopped: Flag, seconds: float) -> HejiError | None:
    """Send for so many seconds; what is wrong with the outbox itself, which only lasts until its disk has room again."""
    end = SYSTEM_CLOCK.monotonic() + seconds
    trouble: HejiError | None = None
    while not stopped.is_set() and (left := end - SYSTEM_CLOCK.monotonic()) > 0:
        try:
            wait = line.sender.step()
        except Misconfigured as error:
            if error.code != _FULL:
                raise
            trouble, wait = error, None
        stopped.wait(left if wait is None else min(left, wait))
    return trouble


COMMANDS = (watch_folder,)
