"""`heji verify`, `rebuild`, `log`, `trace`: examining the ledger, and making its read tables again."""

from __future__ import annotations

import os
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import click
from sqlalchemy import Connection, func, select

from heji_migrations import upgrade
from heji_trace import sentences
from heji_trace.backups.restore import read_notes
from heji_trace.errors import InvalidEvent, Misconfigured, Problem, Unknown
from heji_trace.ledger import ledger
from heji_trace.ledger.evidence import Trust, bundle_of
from heji_trace.ledger.faults import Fault
from heji_trace.ledger.head import HeadFile, check_remembered, check_start
from heji_trace.ledger.structure import check_structure
from heji_trace.ledger.verify import verify
from heji_trace.projection import project
from heji_trace.projection.replay import check_projections
from heji_trace.proving import keys, merkle
from heji_trace.proving.checkpoint import dump_proof, open_checkpoint
from heji_trace.proving.keys import Signer, read_signer
from heji_trace.proving.proof import dump_bundle
from heji_trace.store import lineage, tables
from heji_trace.store.db import Store, lock_ledger
from heji_trace.store.lineage import Edge
from heji_trace.vocabulary.times import ms_of, parse_moment
from heji_trace.vocabulary.units import dump_amount
from heji_web.commands.terminal import (
    PROBLEM_FOUND,
    json_option,
    language,
    print_json,
    print_rows,
    progress_bar,
    say,
    shown_moment,
    wants_json,
)
from heji_web.service.locking import check_database_file, locked
from heji_web.service.serving import spare_collector
from heji_web.service.settings import Settings, read_settings


@dataclass(frozen=True, slots=True)
class _Log:
    """What the commands read: the store, the key and the remembered head."""

    settings: Settings
    store: Store
    signer: Signer
    head: HeadFile


@contextmanager
def _opened_log() -> Iterator[_Log]:
    settings = read_settings(os.environ)
    signer = read_signer(settings.key)
    check_database_file(settings)
    with closing(Store(settings.database_url)) as store:
        with store.read() as connection:
            upgrade.check_begun(connection)
        yield _Log(settings, store, signer, HeadFile(settings.head, signer.verifier))


# --- verify and rebuild ----------------------------------------------------------------------------------------------


@click.command("verify")
@click.option(
    "--projections",
    is_flag=True,
    help="并重放账本，核对全部读表 · replay the ledger and compare the read tables",
)
@click.option(
    "--hash-only", is_flag=True, help="只核对哈希链、树与最新签名 · chain, tree and the newest signature only"
)
@json_option
def verify_log(*, projections: bool, hash_only: bool) -> None:
    """核对账本，指出第一条不符的记录 · Verify the ledger and name the first bad entry."""
    spare_collector()
    with _opened_log() as log:
        with log.store.read() as connection:
            total = ledger.size_of(connection)
        with log.store.read() as connection:
            with progress_bar("verifying", total) as progress:
                report = verify(
                    connection, log.signer.verifier, log.head, hash_only=hash_only, progress=progress
                )
            faults = list(report.faults)
            if not hash_only:
                faults += check_structure(connection)
            # What bad entries bring about says nothing of the tables.
            if projections and all(fault.seq is None for fault in report.faults):
                with progress_bar("replaying", report.size) as progress:
                    faults += check_projections(connection, report.size, progress)
    if wants_json():
        print_json(
            {
                "ok": not faults,
                "size": report.size,
                "root": report.root.hex(),
                "problems": [_dump_fault(fault) for fault in faults],
            }
        )
    else:
        for fault in faults:
            click.echo(f"✗ {fault.sentence(language())}")
        found = "verify-found" if faults else "verify-fine"
        say(found, count=len(faults), size=report.size, root=report.root.hex())
    if faults:
        click.get_current_context().exit(PROBLEM_FOUND)


def _dump_fault(fault: Fault) -> dict[str, Any]:
    dumped: dict[str, Any] = {"kind": fault.kind}
    if fault.seq is not None:
        dumped["seq"] = fault.seq
    if fault.table is not None:
        dumped |= {"table": fault.table, "row": fault.row}
    return {**dumped, "message": fault.sentence(language())}


@click.command("rebuild")
@json_option
def rebuild() -> None:
    """由账本重新生成全部读表 · Make all read tables again from the ledger."""
    with _opened_log() as log, locked(log.settings), log.store.write() as connection:
        lock_ledger(connection)
        standing = check_start(connection, log.head, log.signer.verifier)
        if standing.fault is not None:
            raise standing.fault
        with progress_bar("rebuilding", standing.size) as progress:
            project.rebuild(connection, ledger.read_all(connection, standing.size), progress)
        counts = {table.name: _count(connection, table) for table in tables.PROJECTIONS}
    if wants_json():
        print_json({"ok": True, "entries": standing.size, "rows": counts})
        return
    for name, count in counts.items():
        click.echo(f"{name:>14} {count}")
    say("rebuilt", size=standing.size)


def _count(connection: Connection, table: Any) -> int:
    count: int = connection.execute(select(func.count()).select_from(table)).scalar_one()
    return count


# --- the open log ----------------------------------------------------------------------------------------------------


@click.group("log")
def log_group() -> None:
    """公开日志 · the open log."""


@log_group.command("head")
@click.option(
    "--from",
    "kept",
    type=click.Path(path_type=Path),
    help="账本头丢失时，由备份、回执或公布过的检查点重建 · make a lost head again from a backup, a receipt or a published one",
)
@json_option
def log_head(*, kept: Path | None) -> None:
    """显示已落盘的最新检查点 · Show the remembered signed checkpoint."""
    with _opened_log() as log:
        if kept is not None:
            with locked(log.settings):
                _remember(log, kept)
        note, head = log.head.read_note(), log.head.read()
    if note is None or head is None:
        raise Unknown("no-remembered-head")
    if wants_json():
        print_json({"origin": head.origin, "size": head.size, "root": head.root.hex(), "note": note})
    else:
        click.echo(note, nl=False)


def _remember(log: _Log, kept: Path) -> None:
    """Make the head again at the ledger's end, which must continue what somebody kept; raises what says why it does not."""
    if log.head.read_note() is not None:
        raise Misconfigured("head-there", path=log.settings.head / "head")
    verifier = log.signer.verifier
    newest = max((open_checkpoint(note, [verifier]) for note in read_notes(kept)), key=lambda each: each.size)
    with log.store.read() as connection:
        check_remembered(connection, newest, verifier)
        signed = ledger.newest_note(connection)
    if signed is not None:
        log.head.write(signed[1])


@log_group.command("key")
@click.option("--recovery", is_flag=True, help="打印私钥恢复单 · print the recovery sheet of the private key")
@click.option(
    "--from-sheet",
    "sheet",
    type=click.File("rb"),
    help="由恢复单重建私钥文件 · make the key file again from a recovery sheet",
)
@json_option
def log_key(*, recovery: bool, sheet: IO[bytes] | None) -> None:
    """显示验证公钥 · Show the verifier key."""
    path = read_settings(os.environ).key
    if sheet is not None:
        keys.write_signer(path, keys.restore_signer(_text_of(sheet.read())))
    signer = read_signer(path)
    if wants_json():
        printed = {"recovery_sheet": keys.recovery_sheet(signer)} if recovery else {}
        print_json({"origin": signer.name, "verifier_key": signer.verifier_key, **printed})
    else:
        click.echo(keys.recovery_sheet(signer) if recovery else signer.verifier_key)


def _text_of(sheet: bytes) -> str:
    """What somebody typed with whatever editor; only its rows count, and those are ASCII in most encodings."""
    try:
        return sheet.decode("utf-16" if sheet.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig")
    except UnicodeDecodeError:
        return sheet.decode("gb18030", "replace")


@log_group.command("prove")
@click.argument("entry")
@json_option
def log_prove(entry: str) -> None:
    """证明一条记录（序号自 0 起，或单号）在账本中；--json 输出回执 · Prove an entry; --json gives the receipt."""
    with _opened_log() as log, log.store.read() as connection:
        head, note = log.head.read(), log.head.read_note()
        seq = int(entry) if entry.isascii() and entry.isdigit() else ledger.find_seq(connection, entry)
        if head is None or note is None or seq is None or seq >= head.size:
            raise Unknown("no-such-entry", entry=entry)
        if wants_json():
            bundle = bundle_of(connection, [seq], Trust(log.signer.verifier, head))
            click.echo(dump_bundle(bundle).decode())
        else:
            path = merkle.inclusion_proof(seq, head.size, ledger.hash_reader(connection))
            click.echo(dump_proof(seq, path, note), nl=False)


# --- trace -----------------------------------------------------------------------------------------------------------


@click.command("trace")
@click.argument("batch")
@click.option(
    "--direction",
    type=click.Choice(["up", "down", "both"]),
    default="both",
    show_default=True,
    help="来源、去向或两者 · where it came from, where it went, or both",
)
@click.option("--as-of", help="截至某一记录时间 · as known at this recorded time (2026-06-12T08:00:00+08:00)")
@json_option
def trace(*, batch: str, direction: str, as_of: str | None) -> None:
    """追溯一个批次的来源与去向 · Trace a batch up and down."""
    with _opened_log() as log, log.store.read() as connection:
        known = select(tables.batches.c.batch).where(tables.batches.c.batch == batch)
        if connection.execute(known).first() is None:
            raise Unknown("unknown-batch", batch=batch)
        at = None if as_of is None else _seq_at(connection, as_of)
        found = [
            (way, edge)
            for way, walk in (("up", lineage.ancestors), ("down", lineage.descendants))
            if direction in (way, "both")
            for edge in lineage.edges_within(connection, [batch, *walk(connection, [batch], at)], at)
        ]
    columns = ("direction", "parent", "child", "amount", "occurred_at", "entry")
    print_rows(columns, [_shown_edge(way, edge) for way, edge in found])


def _seq_at(connection: Connection, as_of: str) -> int:
    try:
        moment = ms_of(parse_moment(as_of))
    except ValueError as error:
        raise InvalidEvent([Problem("--as-of", "bad-moment", {"value": as_of})]) from error
    last = select(func.max(tables.events.c.seq)).where(tables.events.c.recorded_ms <= moment)
    seq: int | None = connection.execute(last).scalar()
    return -1 if seq is None else seq


def _shown_edge(way: str, edge: Edge) -> dict[str, Any]:
    return {
        "direction": way if wants_json() else sentences.say(f"trace-{way}", language()),
        "parent": edge.parent,
        "child": edge.child,
        "amount": dump_amount(edge.dimension, edge.amount, language()),
        "occurred_at": shown_moment(edge.occurred_ms),
        "entry": edge.seq,
    }


COMMANDS = (verify_log, rebuild, log_group, trace)
