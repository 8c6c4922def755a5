"""`heji backup create|verify` and `heji restore`: the ledger in a safe place, and back without a fork."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
from sqlalchemy import inspect

from heji_migrations import upgrade
from heji_trace.backups.archive import Reader
from heji_trace.backups.backup import Checked, check_backup, write_backup
from heji_trace.backups.erase_again import erase_again
from heji_trace.backups.restore import SYSTEM, Plan, plan_restore, read_notes, restore
from heji_trace.errors import HejiError, Misconfigured, Untrusted
from heji_trace.ledger import ledger
from heji_trace.ledger.erasure_list import ErasureList
from heji_trace.ledger.faults import Fault
from heji_trace.ledger.head import HeadFile, check_remembered, list_notes, set_aside
from heji_trace.ledger.verify import verify
from heji_trace.people.parties import Author
from heji_trace.projection.replay import check_projections
from heji_trace.proving.checkpoint import VerifierKey, dump_verifier_key, parse_verifier_key
from heji_trace.proving.keys import (
    Signer,
    generate_signer,
    list_retired,
    parse_signer,
    read_signer,
    retire_signer,
    write_signer,
)
from heji_trace.proving.origins import next_origin
from heji_trace.recording.recorder import Recorder
from heji_trace.store.db import Store
from heji_trace.vocabulary.times import SYSTEM_CLOCK, dump_ms
from heji_web.commands.terminal import (
    PROBLEM_FOUND,
    json_option,
    language,
    print_json,
    progress_bar,
    say,
    tell,
    wants_json,
)
from heji_web.service.locking import check_database_file, locked
from heji_web.service.settings import Settings, read_settings

_PATH = click.Path(path_type=Path)


@click.group("backup")
def backup_group() -> None:
    """备份：生成与核对 · backups: create and verify."""


@backup_group.command("create")
@click.option("--to", "folder", type=_PATH, help="存放备份的文件夹 · the folder to write it to [HEJI_BACKUP]")
@click.option(
    "--with-key",
    is_flag=True,
    help="连同签名私钥一起备份：拿到备份的人可以冒名签署 · put the signing key into it: whoever has the file can sign",
)
@json_option
def backup_create(*, folder: Path | None, with_key: bool) -> None:
    """生成备份，写完后重新读出并核对；服务运行时也可以 · Write a backup and read it back, also while serving."""
    settings = read_settings(os.environ)
    signer = read_signer(settings.key)
    target = (folder or settings.backup_folder).expanduser().resolve()
    # Without the service's lock: a reader does no harm, and a service that comes back meanwhile must not find it taken.
    check_database_file(settings)
    remembered = HeadFile(settings.head, signer.verifier).read()
    if remembered is None:
        raise Untrusted("head-missing")
    with closing(Store(settings.database_url)) as store:
        with store.read() as connection:
            # Without its triggers too: with them made anew, a restore is the way back for a ledger that is whole.
            upgrade.check_revision(connection)
            # A ledger that was cut must not look like the newest one in a safe place.
            total = check_remembered(connection, remembered, signer.verifier)
        with store.read() as connection, progress_bar("checking-backup", total) as progress:
            made = write_backup(
                connection,
                signer,
                target,
                revision=upgrade.head(),
                now_ms=SYSTEM_CLOCK.now_ms(),
                progress=progress,
                with_key=with_key,
            )
    tell(_dumped(made), "backup-written", path=made.path, size=made.manifest.size)
    if with_key:
        say("backup-has-key", path=made.path)


@backup_group.command("verify")
@click.argument("file", type=_PATH)
@click.option("--key", "verifier_key", help="可信的验证公钥 · the verifier key to trust [HEJI_KEY]")
@click.option(
    "--full",
    is_flag=True,
    help="试恢复到临时文件夹并全面核对 · restore it into a temporary folder and verify everything",
)
@json_option
def backup_verify(*, file: Path, verifier_key: str | None, full: bool) -> None:
    """重新读出备份并核对各表、哈希链、树与签名 · Read a backup again: tables, chain, tree, signature."""
    key = parse_verifier_key(verifier_key) if verifier_key else _own_key(file)
    with Reader(file, key) as reader:
        total = reader.manifest.size
    with progress_bar("checking-backup", total) as progress:
        checked = check_backup(file, key, progress)
    faults = _drilled(checked) if full else []
    dumped = {**_dumped(checked), "ok": not faults, "trusted_key": key is not None}
    if wants_json():
        print_json(
            {
                **dumped,
                "problems": [{"kind": each.kind, "message": each.sentence(language())} for each in faults],
            }
        )
    else:
        for fault in faults:
            click.echo(f"✗ {fault.sentence(language())}")
        if not faults:
            say(
                "backup-holds",
                size=total,
                origin=checked.manifest.origin,
                made=dump_ms(checked.manifest.made_ms),
            )
        if key is None:
            say("backup-own-key", key=checked.manifest.verifier_key)
    if faults:
        click.get_current_context().exit(PROBLEM_FOUND)


def _own_key(file: Path) -> VerifierKey | None:
    """The key of this log, or one that it had before a new name, if it made the archive; None where there is no key."""
    own: list[VerifierKey] = []
    with suppress(HejiError):
        path = read_settings(os.environ).key
        own.append(read_signer(path).verifier)
        own += [read_signer(each).verifier for each in list_retired(path)]
    with Reader(file) as reader:
        named = reader.manifest.verifier_key
    return next((key for key in own if dump_verifier_key(key) == named), own[0] if own else None)


def _drilled(checked: Checked) -> list[Fault]:
    """What is wrong with the ledger that the archive restores to; everything happens in a temporary folder."""
    manifest = checked.manifest
    key = parse_verifier_key(manifest.verifier_key)
    plan = Plan(checked.path, manifest, key, left_behind=None)
    with TemporaryDirectory(prefix="heji-drill-") as place:
        folder = Path(place)
        with closing(Store(f"sqlite:///{folder / 'heji.db'}")) as store:
            with store.write() as connection, progress_bar("rebuilding", manifest.size) as progress:
                restore(
                    connection,
                    plan,
                    None,
                    upgrade=upgrade.upgrade,
                    random=os.urandom,
                    now_ms=SYSTEM_CLOCK.now_ms(),
                    progress=progress,
                )
            head = HeadFile(folder / "head", key)
            head.write(manifest.note)
            return _examined(store, key, head, manifest.size)


def _examined(store: Store, key: VerifierKey, head: HeadFile, size: int) -> list[Fault]:
    """What is wrong with a restored ledger and its read tables."""
    with store.read() as connection:
        with progress_bar("verifying", size) as progress:
            faults = list(verify(connection, key, head, progress=progress).faults)
        if not faults:
            with progress_bar("replaying", size) as progress:
                faults = check_projections(connection, ledger.size_of(connection), progress)
    return faults


@click.command("restore")
@click.argument("file", type=_PATH)
@click.option(
    "--dry-run", is_flag=True, help="只说明将怎样恢复，不写入 · say what would happen, write nothing"
)
@click.option(
    "--known-checkpoint",
    "known",
    type=_PATH,
    multiple=True,
    help="别处保存的检查点（见证方、打印件、回执）· a checkpoint kept elsewhere; may be given again",
)
@click.option(
    "--nothing-later",
    is_flag=True,
    help="确认备份之后没有写入任何记录 · your word that nothing was recorded after the backup",
)
@click.option(
    "--new-log",
    is_flag=True,
    help="无论如何以新的日志名和密钥继续 · go on under a new name and key in any case",
)
@json_option
def restore_backup(
    *, file: Path, dry_run: bool, known: tuple[Path, ...], nothing_later: bool, new_log: bool
) -> None:
    """把备份恢复到空的数据库（见 HEJI_DATA 等设置），绝不使账本分叉 · Restore into an empty database, without a fork."""
    settings = read_settings(os.environ)
    notes = [*list_notes(settings.head), *(note for path in known for note in read_notes(path))]
    with Reader(file) as reader:
        total = reader.manifest.size
    with progress_bar("checking-backup", total) as progress:
        plan = plan_restore(file, notes, progress=progress, nothing_later=nothing_later, new_log=new_log)
    _check_revision(plan)
    target = _target_of(settings, plan)
    if dry_run:
        with closing(Store(settings.database_url)) as store:
            _check_empty(settings, store)
        _tell_plan(plan, target, None)
        return
    outcome = _restored(settings, plan, target)
    for fault in outcome.faults:
        say("restore-fault", fault=fault.sentence(language()))
    _tell_plan(plan, target, outcome)
    if outcome.erased:
        say("restore-erased", count=outcome.erased)
    if not plan.continues and ErasureList(settings.head).read():
        say("restore-erase-later")
    if outcome.faults:
        click.get_current_context().exit(PROBLEM_FOUND)


@dataclass(frozen=True, slots=True)
class _Target:
    """Who signs after the restore: `signer`, whose file is written unless it `is_there`; `retired` signs no more."""

    signer: Signer
    is_there: bool
    retired: Signer | None


def _target_of(settings: Settings, plan: Plan) -> _Target:
    """The key that goes on; raises Misconfigured where the old one is needed and not to be had."""
    present = read_signer(settings.key) if settings.key.exists() else None
    if plan.continues:
        if present is not None:
            if present.verifier != plan.key:
                raise Misconfigured("restore-other-key", path=settings.key, origin=plan.manifest.origin)
            return _Target(present, is_there=True, retired=None)
        with Reader(plan.path, plan.key) as reader:
            text = reader.key_text()
        if text is None:
            raise Misconfigured("restore-key-missing", path=settings.key, origin=plan.manifest.origin)
        return _Target(parse_signer(text, plan.path), is_there=False, retired=None)
    # A key that is there already may have signed under its name: no name is taken twice.
    origin = next_origin(plan.manifest.origin, [present.name] if present else [])
    return _Target(generate_signer(origin, os.urandom), is_there=False, retired=present)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What a restore brought about: erasures made again, and what a full examination finds."""

    erased: int = 0
    faults: Sequence[Fault] = ()


def _restored(settings: Settings, plan: Plan, target: _Target) -> _Outcome:
    try:
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        settings.head.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Misconfigured("data-unusable", path=settings.data, reason=error.strerror) from error
    with locked(settings), closing(Store(settings.database_url)) as store:
        _check_empty(settings, store)
        head = HeadFile(settings.head, target.signer.verifier)
        if not plan.continues:
            # In this order: whatever interrupts it, the old key never again stands where it would sign.
            set_aside(settings.head, plan.key)
            if target.retired is not None:
                retire_signer(settings.key, target.retired)
        if not target.is_there:
            write_signer(settings.key, target.signer)
        with store.write() as connection, progress_bar("rebuilding", plan.manifest.size) as progress:
            note = restore(
                connection,
                plan,
                None if plan.continues else target.signer,
                upgrade=upgrade.upgrade,
                random=os.urandom,
                now_ms=SYSTEM_CLOCK.now_ms(),
                progress=progress,
            )
        head.write(note)
        erased = _erased_again(store, target.signer, head)
        faults = _examined(store, target.signer.verifier, head, plan.manifest.size)
    return _Outcome(erased, faults)


def _check_empty(settings: Settings, store: Store) -> None:
    """Raise Misconfigured where the target has tables: nothing is ever written over."""
    file = settings.database_file
    if file is not None and not file.exists():
        return
    with store.read() as connection:
        if inspect(connection).get_table_names():
            raise Misconfigured("restore-not-empty", path=settings.shown_database)


def _erased_again(store: Store, signer: Signer, head: HeadFile) -> int:
    """How many erasures were made again, because the backup was older than they; the list lies beside the head."""
    listed = ErasureList(head.folder).read()
    if not listed:
        return 0
    with closing(Recorder(store, signer, head, SYSTEM_CLOCK, os.urandom)) as recorder:
        recorder.start()
        author = Author(SYSTEM, listed[0].organisation, frozenset({"operator"}))
        return len(erase_again(recorder, store, author, dump_ms(SYSTEM_CLOCK.now_ms())))


def _check_revision(plan: Plan) -> None:
    if not upgrade.is_known(plan.manifest.revision):
        raise Misconfigured("schema-newer", current=plan.manifest.revision, head=upgrade.head())


def _tell_plan(plan: Plan, target: _Target, outcome: _Outcome | None) -> None:
    """What happened, or, without an outcome, what would."""
    manifest, done = plan.manifest, outcome is not None
    found = outcome or _Outcome()
    value = {
        "ok": not found.faults,
        "done": done,
        "size": manifest.size,
        "made_at": dump_ms(manifest.made_ms),
        "continues": plan.continues,
        "lost": plan.lost,
        "origin": target.signer.name,
        "verifier_key": target.signer.verifier_key if done else None,
        "erased_again": found.erased,
        "problems": [{"kind": each.kind, "message": each.sentence(language())} for each in found.faults],
    }
    names = {"size": manifest.size, "origin": target.signer.name, "old": manifest.origin, "lost": plan.lost}
    if plan.continues:
        tell(value, "restored" if done else "restore-would-continue", **names)
    else:
        tell(value, "restored-as-new" if done else "restore-would-begin-new", **names)


def _dumped(checked: Checked) -> dict[str, Any]:
    manifest = checked.manifest
    return {
        "ok": True,
        "path": str(checked.path),
        "origin": manifest.origin,
        "size": manifest.size,
        "root": checked.roots[manifest.size].hex(),
        "made_at": dump_ms(manifest.made_ms),
        "revision": manifest.revision,
        "has_key": manifest.has_key,
        "rows": {part.table: part.rows for part in manifest.parts},
    }


COMMANDS = (backup_group, restore_backup)
