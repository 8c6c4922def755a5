"""`heji import`: files that people have, through the same recorder as anybody's."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from heji_trace import accounts, canonical
from heji_trace.errors import BulkRefused, InvalidEvent, NeedsAcknowledgement, Problem
from heji_trace.event import Event
from heji_trace.kinds import KINDS
from heji_trace.posting import parse_posted
from heji_trace.sheets import Sheet, parse_rows, placed, read_sheet
from heji_web.commands_service import working_service
from heji_web.settings import read_settings
from heji_web.terminal import PROBLEM_FOUND, json_option, language, print_json, say, wants_json


@dataclass(frozen=True, slots=True)
class _File:
    """The events of a file; `sheet` is where they stood, if it is one."""

    name: str
    events: tuple[Event, ...]
    sheet: Sheet | None


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
@click.option("--dry-run", is_flag=True, help="只检查，不写入 · only check, write nothing")
@json_option
def import_files(
    *, files: Sequence[Path], kind: str | None, organisation: str | None, actor: str, dry_run: bool
) -> None:
    """导入 CSV、XLSX、JSON 或 NDJSON 文件，每个文件全部写入或全部不写 · Import files, each wholly or not at all."""
    settings = read_settings(os.environ)
    told: list[dict[str, Any]] = []
    with working_service(settings) as service:
        with service.store.read() as connection:
            author = accounts.account_of(connection, actor).author
        for path in files:
            try:
                file = _read(path, kind, organisation or author.organisation, settings.bulk_limit)
                receipts = service.recorder.submit_all(file.events, author, dry_run=dry_run)
            except InvalidEvent as refused:
                told.append(_refusal(path.name, [_shown(problem) for problem in refused.problems]))
            except BulkRefused as refused:
                told.append(_refusal(path.name, _row_problems(file, refused)))
            else:
                new = 0 if dry_run else sum(not receipt.repeated for receipt in receipts)
                told.append({"file": path.name, "ok": True, "events": len(receipts), "recorded": new})
    if wants_json():
        print_json({"ok": all(each["ok"] for each in told), "dry_run": dry_run, "files": told})
    else:
        _say(told)
    if not all(each["ok"] for each in told):
        click.get_current_context().exit(PROBLEM_FOUND)


def _read(path: Path, kind: str | None, organisation: str, limit: int) -> _File:
    data = path.read_bytes()
    match path.suffix.lower():
        case ".json":
            raw = canonical.load(data, limit)
            return _parsed(path.name, raw if isinstance(raw, list) else [raw])
        case ".ndjson" | ".jsonl":
            lines = [line for line in data.splitlines() if line.strip()]
            return _parsed(path.name, [canonical.load(line, limit) for line in lines])
        case _:
            sheet = read_sheet(data, path.name, None if kind is None else KINDS[kind], organisation)
            events, problems = parse_rows(sheet)
            if problems:
                raise InvalidEvent(problems)
            return _File(path.name, events, sheet)


def _parsed(name: str, raw: Sequence[object]) -> _File:
    events: list[Event] = []
    problems: list[Problem] = []
    for at, each in enumerate(raw):
        try:
            events.append(parse_posted(each))
        except InvalidEvent as refused:
            problems += [_below(at, problem) for problem in refused.problems]
    if problems:
        raise InvalidEvent(problems)
    return _File(name, tuple(events), None)


def _below(at: int, problem: Problem) -> Problem:
    return Problem(f"/{at}{problem.pointer}", problem.code, problem.names)


def _row_problems(file: _File, refused: BulkRefused) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = []
    for at, error in refused.rows:
        if isinstance(error, InvalidEvent):
            problems: Sequence[Problem] = error.problems
            if file.sheet is not None:
                problems = [placed(file.sheet, file.sheet.rows[at], problem) for problem in problems]
            else:
                problems = [_below(at, problem) for problem in problems]
            shown += [_shown(problem) for problem in problems]
            continue
        asked = error.questions if isinstance(error, NeedsAcknowledgement) else (error,)
        line = file.sheet.rows[at].lines[0] if file.sheet is not None else None
        shown += [{"pointer": f"/{at}", "line": line, **_said(each)} for each in asked]
    return shown


def _said(each: Any) -> dict[str, Any]:
    return {"code": each.code, "zh": each.sentence("zh"), "en": each.sentence("en")}


def _shown(problem: Problem) -> dict[str, Any]:
    return {"pointer": problem.pointer, "line": problem.line, "column": problem.column, **_said(problem)}


def _refusal(name: str, problems: list[dict[str, Any]]) -> dict[str, Any]:
    return {"file": name, "ok": False, "problems": problems}


def _say(told: Sequence[Mapping[str, Any]]) -> None:
    for each in told:
        if each["ok"]:
            say("file-imported", file=each["file"], count=each["events"], recorded=each["recorded"])
            continue
        say("file-refused", file=each["file"], count=len(each["problems"]))
        for problem in each["problems"]:
            place = (
                f"{problem['line']} {problem.get('column') or ''}" if problem["line"] else problem["pointer"]
            )
            click.echo(f"  {place.strip()}: {problem[language()]}")


COMMANDS = (import_files,)
