"""The command `heji` with all that hangs on it."""

from __future__ import annotations

from typing import Any

import click

from heji_trace.errors import HejiError
from heji_web import (
    commands_backup,
    commands_copy,
    commands_demo,
    commands_deploy,
    commands_erase,
    commands_import,
    commands_ledger,
    commands_people,
    commands_service,
)
from heji_web.terminal import tell_error


class _Told(click.Group):
    """A group whose commands end with a sentence and an exit code where an error of the project is raised."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except HejiError as error:
            ctx.exit(tell_error(error))


@click.group(cls=_Told, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="heji", prog_name="heji")
def heji() -> None:
    """禾迹：从田间到手机的食品追溯 · Heji: food traceability from the field to the phone."""


for _command in (
    *commands_demo.COMMANDS,
    *commands_service.COMMANDS,
    *commands_ledger.COMMANDS,
    *commands_backup.COMMANDS,
    *commands_copy.COMMANDS,
    *commands_deploy.COMMANDS,
    *commands_import.COMMANDS,
    *commands_erase.COMMANDS,
    *commands_people.COMMANDS,
):
    heji.add_command(_command)
