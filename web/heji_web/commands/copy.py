"""`heji copy`: the county moves to another database, from SQLite to PostgreSQL or back."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager

import click

from heji_migrations import upgrade
from heji_trace.backups.transfer import copy_all, count_rows
from heji_trace.errors import LedgerBusy, Misconfigured
from heji_trace.ledger.head import HeadFile, check_start
from heji_trace.ledger.verify import verify
from heji_trace.proving.keys import read_signer
from heji_trace.store.db import Store, count_other_processes, driver_words, lock_ledger, wait_without_end
from heji_web.commands.terminal import (
    PROBLEM_FOUND,
    json_option,
    language,
    print_json,
    progress_bar,
    say,
    wants_json,
)
from heji_web.service.locking import check_database_file, locked
from heji_web.service.settings import DATABASE_URL, DATABASE_URL_FILE, Settings, read_settings


@click.command("copy")
@click.option(
    "--to", "url", help="目标数据库地址，不含密码 · the URL of the empty database, without a password"
)
@click.option(
    "--to-file",
    "file",
    help="写有目标数据库地址（可含密码）的文件，权限 0600 · a file of mode 0600 with that URL, password and all",
)
@json_option
def copy_database(*, url: str | None, file: str | None) -> None:
    """把全县数据逐字节复制到另一个空数据库并核对；服务须先停止 · Copy the county to an empty database; stop the service first."""
    if (url is None) == (file is None):
        raise click.UsageError("--to URL | --to-file FILE")
    settings = read_settings(os.environ)
    target_settings = _target(url, file)
    signer = read_signer(settings.key)
    head = HeadFile(settings.head, signer.verifier)
    with (
        locked(settings),
        closing(Store(settings.database_url)) as source,
        closing(Store(target_settings.database_url)) as target,
    ):
        check_database_file(settings)
        _check_answers(target, target_settings)
        with _still(source), source.read() as reading, target.write() as writing:
            upgrade.check_current(reading)
            standing = check_start(reading, head, signer.verifier)
            if standing.fault is not None:
                raise standing.fault
            upgrade.upgrade(writing)
            with progress_bar("copying", count_rows(reading)) as progress:
                copied = copy_all(reading, writing, progress)
        with target.read() as reading, progress_bar("verifying", copied.size) as progress:
            report = verify(reading, signer.verifier, head, progress=progress)
    if wants_json():
        problems = [{"kind": fault.kind, "message": fault.sentence(language())} for fault in report.faults]
        print_json(
            {
                "ok": not problems,
                "origin": copied.origin,
                "size": copied.size,
                "root": report.root.hex(),
                "rows": copied.rows,
                "sha256": copied.digests,
                "problems": problems,
            }
        )
    else:
        for fault in report.faults:
            click.echo(f"✗ {fault.sentence(language())}")
        rows = sum(copied.rows.values())
        say("copied", size=copied.size, rows=rows, origin=copied.origin, root=report.root.hex())
    if report.faults:
        click.get_current_context().exit(PROBLEM_FOUND)


def _target(url: str | None, file: str | None) -> Settings:
    """The target's settings: its URL goes through the same checks as that of a service."""
    given = {DATABASE_URL.name: url} if url is not None else {DATABASE_URL_FILE.name: file}
    return read_settings({name: value for name, value in given.items() if value is not None})


def _check_answers(target: Store, settings: Settings) -> None:
    """Raise Misconfigured where the target is out of reach, before the source is told to be."""
    file = settings.database_file
    try:
        if file is None or file.exists():
            with target.read():
                return
        if not file.parent.is_dir():
            raise Misconfigured(
                "copy-target-silent", target=settings.shown_database, reason=os.strerror(errno.ENOENT)
            )
    except LedgerBusy as error:
        raise Misconfigured(
            "copy-target-silent", target=settings.shown_database, reason=driver_words(error)
        ) from error


@contextmanager
def _still(source: Store) -> Iterator[None]:
    """Let nobody write to the source meanwhile; on SQLite the lock of the data folder sees to it.

    Raises Misconfigured where processes are connected that may serve people or record.
    """
    if source.dialect != "postgresql":
        yield
        return
    with source.write() as connection:
        lock_ledger(connection)
        wait_without_end(connection)
        others = count_other_processes(connection)
        if others:
            raise Misconfigured("copy-source-in-use", count=others)
        yield


COMMANDS = (copy_database,)
