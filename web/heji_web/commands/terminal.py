"""What commands say: sentences in the terminal's language for people, JSON for programs, an exit code for both."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from heji_trace import errors, sentences
from heji_trace.vocabulary.times import BEIJING, dump_ms, moment_of

FINE = 0
PROBLEM_FOUND = 1
WRONG_USAGE = 2

EXIT_CODES: Mapping[type[errors.HejiError], int] = MappingProxyType(
    {
        errors.Refused: PROBLEM_FOUND,
        errors.Untrusted: PROBLEM_FOUND,
        errors.Unavailable: PROBLEM_FOUND,
        errors.Misconfigured: PROBLEM_FOUND,
    }
)
"""The exit code of each family of errors; click itself ends with WRONG_USAGE."""

_JSON = "heji.json"

_Command = TypeVar("_Command", bound=Callable[..., Any])


def exit_code_of(error: errors.HejiError) -> int:
    """The exit code of an error, by its family in the table."""
    return next((code for family, code in EXIT_CODES.items() if isinstance(error, family)), PROBLEM_FOUND)


def json_option(command: _Command) -> _Command:
    """Give a command `--json`; what it then prints is one JSON value, its errors too."""
    return click.option(
        "--json",
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=lambda context, _parameter, given: context.meta.setdefault(_JSON, given),
        help="为程序输出 JSON · print JSON for programs",
    )(command)


def wants_json() -> bool:
    """Whether the command that runs was given `--json`."""
    context = click.get_current_context(silent=True)
    return bool(context is not None and context.meta.get(_JSON))


def language() -> str:
    """The language of this terminal."""
    return sentences.language_of(os.environ)


def say(code: str, /, **names: object) -> None:
    """Print a sentence of the catalogues to a person; to a program nothing."""
    if not wants_json():
        click.echo(sentences.say(code, language(), **names))


def tell(value: Mapping[str, Any], code: str, /, **names: object) -> None:
    """Print the outcome: `value` as JSON for a program, the sentence `code` for a person."""
    if wants_json():
        print_json(value)
    else:
        click.echo(sentences.say(code, language(), **names))


def print_json(value: object) -> None:
    """Print one JSON value."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def print_rows(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Print rows: a JSON array of objects for a program, for a person a table headed by the sentences `columns-…`."""
    if wants_json():
        print_json([{column: row[column] for column in columns} for row in rows])
        return
    table = Table()
    for column in columns:
        # Folded, not cut: an id with an ellipsis is no id.
        table.add_column(sentences.say(f"column-{column.replace('_', '-')}", language()), overflow="fold")
    for row in rows:
        table.add_row(*("" if row[column] is None else _plain(row[column]) for column in columns))
    # Rich takes square brackets in data for markup unless told otherwise.
    width = None if sys.stdout.isatty() else 200
    Console(file=sys.stdout, width=width, markup=False, highlight=False).print(table)


def shown_moment(at_ms: int) -> str:
    """A moment as programs read it, or on the clock by which the county lives."""
    if wants_json():
        return dump_ms(at_ms)
    return moment_of(at_ms).astimezone(BEIJING).strftime("%Y-%m-%d %H:%M")


@contextmanager
def progress_bar(title: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar for somebody who watches; nothing for a program or a pipe."""
    if wants_json() or not sys.stderr.isatty():
        yield lambda _done: None
        return
    with Progress(console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(sentences.say(title, language()), total=max(total, 1))
        yield lambda done: bars.update(task, completed=done)


def tell_error(error: errors.HejiError) -> int:
    """Print an error, each of its problems with it; answers the exit code."""
    problems = error.problems if isinstance(error, errors.InvalidEvent) else ()
    if wants_json():
        found = [
            {"pointer": each.pointer, "code": each.code, "zh": each.sentence("zh"), "en": each.sentence("en")}
            for each in problems
        ]
        print_json(
            {
                "ok": False,
                "code": error.code,
                "zh": error.sentence("zh"),
                "en": error.sentence("en"),
                "problems": found,
            }
        )
    else:
        click.echo(error.sentence(language()), err=True)
        for each in problems:
            click.echo(f"  {each.pointer or '/'}: {each.sentence(language())}", err=True)
    return exit_code_of(error)


def read_password(*, from_stdin: bool) -> str:
    """A password: a line of the standard input, or asked for twice without showing it."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    typed: str = click.prompt(
        sentences.say("ask-password", language()),
        hide_input=True,
        confirmation_prompt=sentences.say("ask-password-again", language()),
        err=True,
    )
    return typed


def _plain(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
