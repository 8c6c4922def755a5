"""The command `heji` with all that hangs on it."""

from __future__ import annotations

import errno
from typing import Any

import click

from heji_scanners.usage import ToldUsage, UsageGroup
from heji_trace import sentences
from heji_trace.errors import HejiError, Misconfigured
from heji_web.commands import backup, copy, demo, deploy, erase, import_files, ledger, people, service
from heji_web.commands.terminal import exit_code_of, language, tell_error


class _Told(UsageGroup):
    """A group whose commands end with a sentence and an exit code where an error is raised."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except HejiError as error:
            ctx.exit(tell_error(error))
        except UnicodeEncodeError as error:
            # The system gives words as bytes: a path may be any, what goes into the ledger or is looked for may not.
            unreadable = click.UsageError(sentences.say("words-unreadable", language()))
            raise ToldUsage(unreadable, language()) from error
        except OSError as error:
            if error.errno == errno.EPIPE:
                # Whoever reads has enough, and click ends quietly.
                raise
            refused = Misconfigured("system-refused", path=error.filename or "", reason=error.strerror)
            ctx.exit(_told_somewhere(refused))


def _told_somewhere(error: HejiError) -> int:
    try:
        return tell_error(error)
    except OSError:
        # It is the standard output itself that takes nothing.
        click.echo(error.sentence(language()), err=True)
        return exit_code_of(error)


@click.group(cls=_Told, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="heji", prog_name="heji")
def heji() -> None:
    """禾迹：从田间到手机的食品追溯 · Heji: food traceability from the field to the phone."""


for _command in (
    *demo.COMMANDS,
    *service.COMMANDS,
    *ledger.COMMANDS,
    *backup.COMMANDS,
    *copy.COMMANDS,
    *deploy.COMMANDS,
    *import_files.COMMANDS,
    *erase.COMMANDS,
    *people.COMMANDS,
):
    heji.add_command(_command)
