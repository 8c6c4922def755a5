"""`heji demo`: an invented county, built through the doors of the product and served on this machine."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import mkdtemp

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from heji_trace import sentences
from heji_trace.errors import Misconfigured
from heji_trace.identifiers.codes import trace_url
from heji_trace.ledger.head import HeadFile
from heji_trace.printing.labels import dump_terminal
from heji_trace.store.db import Store
from heji_trace.vocabulary.times import SYSTEM_CLOCK, beijing_date
from heji_web.commands.service import check_fit_to_serve, serve_until_told
from heji_web.commands.terminal import json_option, language, print_json, say, wants_json
from heji_web.demo.build import PASSWORD, build_county
from heji_web.demo.states import Page, built_on, pages_of
from heji_web.demo.uploads import Person, read_people
from heji_web.service.founding import found_log
from heji_web.service.locking import locked
from heji_web.service.passwords import argon2_passwords
from heji_web.service.service import Service, open_service
from heji_web.service.settings import BASE_URL, HOST, THREADS, TRUSTED_HOSTS, Settings, read_settings

ORIGIN = "demo.localhost/demonstration"
_MARKS = {"green": "●", "grey": "○", "yellow": "◆", "orange": "▲", "red": "⬣"}
# Where the demonstration lives is said on its command line alone: no setting may lead it to a log that is real.
_HEEDED = (HOST, BASE_URL, THREADS, TRUSTED_HOSTS)


@click.command()
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("var/demo"),
    show_default=True,
    help="数据文件夹，空时新建示范县 · the data folder; the county is built where it is empty",
)
@click.option(
    "--port",
    type=click.IntRange(1, 65_535),
    envvar="HEJI_PORT",
    default=8080,
    show_default=True,
    help="端口（或 HEJI_PORT） · the port (or HEJI_PORT)",
)
@json_option
def demo(*, data: Path, port: int) -> None:
    """建一个虚构的示范县并启动服务 · Build an invented county and serve it."""
    settings = demo_settings(os.environ, data, port)
    if not data.exists() or not any(data.iterdir()):
        with _told_progress() as progress:
            build_folder(data, progress)
    with locked(settings):
        service = open_service(settings)
        try:
            if service.signer.name != ORIGIN:
                raise Misconfigured("not-the-demonstration")
            check_fit_to_serve(service)
            with service.store.read() as connection:
                pages, day = pages_of(connection), built_on(connection)
        except BaseException:
            service.close()
            raise

        def tell_begun() -> None:
            _print_addresses(service, pages)
            if day != beijing_date(service.clock.now_ms()):
                say("demo-of-another-day", day=day)

        serve_until_told(service, tell_begun)
    say("service-stopped")


def demo_settings(environment: Mapping[str, str], data: Path, port: int) -> Settings:
    """The settings of a demonstration: its own folder and port, and what `environment` says of the network."""
    heeded = {each.name: environment[each.name] for each in _HEEDED if each.name in environment}
    return read_settings({**heeded, "HEJI_DATA": str(data), "HEJI_PORT": str(port)})


def build_folder(data: Path, progress: Callable[[int, int], None]) -> None:
    """Build the county beside `data` and move it there when it is whole, so that no half of one is ever served."""
    data.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(mkdtemp(prefix=f".{data.name}-", dir=data.parent))
    try:
        settings = read_settings({"HEJI_DATA": str(folder)})
        signer = found_log(settings, ORIGIN, os.urandom)
        with closing(Store(settings.database_url)) as store:
            build_county(
                store,
                signer,
                HeadFile(settings.head, signer.verifier),
                passwords=argon2_passwords(),
                random=os.urandom,
                today=beijing_date(SYSTEM_CLOCK.now_ms()),
                progress=progress,
            )
        folder.rename(data)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


@contextmanager
def _told_progress() -> Iterator[Callable[[int, int], None]]:
    """A bar for somebody who watches, nothing for a program."""
    if wants_json() or not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(sentences.say("demo-building", language()))
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _print_addresses(service: Service, pages: tuple[Page, ...]) -> None:
    base_url = service.settings.base_url
    people = [person for person in read_people() if person.shown_zh]
    if wants_json():
        print_json(
            {
                "address": base_url,
                "pages": [
                    {"state": page.state.key, "address": trace_url(base_url, page.trace_code)}
                    for page in pages
                ],
                "sign_in": [{"name": person.account, "password": PASSWORD} for person in people],
            }
        )
        return
    say("demo-ready", address=base_url)
    for page in pages:
        name = page.state.zh if language() == "zh" else page.state.en
        click.echo(f"  {_MARKS[page.state.level]} {trace_url(base_url, page.trace_code)}  {name}")
    click.echo()
    say("demo-sign-in", address=f"{base_url}/sign-in", password=PASSWORD)
    for person in people:
        click.echo(f"  {person.account:<10}{_introduced(person)}")
    click.echo()
    say("demo-scan", state=pages[0].state.zh if language() == "zh" else pages[0].state.en)
    click.echo(dump_terminal(trace_url(base_url, pages[0].trace_code), colour=sys.stdout.isatty()))
    say("demo-stop")


def _introduced(person: Person) -> str:
    return person.shown_zh if language() == "zh" else person.shown_en


COMMANDS = (demo,)
