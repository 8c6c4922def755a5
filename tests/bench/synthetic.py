"""Large ledgers and lineages made fast, with the bytes that the product itself would have written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from heji_migrations import upgrade
from heji_trace.events.sealing import seal
from heji_trace.ledger import ledger
from heji_trace.ledger.head import HeadFile
from heji_trace.proving import canonical, merkle
from heji_trace.proving.checkpoint import dump_checkpoint, sign_note
from heji_trace.proving.entries import FIRST_PREV, commit_field, commit_record, dump_entry
from heji_trace.proving.keys import Signer, generate_signer
from heji_trace.proving.merkle import Frontier
from heji_trace.store.db import Store
from heji_trace.store.rows import insert_rows
from heji_trace.store.tables import batches, checkpoints, disclosures, edges, entries, nodes, stock_changes

_START_MS = 1_780_000_000_000
_AT_ONCE = 10_000
_ID = "00000000-0000-7000-8000-%012d"
_BODY = {
    "id": _ID,
    "kind": "harvest",
    "occurred_at": "2026-06-12T07:40:00+08:00",
    "organisation": "fg-litchi-coop",
    "cycles": ["2026-litchi-031"],
    "outputs": [{"batch": "B%09d", "product": "litchi-fresh", "quantity": "812.5", "unit": "kg"}],
}


def make_ledger(folder: Path, size: int) -> tuple[Store, Signer, HeadFile]:
    """A ledger of `size` harvests in `folder`, one checkpoint for each 10,000; its read tables are empty."""
    store = Store(f"sqlite:///{folder / 'synthetic.db'}")
    signer = generate_signer("bench.example/log", os.urandom)
    frontier, prev = Frontier(), FIRST_PREV
    with store.write() as connection:
        upgrade.upgrade(connection)
        note = ledger.found(connection, signer, {})
        for start in range(0, size, _AT_ONCE):
            end = min(start + _AT_ONCE, size)
            rows, values, stored = [], [], []
            for row, sealed in _statements(start, end):
                entry = dump_entry(
                    row["seq"], prev, commit_record(row["record_salt"], row["record"]), _START_MS + row["seq"]
                )
                prev = merkle.leaf_hash(entry)
                rows.append({**row, "entry": entry})
                values += sealed
                stored += [
                    {"level": each.tile_level, "position": each.n, "hash": each.hash}
                    for each in frontier.append(prev)
                ]
            insert_rows(connection, entries, rows)
            insert_rows(connection, disclosures, values)
            insert_rows(connection, nodes, stored)
            note = sign_note(dump_checkpoint(signer.name, end, frontier.root()), signer)
            insert_rows(connection, checkpoints, [{"size": end, "previous_size": start, "note": note}])
    head = HeadFile(folder / "head", signer.verifier)
    head.write(note)
    return store, signer, head


def _statements(start: int, end: int) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Rows of `entries` (without the entry) and of `disclosures`: one harvest, its id and batch counted on."""
    public, sealed = seal(_BODY)
    values = {pointer: canonical.dump(value) for pointer, value in sealed.items()}
    template = canonical.dump(
        {"actor": "bench", "event": public, "sealed": dict.fromkeys(sorted(values), "%s")}
    )
    form = template.decode()
    for seq in range(start, end):
        salts = {pointer: sha256(b"%d%s" % (seq, pointer.encode())).digest() for pointer in values}
        # The places of the form in the order of the canonical keys: id, batch, then the commitments.
        commitments = [commit_field(salts[pointer], values[pointer]).hex() for pointer in sorted(values)]
        record = (form % (seq, seq, *commitments)).encode()
        yield (
            {
                "seq": seq,
                "event_id": _ID % seq,
                "record": record,
                "record_salt": sha256(b"r%d" % seq).digest(),
            },
            [
                {"seq": seq, "pointer": pointer, "salt": salts[pointer], "value": values[pointer]}
                for pointer in values
            ],
        )


def make_lineage(store: Store, components: int, width: int) -> None:
    """Batches in `components` of `width` each: chains of merges and splits, three edges for every two batches."""
    with store.write() as connection:
        for component in range(components):
            names = [f"C{component}-{at}" for at in range(width)]
            insert_rows(connection, batches, [_batch(name, component) for name in names])
            insert_rows(connection, edges, list(_edges(names)))
            insert_rows(
                connection, stock_changes, [_stock(name, component, at) for at, name in enumerate(names)]
            )


def _batch(name: str, seq: int) -> dict[str, Any]:
    return dict.fromkeys((column.name for column in batches.columns), None) | {
        "batch": name,
        "kind": "packaging",
        "product": "litchi-5kg",
        "organisation": "fg-packing",
        "made_seq": seq,
        "made_ms": _START_MS,
        "unknown_origin": 0,
        "version": seq,
    }


def _edges(names: list[str]) -> Iterator[dict[str, Any]]:
    for at in range(1, len(names)):
        parents = {at - 1} if at % 2 else {at - 1, max(0, at - 3)}
        for parent in sorted(parents):
            yield {
                "seq": at,
                "parent": names[parent],
                "child": names[at],
                "flow": "made",
                "dimension": "mass",
                "amount": 1_000_000,
                "occurred_ms": _START_MS,
                "withdrawn_seq": None,
            }


def _stock(name: str, component: int, at: int) -> dict[str, Any]:
    return {
        "seq": component,
        "position": at,
        "batch": name,
        "holder": "fg-packing",
        "state": "held",
        "dimension": "mass",
        "amount": 1_000_000,
        "withdrawn_seq": None,
    }
