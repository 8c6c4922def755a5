"""`heji-scan decode`: what codes say, from pictures, files, arguments or a keyboard-wedge scanner."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from heji_scanners import terminal
from heji_scanners.decode import MAX_BYTES, Meaning, explain, texts_of
from heji_scanners.terminal import visible
from heji_trace.errors import InvalidEvent, Problem
from heji_trace.sentences import say, say_both

_PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif"}
# Files too, which cannot be read or hold lines; a text that ends so is a file's name that was mistyped.
_FILES = _PICTURES | {".heic", ".heif", ".tif", ".tiff", ".pdf", ".txt", ".csv"}


@click.command()
@click.argument("what", nargs=-1, metavar="[FILE|TEXT|-]...")
@click.option("--json", "as_json", is_flag=True, help="输出 JSON，供程序使用。 Print JSON for programs.")
@click.option(
    "--language",
    type=click.Choice(["zh", "en"]),
    help="说明所用语言，默认按系统区域。 Default: the locale's.",
)
@click.pass_context
def decode(context: click.Context, *, what: tuple[str, ...], as_json: bool, language: str | None) -> None:
    """说明追溯码、商品条码等的含义。 Say what codes mean.

    Reads pictures, text files with one code a line, texts, or (with - or nothing) standard input. Exit code 0: all
    is well; 1: a problem was found; 2: wrong usage.
    """
    told = language or terminal.language()
    found = [(source, meaning) for source in what or ("-",) for meaning in _meanings(source, told)]
    ok = not any(meaning.problems for _, meaning in found)
    if as_json:
        listed = [_as_json(source, meaning) for source, meaning in found]
        click.echo(json.dumps({"ok": ok, "codes": listed}, ensure_ascii=False, indent=2))
    else:
        named = len(what) > 1
        click.echo(
            "\n\n".join(
                _as_text(meaning, told, source if named and _is_file(source) else None)
                for source, meaning in found
            )
        )
    context.exit(0 if ok else 1)


def _meanings(source: str, language: str) -> Iterator[Meaning]:
    try:
        texts = _texts_behind(source, language)
    except InvalidEvent as error:
        yield Meaning(source, "unreadable", say("decode-unreadable", language), problems=error.problems)
        return
    for text in texts:
        yield explain(text, language)


def _texts_behind(source: str, language: str) -> tuple[str, ...]:
    if source == "-":
        texts = texts_of(sys.stdin.buffer.read(MAX_BYTES + 1))
    elif _is_file(source):
        with Path(source).open("rb") as file:
            texts = texts_of(file.read(MAX_BYTES + 1))
    elif Path(source).suffix.lower() in _FILES:
        raise click.UsageError(say("no-such-file", language, name=source))
    else:
        texts = (source,)
    if not any(text.strip() for text in texts):
        raise InvalidEvent([Problem("", "nothing-to-decode")])
    return texts


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):  # too long for a name, or a NUL in it: a text, then
        return False


def _as_json(source: str, meaning: Meaning) -> dict[str, object]:
    return {
        "source": source,
        "text": meaning.text,
        "kind": meaning.kind,
        "title": meaning.title,
        "facts": [{"key": fact.key, "label": fact.label, "value": fact.value} for fact in meaning.facts],
        "problems": [
            {"code": problem.code, "message": say_both(problem.code, **problem.names)}
            for problem in meaning.problems
        ],
    }


def _as_text(meaning: Meaning, language: str, source: str | None) -> str:
    """What a code means; where several files were read, of which it is."""
    facts = [say("decode-fact", language, label=fact.label, value=fact.value) for fact in meaning.facts]
    problems = [
        say("decode-problem", language, sentence=problem.sentence(language)) for problem in meaning.problems
    ]
    title = say("decode-from", language, name=source, title=meaning.title) if source else meaning.title
    return "\n".join([visible(title), *("  " + visible(line) for line in [*facts, *problems])])


COMMANDS = (decode,)
