"""`heji verify`: read the whole ledger again and say where its bytes, its proofs or its projections do not fit.

Everything is recomputed from the stored bytes; nothing that the service once found good is taken over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Row, Table, create_engine, select
from sqlalchemy.pool import StaticPool

from heji_trace import canonical, ledger, project, tables
from heji_trace.checkpoint import Checkpoint, VerifierKey, open_checkpoint, open_note
from heji_trace.entries import check_chain, commit_field, commit_record, parse_entry
from heji_trace.errors import BrokenChain, HejiError
from heji_trace.head import HeadFile
from heji_trace.merkle import Frontier, Subtree

Progress = Callable[[int], None]
_AT_ONCE = 5000
_MOST_PROBLEMS = 100


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that does not fit: `seq` is an entry, or `table` and `row` (its key) name another row."""

    kind: str
    message: str
    seq: int | None = None
    table: str | None = None
    row: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What verifying found; `size` and `root` are of the entries that could be read in order."""

    size: int
    root: bytes
    faults: tuple[Fault, ...]


def verify(
    connection: Connection,
    key: VerifierKey,
    head: HeadFile,
    *,
    hash_only: bool = False,
    projections: bool = False,
    progress: Progress,
) -> Report:
    """Check the ledger against itself, its signatures and the remembered head.

    `hash_only` leaves out records, sealed values and all signatures but the newest; `projections` replays the ledger
    and compares every read table. `progress` is told how many entries are done.
    """
    faults: list[Fault] = []
    frontier, roots = _check_entries(connection, faults, hash_only=hash_only, progress=progress)
    faults += _check_foundation(connection, key)
    faults += _check_notes(connection, key, frontier, roots, hash_only=hash_only)
    faults += _check_head(connection, head, frontier, roots)
    if not hash_only:
        faults += _check_records(connection, frontier.size, progress)
    if projections and not faults:
        faults += _check_projections(connection, frontier.size, progress)
    return Report(frontier.size, frontier.root(), tuple(faults[:_MOST_PROBLEMS]))


def _check_entries(
    connection: Connection, faults: list[Fault], *, hash_only: bool, progress: Progress
) -> tuple[Frontier, dict[int, bytes]]:
    """The chain and the tree; the roots at every signed size, so that each note is held against its own tree."""
    sizes = {row.size for row in connection.execute(select(tables.checkpoints.c.size))}
    frontier = Frontier()
    roots: dict[int, bytes] = {0: frontier.root()}
    nodes = _stored_nodes(connection)
    leaves = check_chain(_told(_entry_rows(connection), progress))
    try:
        if hash_only:
            for subtree in frontier.extend(leaves):
                _check_node(subtree, nodes, faults)
            roots[frontier.size] = frontier.root()
        else:
            for leaf in leaves:
                for subtree in frontier.append(leaf):
                    _check_node(subtree, nodes, faults)
                if frontier.size in sizes:
                    roots[frontier.size] = frontier.root()
    except BrokenChain as broken:
        faults.append(Fault(broken.code, broken.sentence("en"), seq=broken.seq))
        return frontier, roots
    for level, position in sorted(nodes):
        faults.append(_row_fault("node-superfluous", tables.nodes, (level, position)))
    return frontier, roots


def _entry_rows(connection: Connection) -> Iterator[tuple[int, bytes]]:
    query = select(tables.entries.c.seq, tables.entries.c.entry).order_by(tables.entries.c.seq)
    for part in connection.execute(query.execution_options(yield_per=_AT_ONCE)).partitions():
        yield from part


def _told(rows: Iterator[tuple[int, bytes]], progress: Progress) -> Iterator[tuple[int, bytes]]:
    for row in rows:
        if row[0] % _AT_ONCE == 0:
            progress(row[0])
        yield row


def _stored_nodes(connection: Connection) -> dict[tuple[int, int], bytes]:
    return {(row.level, row.position): row.hash for row in connection.execute(select(tables.nodes))}


def _check_node(subtree: Subtree, nodes: dict[tuple[int, int], bytes], faults: list[Fault]) -> None:
    place = (subtree.tile_level, subtree.n)
    if nodes.pop(place, None) != subtree.hash:
        faults.append(_row_fault("node-differs", tables.nodes, place))


def _check_foundation(connection: Connection, key: VerifierKey) -> Iterator[Fault]:
    facts = ledger.founded_facts(connection)
    try:
        signed = open_note(facts.get("signature", ""), [key])
    except HejiError as error:
        yield _row_fault("foundation-unsigned", tables.foundation, ("signature",), error)
        return
    if signed != ledger.foundation_text(facts) or facts.get("origin") != key.name:
        yield _row_fault("foundation-differs", tables.foundation, ("signature",))


def _check_notes(
    connection: Connection, key: VerifierKey, frontier: Frontier, roots: dict[int, bytes], *, hash_only: bool
) -> Iterator[Fault]:
    rows = connection.execute(select(tables.checkpoints).order_by(tables.checkpoints.c.size)).all()
    for before, row in zip([None, *rows], rows, strict=False):
        if row.size > frontier.size:
            yield _row_fault("checkpoint-beyond", tables.checkpoints, (row.size,))
            continue
        if row.previous_size != (before.size if before is not None else None):
            yield _row_fault("checkpoint-gap", tables.checkpoints, (row.size,))
        if not hash_only or row.size == frontier.size:
            yield from _check_note(row, key, roots[row.size])
    if frontier.size not in {row.size for row in rows}:
        yield Fault(
            "unsigned-tail", f"no signed checkpoint covers all {frontier.size} entries", seq=frontier.size
        )


def _check_note(row: Row[Any], key: VerifierKey, root: bytes) -> Iterator[Fault]:
    try:
        signed = open_checkpoint(row.note, [key])
    except HejiError as error:
        yield _row_fault("checkpoint-unsigned", tables.checkpoints, (row.size,), error)
        return
    if signed != Checkpoint(key.name, row.size, root):
        yield _row_fault("checkpoint-differs", tables.checkpoints, (row.size,))


def _check_head(
    connection: Connection, head: HeadFile, frontier: Frontier, roots: dict[int, bytes]
) -> Iterator[Fault]:
    try:
        remembered = head.read()
    except HejiError as error:
        yield Fault("head-untrusted", error.sentence("en"))
        return
    if remembered is None:
        yield Fault("head-missing", "there is no remembered head beside the ledger")
    elif remembered.size > frontier.size:
        message = f"the remembered head has {remembered.size} entries"
        yield Fault("ledger-behind", message, seq=frontier.size)
    elif _root_at(connection, remembered.size, roots) != remembered.root:
        yield Fault("ledger-differs", "the remembered head has another root", seq=remembered.size)


def _root_at(connection: Connection, size: int, roots: dict[int, bytes]) -> bytes:
    if size not in roots:
        roots[size] = Frontier.from_subtrees(size, ledger.hash_reader(connection)).root()
    return roots[size]


def _check_records(connection: Connection, size: int, progress: Progress) -> Iterator[Fault]:
    """Records against their commitments, and sealed values against theirs: none changed, none gone, none added."""
    for start in range(0, size, _AT_ONCE):
        progress(start)
        end = min(start + _AT_ONCE, size)
        values = connection.execute(
            select(tables.disclosures)
            .where(tables.disclosures.c.seq >= start, tables.disclosures.c.seq < end)
            .order_by(tables.disclosures.c.seq)
        ).all()
        by_seq = {seq: list(rows) for seq, rows in groupby(values, key=lambda row: row.seq)}
        query = select(tables.entries).where(tables.entries.c.seq >= start, tables.entries.c.seq < end)
        for row in connection.execute(query.order_by(tables.entries.c.seq)).all():
            yield from _check_record(row, by_seq.get(row.seq, ()))
    beyond = select(tables.disclosures.c.seq, tables.disclosures.c.pointer).where(
        (tables.disclosures.c.seq >= size) | (tables.disclosures.c.seq < 0)
    )
    for seq, pointer in connection.execute(beyond):
        yield _row_fault("disclosure-superfluous", tables.disclosures, (seq, pointer))


def _check_record(row: Row[Any], values: Sequence[Row[Any]]) -> Iterator[Fault]:
    if commit_record(row.record_salt, row.record) != parse_entry(row.entry, row.seq).commitment:
        yield Fault("record-differs", "the record does not fit its commitment", seq=row.seq)
        return
    record = canonical.load(row.record)
    if record["event"]["id"] != row.event_id:
        yield Fault("event-id-differs", "the column event_id differs from the record", seq=row.seq)
    sealed = dict(record["sealed"])
    for value in values:
        commitment = sealed.pop(value.pointer, None)
        if commitment is None:
            yield _row_fault("disclosure-superfluous", tables.disclosures, (row.seq, value.pointer))
        elif commit_field(value.salt, value.value).hex() != commitment:
            yield Fault("value-differs", f"the sealed value {value.pointer} was changed", seq=row.seq)
    for pointer in sorted(sealed):
        yield Fault("value-missing", f"the sealed value {pointer} is gone without an erasure", seq=row.seq)


def _check_projections(connection: Connection, size: int, progress: Progress) -> Iterator[Fault]:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    with engine.begin() as replayed:
        tables.metadata.create_all(replayed, tables=list(tables.PROJECTIONS))
        project.rebuild(replayed, ledger.read_all(connection, size), progress)
        for table in tables.PROJECTIONS:
            yield from compare_table(table, connection, replayed)
    engine.dispose()


def compare_table(table: Table, live: Connection, replayed: Connection) -> Iterator[Fault]:
    """The rows in which a live read table differs from its replay, by primary key."""
    keys = [column.name for column in table.primary_key]
    have = {tuple(row[key] for key in keys): dict(row) for row in live.execute(select(table)).mappings()}
    want = {tuple(row[key] for key in keys): dict(row) for row in replayed.execute(select(table)).mappings()}
    for place in sorted(have.keys() | want.keys(), key=str):
        if place not in want:
            yield _row_fault("row-superfluous", table, place)
        elif place not in have:
            yield _row_fault("row-missing", table, place)
        elif have[place] != want[place]:
            yield _row_fault("row-differs", table, place)


def _row_fault(kind: str, table: Table, place: Iterable[object], error: HejiError | None = None) -> Fault:
    row = ",".join(map(str, place))
    message = f"{kind}: {table.name}[{row}]"
    return Fault(kind, f"{message}: {error.sentence('en')}" if error else message, table=table.name, row=row)
