"""`heji verify`: read the whole ledger again and say where its bytes, its proofs or its projections do not fit.

Everything is recomputed from the stored bytes; nothing that the service once found good is taken over. Text columns
are read as bytes: a flipped bit can leave what is no UTF-8, and that must be a finding and not a crash.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Table, exc, exists, select

from heji_trace.errors import BrokenChain, HejiError
from heji_trace.ledger import ledger
from heji_trace.ledger.blame import blame, blame_root
from heji_trace.ledger.faults import Fault, raw, readable, row_fault
from heji_trace.ledger.gone import Gone, check_erasures
from heji_trace.ledger.head import HeadFile
from heji_trace.ledger.succession import predecessors
from heji_trace.proving import canonical
from heji_trace.proving.checkpoint import (
    Checkpoint,
    VerifierKey,
    dump_verifier_key,
    open_checkpoint,
    open_note,
)
from heji_trace.proving.entries import check_chain, commit_field, commit_record
from heji_trace.proving.merkle import Frontier, Subtree
from heji_trace.store import tables

Progress = Callable[[int], None]
_AT_ONCE = 5000
_MOST_FAULTS = 100


@dataclass(frozen=True, slots=True)
class Report:
    """What verifying found, bad entries first and in order; `size` and `root` are of the entries that are chained."""

    size: int
    root: bytes
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class _Note:
    size: int
    previous_size: int | None
    note: str


def verify(
    connection: Connection, key: VerifierKey, head: HeadFile, *, hash_only: bool = False, progress: Progress
) -> Report:
    """Check the ledger against itself, its signatures and the remembered head.

    `hash_only` leaves out records, sealed values and all signatures but the newest. `progress` is told how many
    entries are done. Nothing may have been read on `connection` before: the head is read first, because a service
    that writes meanwhile moves it, and a head beyond the state that is read would look like a cut tail.
    """
    remembered, unread = _read_head(head)
    report = _examine(connection, key, remembered, hash_only=hash_only, progress=progress)
    if hash_only and any(fault.kind == "root-differs" for fault in report.faults):
        # Only the older signatures and the records tell where it begins.
        report = _examine(connection, key, remembered, hash_only=False, progress=progress)
    if remembered is None and not unread and report.size:
        unread = [Fault("head-missing")]
    return replace(report, faults=(*report.faults, *unread))


def _examine(
    connection: Connection,
    key: VerifierKey,
    remembered: Checkpoint | None,
    *,
    hash_only: bool,
    progress: Progress,
) -> Report:
    notes = _read_notes(connection)
    keys = _keys(connection, key)
    sizes = {remembered.size} if remembered else set()
    if not hash_only:
        sizes |= {note.size for note in notes}
    faults: list[Fault] = []
    frontier, roots, broken = _check_entries(connection, sizes, faults, progress)
    faults += _found(tables.foundation, _check_foundation(connection, key))
    faults += _check_notes(
        connection, keys, notes, frontier.size, roots, newest_only=hash_only, broken=broken
    )
    if broken is not None:
        bad = blame(connection, broken, _signed(notes, keys, broken.seq))
        faults.append(Fault(broken.code, bad, names={**broken.names, "seq": bad}))
    elif remembered is not None:
        faults += _check_remembered(remembered, frontier.size, roots)
    if not hash_only:
        gone = Gone()
        faults += _found(tables.entries, _check_records(connection, frontier.size, gone, progress))
        if broken is None:
            faults += _found(tables.disclosures, _stray_disclosures(connection))
            faults += _found(tables.erasures, check_erasures(connection, gone))
        faults += _found(tables.erasures, gone.unexplained(connection, frontier.size))
    faults.sort(key=lambda fault: (fault.seq is None, fault.seq or 0))
    return Report(frontier.size, frontier.root(), tuple(faults[:_MOST_FAULTS]))


def _found(table: Table, check: Iterator[Fault]) -> list[Fault]:
    """What a check finds; a table whose pages are damaged or whose columns were exchanged is a finding too."""
    faults: list[Fault] = []
    try:
        faults.extend(check)
    except exc.DatabaseError as error:
        if type(error) is not exc.DatabaseError:
            raise
        faults.append(Fault("table-unreadable", table=table.name, row="", names={"reason": str(error.orig)}))
    return faults


# --- entries and nodes -----------------------------------------------------------------------------------------------


def _check_entries(
    connection: Connection, sizes: Iterable[int], faults: list[Fault], progress: Progress
) -> tuple[Frontier, dict[int, bytes], BrokenChain | None]:
    """The chain and the tree, with the roots at `sizes` and at the end, and what broke the chain."""
    frontier = Frontier()
    roots: dict[int, bytes] = {}
    nodes = {(row.level, row.position): row.hash for row in connection.execute(select(tables.nodes))}
    # Closed even where the chain breaks: PostgreSQL keeps a cursor for what has not been fetched.
    with closing(_entry_rows(connection, progress)) as rows:
        leaves = check_chain(rows)
        try:
            for size in sorted(size for size in sizes if size >= 0):
                for subtree in frontier.extend(islice(leaves, size - frontier.size)):
                    _check_node(subtree, nodes, faults)
                roots[frontier.size] = frontier.root()
            for subtree in frontier.extend(leaves):
                _check_node(subtree, nodes, faults)
        except BrokenChain as broken:
            return frontier, roots, broken
    roots[frontier.size] = frontier.root()
    faults += [row_fault("node-superfluous", tables.nodes, place) for place in sorted(nodes)]
    return frontier, roots, None


def _entry_rows(connection: Connection, progress: Progress) -> Generator[tuple[int, bytes]]:
    query = select(tables.entries.c.seq, tables.entries.c.entry).order_by(tables.entries.c.seq)
    with connection.execute(query.execution_options(yield_per=_AT_ONCE)) as result:
        for part in result.partitions():
            progress(part[0].seq)
            yield from part


def _check_node(subtree: Subtree, nodes: dict[tuple[int, int], bytes], faults: list[Fault]) -> None:
    place = (subtree.tile_level, subtree.n)
    stored = nodes.pop(place, None)
    if stored != subtree.hash:
        faults.append(row_fault("node-missing" if stored is None else "node-differs", tables.nodes, place))


# --- signed facts ----------------------------------------------------------------------------------------------------


def _check_foundation(connection: Connection, key: VerifierKey) -> Iterator[Fault]:
    rows = connection.execute(select(*raw(connection, tables.foundation)))
    facts = {readable(name): readable(value) for name, value in rows}
    try:
        signed = ledger.parse_foundation(open_note(facts.pop("signature", ""), [key]))
    except HejiError as error:
        yield row_fault("foundation-unsigned", tables.foundation, ("signature",), reason=error.code)
        return
    if (signed.get("origin"), signed.get("verifier_key")) != (key.name, dump_verifier_key(key)):
        yield row_fault("foundation-differs", tables.foundation, ("signature",))
    for name in sorted(facts.keys() | signed.keys()):
        if facts.get(name) != signed.get(name):
            yield row_fault("foundation-differs", tables.foundation, (name,))


def _keys(connection: Connection, key: VerifierKey) -> list[VerifierKey]:
    """The log's key, and those of the logs that it continues, as far as its fixed facts hold."""
    try:
        facts = {
            readable(name): readable(value)
            for name, value in connection.execute(select(*raw(connection, tables.foundation)))
        }
        signed = ledger.parse_foundation(open_note(facts.get("signature", ""), [key]))
        return [key, *(each.key for each in predecessors(signed))]
    except (HejiError, exc.DatabaseError):
        # `_check_foundation` says what is wrong with them.
        return [key]


def _read_notes(connection: Connection) -> list[_Note]:
    rows = connection.execute(
        select(*raw(connection, tables.checkpoints)).order_by(tables.checkpoints.c.size)
    )
    return [_Note(size, previous, readable(note)) for size, previous, note in rows]


def _signed(notes: Sequence[_Note], keys: Sequence[VerifierKey], least: int) -> list[Checkpoint]:
    """The first checkpoint from size `least` on whose signature holds, if there is one."""
    for note in notes:
        if note.size >= least:
            try:
                return [open_checkpoint(note.note, keys)]
            except HejiError:
                continue
    return []


def _check_notes(
    connection: Connection,
    keys: Sequence[VerifierKey],
    notes: Sequence[_Note],
    size: int,
    roots: Mapping[int, bytes],
    *,
    newest_only: bool,
    broken: BrokenChain | None,
) -> Iterator[Fault]:
    before: int | None = None
    covered, root_fits = 0, True
    for note in notes:
        if note.previous_size != before:
            yield row_fault("checkpoint-gap", tables.checkpoints, (note.size,), before=before)
        before = note.size
        if note.size > size or (newest_only and note.size != size):
            if note.size > size and broken is None:
                yield row_fault("checkpoint-beyond", tables.checkpoints, (note.size,), size=size)
            continue
        try:
            signed = open_checkpoint(note.note, keys)
        except HejiError as error:
            yield row_fault("checkpoint-unsigned", tables.checkpoints, (note.size,), reason=error.code)
            continue
        if signed.size != note.size:
            yield row_fault("checkpoint-differs", tables.checkpoints, (note.size,), size=signed.size)
        elif signed.root == roots.get(note.size):
            covered = note.size
        elif root_fits and broken is None:
            root_fits = False
            bad = covered if newest_only else blame_root(connection, covered, signed)
            yield Fault("root-differs", bad, names={"size": note.size, "covered": covered})
    if broken is None and size not in {note.size for note in notes}:
        yield Fault("unsigned-tail", max((note.size for note in notes if note.size < size), default=0))


# --- the remembered head ---------------------------------------------------------------------------------------------


def _read_head(head: HeadFile) -> tuple[Checkpoint | None, list[Fault]]:
    try:
        return head.read(), []
    except HejiError as error:
        return None, [Fault("head-untrusted", names={"reason": error.code})]


def _check_remembered(remembered: Checkpoint, size: int, roots: Mapping[int, bytes]) -> Iterator[Fault]:
    """A head that is behind is what an ordinary crash leaves; everything else does not fit."""
    if remembered.size > size:
        yield Fault("entries-behind-head", size, names={"remembered": remembered.size})
    elif roots[remembered.size] != remembered.root:
        yield Fault("head-differs", names={"size": remembered.size})


# --- records and sealed values ---------------------------------------------------------------------------------------


def _check_records(connection: Connection, size: int, gone: Gone, progress: Progress) -> Iterator[Fault]:
    """Records against their commitments, and sealed values against theirs: none changed, none added; `gone` is told."""
    rows, values = raw(connection, tables.entries), raw(connection, tables.disclosures)
    for start in range(0, size, _AT_ONCE):
        progress(start)
        end = min(start + _AT_ONCE, size)
        disclosed = connection.execute(
            select(*values)
            .where(tables.disclosures.c.seq >= start, tables.disclosures.c.seq < end)
            .order_by(tables.disclosures.c.seq)
        ).all()
        by_seq: dict[int, list[tuple[Any, bytes, bytes]]] = {}
        for seq, pointer, salt, value in disclosed:
            by_seq.setdefault(seq, []).append((pointer, salt, value))
        query = select(*rows).where(tables.entries.c.seq >= start, tables.entries.c.seq < end)
        for seq, event_id, entry, record, salt in connection.execute(
            query.order_by(tables.entries.c.seq)
        ).all():
            # The entries were found in their form before: the commitment stands in its place.
            if commit_record(salt, record).hex().encode() == entry[15:79]:
                yield from _check_record(seq, event_id, record, by_seq.get(seq, ()), gone)
            else:
                gone.lose(seq)
                yield Fault("record-differs", seq)


def _check_record(
    seq: int, event_id: Any, data: bytes, values: Sequence[tuple[Any, bytes, bytes]], gone: Gone
) -> Iterator[Fault]:
    try:
        record = canonical.load_dumped(data)
        named, sealed = record["event"]["id"], dict(record["sealed"])
        gone.hear(seq, record["event"])
    except (HejiError, KeyError, TypeError, ValueError):
        gone.lose(seq)
        yield Fault("record-form", seq)
        return
    if readable(event_id) != named:
        yield Fault("event-id-differs", seq)
    for raw_pointer, salt, value in values:
        pointer = readable(raw_pointer)
        commitment = sealed.pop(pointer, None)
        if commitment is None:
            yield row_fault("disclosure-superfluous", tables.disclosures, (seq, pointer))
        elif commit_field(salt, value).hex() != commitment:
            yield Fault("value-differs", seq, names={"pointer": pointer})
    if sealed:
        gone.miss(seq, named, sealed)


def _stray_disclosures(connection: Connection) -> Iterator[Fault]:
    values = tables.disclosures
    stray = select(*raw(connection, values)).where(~exists().where(tables.entries.c.seq == values.c.seq))
    for row in connection.execute(stray.order_by(values.c.seq)):
        yield row_fault("disclosure-superfluous", values, (row.seq, row.pointer))
