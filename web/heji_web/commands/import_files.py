"""`heji import`: files that people have, through the same recorder as anybody's."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from heji_scanners.readers.rapid17 import RapidRow
from heji_trace import sentences
from heji_trace.errors import BulkRefused, InvalidEvent, Problem
from heji_trace.events.file_names import plain_name
from heji_trace.events.kinds import KINDS
from heji_trace.identifiers.event_ids import new_event_id
from heji_trace.people import accounts
from heji_trace.people.parties import Author
from heji_trace.recording.imported import Origin
from heji_trace.recording.recorder import Receipt
from heji_web.commands.service import working_service
from heji_web.commands.terminal import PROBLEM_FOUND, json_option, language, print_json, say, wants_json
from heji_web.events.naming import names_known_to
from heji_web.files import imports
from heji_web.files.imports import INSTRUMENT, Asked, File, Import
from heji_web.files.marking import mark_sheet
from heji_web.service.service import Service
from heji_web.service.serving import spare_collector
from heji_web.service.settings import read_settings

Bar = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class _Wish:
    """What is to be done with each file."""

    author: Author
    kind: str
    organisation: str
    acknowledged: frozenset[str]
    dry_run: bool
    errors: Path | None


@click.command("import")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option(
    "--kind", type=click.Choice(sorted(KINDS)), help="表格的记录类型 · the kind of a sheet's events"
)
@click.option("--organisation", help="未写主体的行归属 · for rows that name none [the account's]")
@click.option(
    "--as", "actor", default="operator", show_default=True, help="以哪个账号导入 · the account that imports"
)
@click.option(
    "--acknowledge",
    multiple=True,
    metavar="CODE",
    help="对所有被问到的行确认此提示 · confirm a code for all rows",
)
@click.option(
    "--errors",
    type=click.Path(file_okay=False, path_type=Path),
    help="把标红的原表存到此文件夹 · a folder for the sheets with red cells",
)
@click.option("--dry-run", is_flag=True, help="只检查，不写入 · only check, write nothing")
@json_option
def import_files(
    *,
    files: Sequence[Path],
    kind: str | None,
    organisation: str | None,
    actor: str,
    acknowledge: Sequence[str],
    errors: Path | None,
    dry_run: bool,
) -> None:
    """导入 CSV、XLSX、JSON 或 NDJSON 文件，每个文件全部写入或全部不写 · Import files, each wholly or not at all."""
    settings = read_settings(os.environ)
    spare_collector()
    with working_service(settings) as service:
        with service.store.read() as connection:
            author = accounts.account_of(connection, actor).author
        codes = frozenset(acknowledge)
        wish = _Wish(author, kind or "", organisation or author.organisation, codes, dry_run, errors)
        told = [_import_file(service, path, wish) for path in files]
    if wants_json():
        print_json({"ok": all(each["ok"] for each in told), "dry_run": dry_run, "files": told})
    else:
        _say(told)
    if not all(each["ok"] for each in told):
        click.get_current_context().exit(PROBLEM_FOUND)


def _import_file(service: Service, path: Path, wish: _Wish) -> dict[str, Any]:
    name = plain_name(path.name)
    try:
        with path.open("rb") as stream, _bar(name, "phase-read") as bar:
            file = File(stream, name, most_bytes=service.settings.body_limit)
            read = imports.read_import(
                file,
                wish.kind,
                wish.organisation,
                _match_nothing,
                progress=bar,
                known_of=names_known_to(service, wish.author),
            )
    except InvalidEvent as refused:
        return _refusal(name, [_shown(problem) for problem in refused.problems])
    read = imports.with_further(read, lambda: _submit(service, read, name, wish, dry_run=True))
    problems: Sequence[Problem] = read.problems
    asked: Sequence[Asked] = ()
    if read.kind == INSTRUMENT:
        problems = [Problem("", "instrument-file")]
    if not problems:
        try:
            receipts = _submit(service, read, name, wish, dry_run=wish.dry_run)
        except BulkRefused as refused:
            problems, asked = imports.refused(read, refused)
        else:
            new = 0 if wish.dry_run else sum(not receipt.repeated for receipt in receipts)
            return {"file": name, "ok": True, "events": len(receipts), "recorded": new}
    told = _refusal(name, [*map(_shown, problems), *map(_asked, asked)])
    # Of very many problems only the first were kept.
    told["count"] += read.problem_count - len(read.problems)
    if wish.errors is not None and read.grid is not None and read.kind != INSTRUMENT:
        sheet = mark_sheet(read.grid, read, problems, asked, language())
        told["marked"] = str(_keep_marked(wish.errors, Path(name).stem, sheet.read()))
    return told


def _keep_marked(folder: Path, stem: str, data: bytes) -> Path:
    """Write an error workbook under a name that is free: in the place of another somebody may be mending it."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in count(1):
        marked = folder / f"{stem}.errors{f'-{number}' if number > 1 else ''}.xlsx"
        with suppress(FileExistsError), marked.open("xb") as file:
            file.write(data)
            return marked
    raise FileExistsError(folder)


def _submit(service: Service, read: Import, name: str, wish: _Wish, *, dry_run: bool) -> list[Receipt]:
    import_id = new_event_id(service.clock.now_ms(), service.random)
    with _bar(name, "phase-check" if dry_run else "phase-record") as bar:
        return service.recorder.submit_all(
            read.events,
            wish.author,
            dry_run=dry_run,
            acknowledged=wish.acknowledged,
            origin=Origin(import_id, name, read.sha256, read.kind),
            progress=lambda done: bar(done, len(read.events)),
        )


def _match_nothing(_row: RapidRow) -> None:
    """An instrument's file waits for choices, which its page and its door of the API ask for."""


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        """Rows a second."""
        return Text(
            ""
            if task.speed is None
            else sentences.say("rows-a-second", language(), rate=f"{task.speed:,.0f}")
        )


@contextmanager
def _bar(name: str, phase: str) -> Iterator[Bar]:
    """A bar on the terminal of a person; a file, a pipe or a program gets none."""
    is_watched = sys.stderr.isatty() and not wants_json()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        _Rate(),
    )
    with Progress(
        *columns, TimeRemainingColumn(), console=Console(stderr=True, markup=False), disable=not is_watched
    ) as progress:
        task = progress.add_task(f"{name} {sentences.say(phase, language())}", total=None)
        yield lambda done, of_all: progress.update(task, completed=done, total=of_all)


def _shown(problem: Problem) -> dict[str, Any]:
    place = {"pointer": problem.pointer, "line": problem.line, "column": problem.column}
    return {**place, "code": problem.code, "zh": problem.sentence("zh"), "en": problem.sentence("en")}


def _asked(asked: Asked) -> dict[str, Any]:
    question = asked.question
    said = {"code": question.code, "zh": question.sentence("zh"), "en": question.sentence("en")}
    return {"pointer": f"/{asked.place}", "line": asked.lines[0], "column": None, **said}


def _refusal(name: str, problems: list[dict[str, Any]]) -> dict[str, Any]:
    return {"file": name, "ok": False, "count": len(problems), "problems": problems}


def _say(told: Sequence[Mapping[str, Any]]) -> None:
    for each in told:
        if each["ok"]:
            say("file-imported", file=each["file"], count=each["events"], recorded=each["recorded"])
            continue
        say("file-refused", file=each["file"], count=each["count"])
        for problem in each["problems"]:
            place = f"{problem['line'] or ''} {problem['column'] or problem['pointer']}"
            click.echo(f"  {place.strip()}: {problem[language()]}")
        if "marked" in each:
            say("sheet-marked", path=each["marked"])


COMMANDS = (import_files,)
