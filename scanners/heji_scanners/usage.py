"""What is told to whoever typed a command wrongly: why, and how it is typed, in Chinese; in English as click says it."""

from __future__ import annotations

import os
import re
from typing import IO, Any, Final

import click

from heji_trace.sentences import language_of, say

_QUOTED: Final = re.compile(r"'(.*?)'", re.DOTALL)
_EXTRA: Final = re.compile(r"Got unexpected extra arguments? \((.*)\)", re.DOTALL)
# A group that is named alone prints its help, with newer versions of click by way of this error.
_HELP: Final = tuple(filter(None, [getattr(click.exceptions, "NoArgsIsHelpError", None)]))


class UsageGroup(click.Group):
    """A group that tells whoever typed one of its commands wrongly in the language of the terminal."""

    def make_context(self, *arguments: Any, **named: Any) -> click.Context:
        """Read the words that stand before the command."""
        try:
            return super().make_context(*arguments, **named)
        except click.UsageError as error:
            raise _told(error, None) from error

    def invoke(self, ctx: click.Context) -> Any:
        """Read what the command is given, and run it."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            raise _told(error, ctx) from error


def _told(error: click.UsageError, ctx: click.Context | None) -> click.UsageError:
    if isinstance(error, (ToldUsage, *_HELP)):
        return error
    return ToldUsage(error, language_of(os.environ), ctx)


class ToldUsage(click.UsageError):
    """A wrong usage as click found it, told in the language of the terminal."""

    def __init__(self, error: click.UsageError, language: str, ctx: click.Context | None = None) -> None:
        # Of an option without its value click does not say whose it is.
        super().__init__(error.format_message(), error.ctx or ctx)
        self._found = error
        self._language = language

    def show(self, file: IO[Any] | None = None) -> None:
        """Print it to the standard error."""
        if self._language != "zh":
            super().show(file)
            return
        click.echo(say("usage-wrong", "zh", why=usage_sentence(self._found)), file=file, err=file is None)
        if self.ctx is not None:
            pieces = " ".join([self.ctx.command_path, *self.ctx.command.collect_usage_pieces(self.ctx)])
            told = say("usage-how", "zh", usage=pieces, command=self.ctx.command_path)
            click.echo(told, file=file, err=file is None)


def usage_sentence(error: click.UsageError) -> str:
    """Why a command cannot be run as it was typed, in Chinese."""
    match error:
        case click.MissingParameter():
            return say("usage-missing", "zh", name=_name_of(error)) + _choices_of(error)
        case click.NoSuchOption():
            return say("usage-no-such-option", "zh", name=error.option_name)
        case click.BadParameter():
            return say("usage-bad-value", "zh", name=_name_of(error), why=_why_of(error)) + _choices_of(error)
        case click.BadOptionUsage():
            return say("usage-bad-option", "zh", name=error.option_name)
    extra = _EXTRA.match(error.message)
    if extra:
        return say("usage-extra", "zh", words=extra[1])
    # Older versions of click have no class of its own for this.
    unknown = _QUOTED.search(error.message) if error.message.startswith("No such command") else None
    return say("usage-no-such-command", "zh", name=unknown[1]) if unknown else error.format_message()


def _name_of(error: click.BadParameter) -> str:
    hint = error.param_hint or (error.param.get_error_hint(error.ctx) if error.param and error.ctx else "")
    return " / ".join(each.strip("'") for each in ([hint] if isinstance(hint, str) else hint))


def _why_of(error: click.BadParameter) -> str:
    kind = error.param.type if error.param else None
    found = _QUOTED.search(error.message)
    value = found[1] if found else error.message.partition(" is not ")[0]
    if isinstance(kind, click.Choice):
        return say("usage-not-a-choice", "zh", value=value)
    if isinstance(kind, click.Path | click.File):
        return say("usage-path", "zh", value=value)
    if isinstance(kind, click.IntRange | click.FloatRange):
        return say("usage-range", "zh", value=value, least=kind.min, most=kind.max)
    return error.message


def _choices_of(error: click.BadParameter) -> str:
    kind = error.param.type if error.param else None
    if not isinstance(kind, click.Choice):
        return ""
    return say("usage-choices", "zh", choices="、".join(map(str, kind.choices)))
