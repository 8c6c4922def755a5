"""Entries read back and proved one by one: the check behind the integrity mark of a page.

For each entry everything is computed anew: the record's commitment from record and salt, the leaf from the entry's
bytes, the path to the root that the log has signed, the commitments of what is still disclosed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, func, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from heji_trace.errors import BrokenChain, Refused, Untrusted
from heji_trace.ledger import ledger
from heji_trace.proving import canonical, merkle
from heji_trace.proving.checkpoint import (
    Checkpoint,
    VerifierKey,
    dump_proof,
    dump_verifier_key,
    open_checkpoint,
)
from heji_trace.proving.entries import PREV, commit_field, commit_record, find_prevs, parse_entry
from heji_trace.proving.proof import Bundle, Item
from heji_trace.store.prepared import Prepared
from heji_trace.store.tables import entries

_AT_ONCE = 500


class _Joined(ColumnElement[bytes]):
    """The `PREV` bytes of the entries in a column, joined in the order of the rows, which are in that of `seq`."""

    inherit_cache = False

    def __init__(self, entry: ColumnElement[bytes]) -> None:
        self.place = func.substr(entry, PREV.start + 1, PREV.stop - PREV.start)


@compiles(_Joined, "sqlite")
def _joined_sqlite(joined: _Joined, compiler: SQLCompiler, **names: Any) -> str:
    return f"CAST(group_concat({compiler.process(joined.place, **names)}, '') AS BLOB)"


@compiles(_Joined, "postgresql")
def _joined_postgresql(joined: _Joined, compiler: SQLCompiler, **names: Any) -> str:
    return f"string_agg({compiler.process(joined.place, **names)}, ''::bytea ORDER BY seq)"


_LEAVES = Prepared(
    select(entries.c.seq, entries.c.entry)
    .where(entries.c.seq.between(bindparam("first"), bindparam("last")))
    .order_by(entries.c.seq)
)
_run = _LEAVES.query.subquery()
_PLACES = Prepared(select(func.max(_run.c.seq), _Joined(_run.c.entry)))
Read = Callable[[int, int, int], Sequence[bytes]]


@dataclass(frozen=True, slots=True)
class Trust:
    """What the reader holds to be true without the database: the log's key, and the head it remembers.

    `doubt` is why the service does not go on with this ledger, where it has found that it does not fit the head.
    """

    key: VerifierKey
    head: Checkpoint | None
    doubt: Untrusted | None = None


@dataclass(frozen=True, slots=True)
class Proved:
    """A record that stands in the ledger as it was recorded; `event` is the body with its public members alone.

    `sealed` are the pointers of what the record seals.
    """

    seq: int
    recorded_ms: int
    event: Mapping[str, Any]
    sealed: frozenset[str]

    @property
    def statement(self) -> Mapping[str, Any]:
        """What counts: of a correction its replacement."""
        replacement = self.event.get("details", {}).get("replacement")
        if self.event.get("kind") != "correction" or replacement is None:
            return self.event
        stated: Mapping[str, Any] = replacement
        return stated


@dataclass(frozen=True, slots=True)
class Fault:
    """An entry that does not fit, and why: a code of the catalogue."""

    seq: int
    code: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was proved against the signed checkpoint of `size`, and what could not be."""

    size: int
    entries: Mapping[int, Proved]
    faults: tuple[Fault, ...]


def prove(connection: Connection, seqs: Iterable[int], trust: Trust) -> Evidence:
    """Prove the entries of `seqs` against the newest checkpoint that the log has signed.

    That checkpoint must not lie behind the remembered head: a database that does was cut or put back.
    """
    wanted = sorted(set(seqs))
    try:
        head = _newest_head(connection, trust)
    except Untrusted as error:
        at = 0 if trust.head is None else max(trust.head.size - 1, 0)
        return Evidence(0, {}, (Fault(at, error.code),))
    tree = merkle.Tree(head.size, _reader(connection))
    proved: dict[int, Proved] = {}
    faults: list[Fault] = []
    for start in range(0, len(wanted), _AT_ONCE):
        part = wanted[start : start + _AT_ONCE]
        rows = {row.seq: row for row in ledger.ENTRIES.run(connection, seqs=part)}
        values = _disclosed(connection, part)
        for seq in part:
            try:
                if seq not in rows:
                    raise BrokenChain(seq, "entry-missing")
                proved[seq] = _prove_one(rows[seq], values.get(seq, []), head, tree)
            except (Untrusted, Refused) as error:
                faults.append(Fault(seq, error.code))
    return Evidence(head.size, proved, tuple(faults))


def bundle_of(connection: Connection, seqs: Iterable[int], trust: Trust) -> Bundle:
    """The receipt of the entries of `seqs` under the remembered head, nothing sealed disclosed.

    Entries beyond that head are left out. Raises BrokenChain where the store cannot prove them.
    """
    head = trust.head
    note = ledger.find_note(connection, head.size) if head else None
    if head is None or note is None:
        raise BrokenChain(0 if head is None else head.size, "entry-missing")
    open_checkpoint(note, [trust.key])
    tree = merkle.Tree(head.size, _reader(connection))
    wanted = sorted({seq for seq in seqs if seq < head.size})
    items = tuple(
        Item(
            row.seq,
            row.entry,
            row.record,
            row.record_salt,
            (),
            dump_proof(row.seq, tree.inclusion_proof(row.seq), note),
        )
        for row in ledger.ENTRIES.run(connection, seqs=wanted)
    )
    return Bundle(head.origin, dump_verifier_key(trust.key), items)


def _newest_head(connection: Connection, trust: Trust) -> Checkpoint:
    newest = ledger.newest_note(connection)
    if newest is None:
        raise Untrusted("ledger-unsigned-tail", size=0)
    head = open_checkpoint(newest[1], [trust.key])
    if trust.head is not None:
        if head.size < trust.head.size:
            raise Untrusted("ledger-behind", size=head.size, remembered=trust.head.size)
        if head.size == trust.head.size and head.root != trust.head.root:
            raise Untrusted("ledger-differs", size=head.size)
        if trust.doubt is not None:
            # Of a head that is gone nothing can be said; of one that is there only the start compares every size.
            raise trust.doubt.with_traceback(None)
    return head


def _prove_one(row: Any, values: Sequence[Any], head: Checkpoint, tree: merkle.Tree) -> Proved:
    entry = parse_entry(row.entry, row.seq)
    if entry.seq != row.seq:
        raise BrokenChain(row.seq, "entry-seq")
    if commit_record(row.record_salt, row.record) != entry.commitment:
        raise BrokenChain(row.seq, "receipt-record")
    tree.check(row.seq, merkle.leaf_hash(row.entry), head.root)
    # Proved by its commitment: nothing that needs a careful reader can stand in it.
    record = canonical.load_dumped(row.record)
    sealed: Mapping[str, str] = record["sealed"]
    for value in values:
        if sealed.get(value.pointer) != commit_field(value.salt, value.value).hex():
            raise BrokenChain(row.seq, "receipt-disclosure", pointer=value.pointer)
    return Proved(row.seq, entry.recorded_ms, record["event"], frozenset(sealed))


def _disclosed(connection: Connection, seqs: list[int]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for row in ledger.DISCLOSURES.run(connection, seqs=seqs).all():
        found.setdefault(row.seq, []).append(row)
    return found


def _reader(connection: Connection) -> Read:
    """The stored hashes, a leaf's taken from the `prev` of the entry behind it where there is one.

    So an entry that was edited spoils its own proof and not those of the 255 beside it.
    """
    stored = ledger.hash_reader(connection)

    def read(level: int, start: int, count: int) -> Sequence[bytes]:
        return stored(level, start, count) if level else _leaves(connection, start, count)

    return read


def _leaves(connection: Connection, start: int, count: int) -> Sequence[bytes]:
    end = start + count
    last, places = _PLACES.run(connection, first=start + 1, last=end).one()
    named = find_prevs(places or b"")
    if named is None or len(named) != last - start or last < end - 1:
        return _single_leaves(connection, start, end)
    # The last entry of all has none behind it that names it.
    return named if last == end else [*named, *_single_leaves(connection, last, end)]


def _single_leaves(connection: Connection, start: int, end: int) -> list[bytes]:
    """The same one by one, where an entry is missing or is not what it was."""
    stored = {row.seq: row.entry for row in _LEAVES.run(connection, first=start, last=end)}
    leaves: list[bytes] = []
    for seq in range(start, end):
        named = find_prevs(stored[seq + 1][PREV]) if seq + 1 in stored else None
        if named is not None:
            leaves += named
        elif seq in stored:
            leaves.append(merkle.leaf_hash(stored[seq]))
    return leaves
