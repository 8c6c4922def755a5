"""What the commands of the field say: Chinese before English, JSON for programs, an exit code for both."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeVar

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from heji_scanners.usage import UsageGroup
from heji_trace.errors import HejiError, InvalidEvent, Problem
from heji_trace.sentences import language_of, say, say_both

PROBLEM_FOUND: Final = 1
_JSON: Final = "heji-scan.json"
_RED: Final = "bold red"

_Command = TypeVar("_Command", bound=Callable[..., Any])


class TellingGroup(UsageGroup):
    """A group whose commands end with a sentence and an exit code where an error of the project is raised."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except HejiError as error:
            tell_error(error)
            ctx.exit(PROBLEM_FOUND)


def language() -> str:
    """The language of this terminal."""
    return language_of(os.environ)


def json_option(command: _Command) -> _Command:
    """Give a command `--json`; what it then prints is JSON alone, its errors too."""
    return click.option(
        "--json",
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=lambda context, _, given: context.meta.setdefault(_JSON, given),
        help="输出 JSON，供程序使用。 Print JSON for programs.",
    )(command)


def wants_json() -> bool:
    """Whether the command that runs was given `--json`."""
    context = click.get_current_context(silent=True)
    return bool(context is not None and context.meta.get(_JSON))


def print_json(value: object, *, indent: int | None = 2) -> None:
    """Print one JSON value."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=indent))


def tell(code: str, /, *, err: bool = False, **names: object) -> None:
    """Print a sentence of the catalogues to a person; to a program nothing."""
    if not wants_json():
        click.echo(visible(say(code, language(), **names)), err=err)


def tell_error(error: HejiError) -> None:
    """Print an error, each of its problems with it."""
    problems = error.problems if isinstance(error, InvalidEvent) else ()
    if wants_json():
        said = {"code": error.code, "zh": error.sentence("zh"), "en": error.sentence("en")}
        print_json({"ok": False, **said, "problems": [dump_problem(each) for each in problems]})
        return
    click.echo(visible(error.sentence(language())), err=True)
    for each in problems:
        click.echo("  " + visible(each.sentence(language())), err=True)


def dump_problem(problem: Problem) -> dict[str, Any]:
    """A problem as the server's API tells it."""
    place = {"line": problem.line, "column": problem.column}
    return {
        "pointer": problem.pointer,
        "code": problem.code,
        **{name: value for name, value in place.items() if value is not None},
        **say_both(problem.code, **problem.names),
    }


def print_table(
    codes: Sequence[str], rows: Iterable[Sequence[object]], *, red: frozenset[int] = frozenset()
) -> None:
    """Print a table headed by the sentences `codes` to a person; the columns of `red` are shown in red."""
    if wants_json():
        return
    table = Table()
    for code in codes:
        # Folded, not cut: an id with an ellipsis is no id.
        table.add_column(say(code, language()), overflow="fold")
    for row in rows:
        # A Text, because rich would take square brackets in what people wrote for its own marks.
        table.add_row(*(Text(_shown(cell), _RED if at in red else "") for at, cell in enumerate(row)))
    Console(file=sys.stdout, width=None if sys.stdout.isatty() else 200, highlight=False).print(table)


def visible(text: str) -> str:
    """Control characters shown as their pictures (␝): a code must not steer the terminal of its reader."""
    return "".join(
        chr(0x2400 + ord(one)) if one < " " and one != "\n" else "␡" if "\x7f" <= one <= "\x9f" else one
        for one in text
    )


def _shown(cell: object) -> str:
    return "" if cell is None else visible(str(cell))
