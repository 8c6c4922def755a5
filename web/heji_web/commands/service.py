"""`heji init`, `serve`, `migrate`, `doctor`: beginning, running and examining the service."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

import click

from heji_migrations import privileges, upgrade
from heji_trace.errors import HejiError, Misconfigured, Unavailable
from heji_trace.events.kinds.words import SUBJECT_TYPE
from heji_trace.ledger import ledger
from heji_trace.projection import project
from heji_trace.store.db import Store, lock_ledger
from heji_trace.vocabulary.times import SYSTEM_CLOCK
from heji_web.app import create_app
from heji_web.commands.doctor import examine, examine_without_key
from heji_web.commands.findings import Finding
from heji_web.commands.terminal import (
    PROBLEM_FOUND,
    json_option,
    language,
    print_json,
    progress_bar,
    read_password,
    say,
    tell,
    wants_json,
)
from heji_web.requests.logs import start_logging
from heji_web.service.founding import Organisation, add_first_operator, check_first_operator, found_log
from heji_web.service.locking import check_database_file, locked
from heji_web.service.service import Service, open_service
from heji_web.service.serving import Server, spare_collector, spare_memory, spare_switches
from heji_web.service.settings import Settings, list_settings, read_settings

_MARKS = {"fine": "✓", "notice": "!", "problem": "✗"}


@contextmanager
def working_service(settings: Settings) -> Iterator[Service]:
    """A service that this command alone has open, started; raises Misconfigured while another process serves."""
    check_database_file(settings)
    with locked(settings), closing(open_service(settings)) as service:
        with service.store.read() as connection:
            upgrade.check_current(connection)
        service.start()
        yield service


def serve_until_told(service: Service, tell_begun: Callable[[], None]) -> None:
    """Serve until SIGTERM or Ctrl-C, then finish what was received and close the service; once it listens, say so.

    Raises Misconfigured where the port is taken.
    """
    app, settings = create_app(service), service.settings
    try:
        server = Server(app, settings)
    except OSError as error:
        raise Misconfigured(
            "port-taken", host=settings.host, port=settings.port, reason=error.strerror
        ) from error

    def stop(_number: int, _frame: FrameType | None) -> None:
        server.stop()

    before = {each: signal.signal(each, stop) for each in (signal.SIGTERM, signal.SIGINT)}
    spare_collector()
    try:
        with closing(service):
            tell_begun()
            server.run()
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@click.command()
@json_option
def serve() -> None:
    """启动服务，SIGTERM 时处理完已收到的请求再退出 · Serve; on SIGTERM finish what was received."""
    settings = read_settings(os.environ)
    spare_memory()
    spare_switches()
    with locked(settings):
        service = open_service(settings)
        try:
            check_fit_to_serve(service)
        except HejiError:
            service.close()
            raise
        listener = start_logging()
        service.backups.start()
        address = {"address": settings.base_url, "listening": f"http://{settings.host}:{settings.port}"}
        serve_until_told(service, lambda: tell(address, "service-started", **address))
        listener.stop()
    say("service-stopped")


def check_fit_to_serve(service: Service) -> None:
    """Start the service; raises Misconfigured for tables of another version, waits for a database that is down.

    A ledger that does not fit its remembered head is served for reading, and says so on every page: those who look
    are to see it, and nothing is written until the operator has found out why.
    """
    with suppress(Unavailable), service.store.read() as connection:
        upgrade.check_current(connection)
    service.start_when_possible()
    fault = service.recorder.fault
    if fault is not None:
        say("service-read-only", reason=fault.sentence(language()))


@click.command()
@click.option(
    "--grant-to",
    "role",
    help="PostgreSQL：授权服务角色增添而不能改动账本 · let this role serve, which may add to the ledger only",
)
@json_option
def migrate(*, role: str | None) -> None:
    """把数据库升级到本版本，并重新生成读表 · Bring the database to this version, its read tables made again."""
    settings = read_settings(os.environ)
    # Tables without a ledger would only stand in a restore's way.
    check_database_file(settings)
    with locked(settings), closing(Store(settings.database_url)) as store, store.write() as connection:
        # Before any table is locked, which a process that records may hold while it waits for this.
        lock_ledger(connection)
        before = upgrade.check_begun(connection)
        upgrade.upgrade(connection)
        if before != upgrade.head():
            # A revision moves what is there; only the ledger tells what its new columns should have held all along.
            size = ledger.size_of(connection)
            with progress_bar("rebuilding", size) as progress:
                project.rebuild(connection, ledger.read_all(connection, size), progress)
        if role is not None:
            privileges.grant(connection, role)
    revisions = {"ok": True, "from": before, "to": upgrade.head()}
    if role is None:
        tell(revisions, "migrated", revision=upgrade.head())
    else:
        tell({**revisions, "role": role}, "granted", revision=upgrade.head(), role=role)


@click.command()
@click.option(
    "--origin", help="账本名称，签名与证明都以它为准 · the log's origin, in every signature [host/log]"
)
@click.option(
    "--organisation", default="operator", show_default=True, help="运营方编号 · the operator's code"
)
@click.option("--organisation-name", prompt="运营方名称 · The operator's name", help="运营方名称 · its name")
@click.option(
    "--type",
    "subject_type",
    type=click.Choice([option.value for option in SUBJECT_TYPE.options]),
    default="authority",
    show_default=True,
    help="主体类型 · the type of organisation",
)
@click.option("--division", help="行政区划代码 · administrative division code")
@click.option("--account", default="operator", show_default=True, help="首个账号 · the first account's name")
@click.option(
    "--password-stdin", is_flag=True, help="从标准输入读取密码 · read the password from standard input"
)
@json_option
def init(
    *,
    origin: str | None,
    organisation: str,
    organisation_name: str,
    subject_type: str,
    division: str | None,
    account: str,
    password_stdin: bool,
) -> None:
    """建立账本：数据文件夹、签名密钥、数据库和首个运营账号 · Begin a log: folder, key, tables, first operator."""
    settings = read_settings(os.environ)
    password = read_password(from_stdin=password_stdin)
    operator = Organisation(organisation, organisation_name, subject_type, ("operator",), division)
    check_first_operator(operator, account, password, os.urandom, SYSTEM_CLOCK.now_ms())
    found_log(settings, origin or f"{urlsplit(settings.base_url).hostname}/log", os.urandom)
    with working_service(settings) as service:
        add_first_operator(service, operator, account, password)
        made = {
            "origin": service.signer.name,
            "data": str(settings.data),
            "key": str(settings.key),
            "account": account,
        }
    tell({"ok": True, **made}, "log-begun", **made)


@click.command()
@json_option
def doctor() -> None:
    """列出全部设置并检查服务所依赖的一切 · List the settings and check what the service depends on."""
    settings = read_settings(os.environ)
    listed = list_settings(settings)
    findings = _examined(settings)
    is_well = all(finding.state != "problem" for finding in findings)
    if wants_json():
        checks = {finding.name: _dump_finding(finding) for finding in findings}
        print_json(
            {"ok": is_well, "settings": {each.name: value for each, value in listed}, "checks": checks}
        )
    else:
        for each, value in listed:
            click.echo(f"{each.name}={value}\n    {each.zh if language() == 'zh' else each.en}")
        for finding in findings:
            click.echo(f"{_MARKS[finding.state]} {finding.name}: {finding.sentence(language())}")
            if remedy := finding.remedy_sentence(language()):
                click.echo(f"    → {remedy}")
    if not is_well:
        click.get_current_context().exit(PROBLEM_FOUND)


def _examined(settings: Settings) -> list[Finding]:
    try:
        service = open_service(settings)
    except HejiError as error:
        return examine_without_key(settings, error)
    with closing(service):
        return examine(service)


def _dump_finding(finding: Finding) -> dict[str, Any]:
    return {
        "ok": finding.state != "problem",
        "state": finding.state,
        "code": finding.code,
        "zh": finding.sentence("zh"),
        "en": finding.sentence("en"),
        "remedy_zh": finding.remedy_sentence("zh"),
        "remedy_en": finding.remedy_sentence("en"),
    }


COMMANDS = (init, serve, migrate, doctor)
