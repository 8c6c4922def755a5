"""Which entry is to blame, where the ledger's bytes do not fit together.

A chain shows only that an entry and its predecessor disagree, and a root only that something below it was changed.
The signed roots tell more: what has to be put back for the tree to become the signed one again was changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from sqlalchemy import Connection, select

from heji_trace.errors import BrokenChain
from heji_trace.ledger import ledger
from heji_trace.proving.checkpoint import Checkpoint
from heji_trace.proving.entries import commit_record, dump_entry, parse_entry
from heji_trace.proving.merkle import leaf_hash, root_of
from heji_trace.store.tables import entries


def blame_link(connection: Connection, seq: int, signed: Sequence[Checkpoint]) -> int:
    """Of an entry and the predecessor that it does not name: the one that was changed, the predecessor where both were.

    `signed` are checkpoints whose signatures hold, in order of size; without one that covers the pair, `seq` is blamed.
    """
    above = next((each for each in signed if each.size >= seq), None)
    if above is None:
        return seq
    read = ledger.read_entry_bytes(connection, 0, above.size)
    leaves = [leaf_hash(entry) for entry in read]
    if above.size > seq:
        entry = parse_entry(read[seq], seq)
        mended = dump_entry(seq, leaves[seq - 1], entry.commitment, entry.recorded_ms)
        leaves[seq] = leaf_hash(mended)
    return seq if root_of(leaves) == above.root else seq - 1


def blame_root(connection: Connection, good: int, above: Checkpoint) -> int:
    """The first entry that may have been changed, where the entries up to `good` fit a root and those `above` do not.

    The entries are chained, so that either the last of them was changed alone, which its own record and the moment of
    its group show, or all from one on were written anew.
    """
    seq = above.size - 1
    row = connection.execute(select(entries).where(entries.c.seq == seq)).one()
    read = ledger.read_entry_bytes(connection, 0, above.size)
    leaves = [leaf_hash(each) for each in read]
    last = parse_entry(row.entry, seq)
    moments = {last.recorded_ms, *(parse_entry(each).recorded_ms for each in read[good:seq])}
    commitments = (last.commitment, commit_record(row.record_salt, row.record))
    for commitment, moment in product(commitments, moments):
        leaves[seq] = leaf_hash(dump_entry(seq, last.prev, commitment, moment))
        if root_of(leaves) == above.root:
            return seq
    return good


def blame(connection: Connection, broken: BrokenChain, signed: Sequence[Checkpoint]) -> int:
    """The first bad entry of a broken chain."""
    is_link = broken.code == "entry-prev" and broken.seq > 0
    return blame_link(connection, broken.seq, signed) if is_link else broken.seq
