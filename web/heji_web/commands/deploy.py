"""`heji deploy`: the files by which an operating system runs the service, out of the wheel."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import click

from heji_trace.errors import Misconfigured
from heji_web.commands.terminal import json_option, tell


@click.command("deploy")
@click.argument("folder", type=click.Path(path_type=Path))
@json_option
def deploy(*, folder: Path) -> None:
    """写出 systemd 单元、设置样例与容器文件 · Write the systemd units, settings to fill in and the container file."""
    kept = [file for file in files("heji_web").joinpath("deploy").iterdir() if file.is_file()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in kept:
            # What an operator has filled in is not written over.
            with (folder / file.name).open("x", encoding="utf-8") as target:
                target.write(file.read_text("utf-8"))
    except OSError as error:
        raise Misconfigured("deploy-unwritable", path=error.filename, reason=error.strerror) from error
    names = sorted(file.name for file in kept)
    tell(
        {"ok": True, "folder": str(folder), "files": names}, "deployed", folder=folder, files=", ".join(names)
    )


COMMANDS = (deploy,)
