"""`heji-scan template`: the empty sheet of a kind, from the server with one's own lists, or without a line in general."""

from __future__ import annotations

import time
from contextlib import closing
from os import environ
from pathlib import Path

import click

from heji_scanners.files import SHEET_KINDS
from heji_scanners.server import Server
from heji_scanners.settings import read_settings, read_token
from heji_scanners.terminal import json_option, language, print_json, tell, wants_json
from heji_scanners.written import write_file
from heji_trace.errors import ServerUnreachable
from heji_trace.events.kinds import KINDS
from heji_trace.events.sheets.templates import template


@click.command("template")
@click.argument("kind", type=click.Choice(SHEET_KINDS), metavar="KIND")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="写到哪个文件，默认以类型命名。 Where to write it.",
)
@click.option(
    "--language", "told", type=click.Choice(["zh", "en"]), help="表头语言。 Language of the headings."
)
@click.option("--overwrite", is_flag=True, help="同名文件已存在时覆盖它。 Replace a file of that name.")
@click.option("--offline", is_flag=True, help="不联网，写出通用表格。 Ask no server; the general sheet.")
@json_option
def write_template(
    *, kind: str, output: Path | None, told: str | None, overwrite: bool, offline: bool
) -> None:
    """写出一种记录的空白表格（XLSX）。 Write the empty spreadsheet of a kind of event.

    With a server and a token its lists hold the organisation's own sites, products and more. KIND is a name such as
    harvest; a wrong one is answered with the list of all. A file that is there already, and may be filled, stays as it is.
    """
    told = told or language()
    path = output or Path(f"{KINDS[kind].zh.replace('/', '、') if told == 'zh' else kind}.xlsx")
    own = None if offline else _own_template(kind, told)
    write_file(path, own or template(KINDS[kind], told), overwrite=overwrite)
    if wants_json():
        print_json({"ok": True, "kind": kind, "file": str(path), "own_lists": own is not None})
    tell("scan-template-written", name=path)


def _own_template(kind: str, told: str) -> bytes | None:
    """What the server gives, or None where there is none to ask, or no line to it, which is told."""
    settings = read_settings(environ)
    if not settings.server or settings.token is None:
        return None
    with closing(Server(settings.server, read_token(settings), time.monotonic)) as server:
        try:
            return server.get_template(kind, told)
        except ServerUnreachable as error:
            tell("scan-template-general", err=True, reason=error.sentence(language()))
            return None


COMMANDS = (write_template,)
