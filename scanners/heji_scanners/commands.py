"""The command `heji-scan`: what people do in the field, without a server's software."""

from __future__ import annotations

import click

from heji_scanners import (
    commands_decode,
    commands_files,
    commands_outbox,
    commands_template,
    commands_verify,
    commands_watch,
)
from heji_scanners.terminal import TellingGroup


@click.group(cls=TellingGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="heji")
def cli() -> None:
    """禾迹现场工具：读码、填表、离线上传。 Heji in the field: codes, forms, offline upload."""


for _door in (
    commands_decode,
    commands_template,
    commands_files,
    commands_watch,
    commands_outbox,
    commands_verify,
):
    for _command in _door.COMMANDS:
        cli.add_command(_command)


def main() -> None:
    """Run `heji-scan`."""
    cli()
