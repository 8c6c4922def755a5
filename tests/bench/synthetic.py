"""A large ledger made fast: well chained, signed entries whose records nobody will ask for."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

from sqlalchemy import insert

from heji_trace import ledger, merkle
from heji_trace.checkpoint import dump_checkpoint, sign_note
from heji_trace.db import Store
from heji_trace.entries import FIRST_PREV, dump_entry
from heji_trace.head import HeadFile
from heji_trace.keys import Signer, generate_signer
from heji_trace.merkle import Frontier
from heji_trace.tables import LEDGER, checkpoints, entries, metadata, nodes

_START_MS = 1_780_000_000_000
_AT_ONCE = 10_000


def make_ledger(folder: Path, size: int) -> tuple[Store, Signer, HeadFile]:
    """A ledger of `size` entries in `folder`, one checkpoint for each 10,000."""
    store = Store(f"sqlite:///{folder / 'synthetic.db'}")
    signer = generate_signer("bench.example/log", os.urandom)
    frontier, prev = Frontier(), FIRST_PREV
    with store.write() as connection:
        metadata.create_all(connection, tables=list(LEDGER))
        note = ledger.found(connection, signer, {})
        for start in range(0, size, _AT_ONCE):
            rows, stored, end = [], [], min(start + _AT_ONCE, size)
            for seq in range(start, end):
                entry = dump_entry(seq, prev, sha256(b"%d" % seq).digest(), _START_MS + seq)
                prev = merkle.leaf_hash(entry)
                rows.append(
                    {"seq": seq, "event_id": str(seq), "entry": entry, "record": b"", "record_salt": b""}
                )
                stored += [
                    {"level": each.tile_level, "position": each.n, "hash": each.hash}
                    for each in frontier.append(prev)
                ]
            connection.execute(insert(entries), rows)
            if stored:
                connection.execute(insert(nodes), stored)
            note = sign_note(dump_checkpoint(signer.name, end, frontier.root()), signer)
            connection.execute(insert(checkpoints), {"size": end, "previous_size": start, "note": note})
    head = HeadFile(folder / "head", signer.verifier)
    head.write(note)
    return store, signer, head
