"""Write the language-neutral vectors beside this file: `python tests/vectors/make.py`.

Every file holds what must be accepted, with the exact bytes and digests, and what must be refused, with the reason.
All of it follows from fixed seeds, so that a second run changes nothing; `test_vectors.py` holds both the product and
the outside verifier to the files as they are committed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from heji_trace.proving import canonical, checkpoint, entries, merkle, proof
from heji_trace.proving.keys import Signer

FOLDER = Path(__file__).parent
SIGNER = Signer("vectors.heji.example/log", bytes(range(32)))
WITNESS = Signer("witness.example/w1", bytes(range(32, 64)))
STARTED_MS = 1_781_222_400_000
LOG_SIZE = 300


def salt_of(*names: object) -> bytes:
    """A salt that stays the same from run to run; a real one is random."""
    return sha256(repr(names).encode()).digest()


class Log:
    """A small ledger of harvests, whole in memory."""

    def __init__(self, size: int) -> None:
        self.records: list[bytes] = []
        self.sealed: list[dict[str, Any]] = []
        self.entries: list[bytes] = []
        self.rows: dict[int, list[bytes]] = {0: []}
        self.frontier = merkle.Frontier()
        prev = entries.FIRST_PREV
        for seq in range(size):
            sealed = {"/outputs/0/quantity": f"{seq}.50", "/note": f"第{seq}筐，桂味\n"}
            record = canonical.dump(record_of(seq, sealed))
            commitment = entries.commit_record(salt_of("record", seq), record)
            entry = entries.dump_entry(seq, prev, commitment, STARTED_MS + seq * 977)
            prev = merkle.leaf_hash(entry)
            self.records.append(record)
            self.sealed.append(sealed)
            self.entries.append(entry)
            self.rows[0].append(prev)
            for level, _, subtree in self.frontier.append(prev):
                self.rows.setdefault(level, []).append(subtree)

    def read(self, level: int, start: int, count: int) -> Sequence[bytes]:
        """The stored hashes, as the ledger hands them out."""
        return self.rows.get(level, [])[start : start + count]

    def root(self, size: int) -> bytes:
        """The root when the log had `size` entries."""
        return merkle.root_of(self.rows[0][:size])

    def note(self, size: int, signer: Signer = SIGNER) -> str:
        """The checkpoint of `size` entries, signed."""
        return checkpoint.sign_note(checkpoint.dump_checkpoint(signer.name, size, self.root(size)), signer)

    def files(self, size: int) -> dict[str, bytes]:
        """Everything below `/log/` for a log of `size` entries, by path."""
        found = {"checkpoint": self.note(size).encode()}
        for n in range((size + 255) // 256):
            bundle = self.entries[n * 256 : min(size, n * 256 + 256)]
            path = merkle.tile_path(None, n, len(bundle))
            found[path] = b"".join(len(entry).to_bytes(2, "big") + entry for entry in bundle)
        level, count = 0, size
        while count:
            for n in range((count + 255) // 256):
                width = min(256, count - n * 256)
                found[merkle.tile_path(level, n, width)] = merkle.tile_hashes(level, n, width, self.read)
            level, count = level + 1, count // 256
        return found

    def item(self, seq: int, size: int, *pointers: str) -> proof.Item:
        """A receipt's item that discloses the values at `pointers`."""
        hashes = merkle.inclusion_proof(seq, size, self.read)
        return proof.Item(
            seq,
            self.entries[seq],
            self.records[seq],
            salt_of("record", seq),
            tuple(proof.Disclosure(at, self.sealed[seq][at], salt_of("field", seq, at)) for at in pointers),
            checkpoint.dump_proof(seq, hashes, self.note(size)),
        )

    def bundle(self, size: int, *shown: tuple[int, Sequence[str]]) -> proof.Bundle:
        """A receipt of some entries, each with the pointers that it discloses."""
        items = tuple(self.item(seq, size, *pointers) for seq, pointers in shown)
        return proof.Bundle(SIGNER.name, SIGNER.verifier_key, items)


def record_of(seq: int, sealed: Mapping[str, Any]) -> dict[str, Any]:
    """A record whose note and quantity are sealed."""
    commitments = {
        at: entries.commit_field(salt_of("field", seq, at), canonical.dump(value)).hex()
        for at, value in sealed.items()
    }
    event = {
        "id": f"00000000-0000-7000-8000-{seq:012d}",
        "kind": "harvest",
        "occurred_at": "2026-06-12T07:40:00+08:00",
        "organisation": "fg-litchi-coop",
        "cycles": ["2026-litchi-031"],
        "outputs": [{"batch": f"FG-{seq:04d}", "product": "litchi-guiwei"}],
        "details": {"variety": "桂味"},
    }
    return {"actor": "a-7f3k", "event": event, "sealed": commitments}


@cache
def the_log() -> Log:
    """The log that all vectors are taken from."""
    return Log(LOG_SIZE)


def canonical_vectors() -> dict[str, Any]:
    """JSON as it is sent, and its canonical bytes."""
    accept = [
        "null",
        "0",
        "-9007199254740991",
        '{"b":1,"a":2,"B":3,"_":4,"10":5,"1":6}',
        ' { "a" : [ 1 , true , false , null , "" ] } ',
        '{"zh":"桂味荔枝","en":"litchi","emoji":"🌾"}',
        r'"\b\t\n\f\r\u001f\u007f\u20ac\/\\\""',
        '"e\\u0301 \\u1112\\u1161\\u11ab"',
        '"\\ud83c\\udf3e"',
        "[" * 32 + "]" * 32,
    ]
    refuse = {
        "a key stands twice": b'{"a":1,"a":1}',
        "a key stands twice once its escape is read": b'{"a":1,"\\u0061":1}',
        "a fraction": b'{"a":0.5}',
        "an exponent": b'{"a":1e2}',
        "too large": b"9007199254740992",
        "NaN": b"[NaN]",
        "Infinity": b"[-Infinity]",
        "a lone surrogate": b'"\\ud83c"',
        "NUL": b'"\\u0000"',
        "a key that is not ASCII": '{"批次":1}'.encode(),
        "too deep": b"[" * 33 + b"]" * 33,
        "not UTF-8": b'"\xff"',
        "a byte order mark": b"\xef\xbb\xbf{}",
        "more than one value": b"{} {}",
        "nothing": b"",
    }
    return {
        "accept": [
            {
                "input": text,
                "canonical": canonical.dump(canonical.load(text.encode())).hex(),
                "sha256": sha256(canonical.dump(canonical.load(text.encode()))).hexdigest(),
            }
            for text in accept
        ],
        "refuse": [{"why": why, "input": data.hex()} for why, data in refuse.items()],
    }


def sealing_vectors() -> dict[str, Any]:
    """Commitments, and a chain of entries with the ways to break it."""
    log = the_log()
    values: list[Any] = ["12.50", 0, True, None, {"b": [], "a": "桂味"}]
    good = log.entries[:4]
    third = entries.parse_entry(good[2])
    broken = {
        "an entry changed": [*good[:2], good[2].replace(b'"v":1', b'"v":2'), good[3]],
        "a space more": [*good[:2], good[2].replace(b",", b", ", 1), good[3]],
        "a commitment replaced": [
            *good[:2],
            entries.dump_entry(*third._replace(commitment=bytes(32))),
            good[3],
        ],
        "another number": [*good[:2], entries.dump_entry(*third._replace(seq=3)), good[3]],
        "chained to nothing": [*good[:2], entries.dump_entry(*third._replace(prev=bytes(32)))],
        "recorded before its predecessor": [*good[:2], entries.dump_entry(*third._replace(recorded_ms=0))],
        "no moment": [*good[:2], good[2].replace(b"2026-06-12", b"2026-06-31")],
        "swapped": [good[1], good[0], *good[2:]],
        "one left out": [good[0], *good[2:]],
    }
    return {
        "fields": [
            {
                "value": value,
                "canonical": canonical.dump(value).hex(),
                "salt": salt_of(value).hex(),
                "commitment": entries.commit_field(salt_of(value), canonical.dump(value)).hex(),
            }
            for value in values
        ],
        "records": [
            {
                "record": log.records[seq].hex(),
                "salt": salt_of("record", seq).hex(),
                "commitment": entries.parse_entry(log.entries[seq]).commitment.hex(),
            }
            for seq in range(3)
        ],
        "chain": [{"entry": entry.decode(), "leaf": merkle.leaf_hash(entry).hex()} for entry in good],
        "refuse": [{"why": why, "chain": [each.decode() for each in chain]} for why, chain in broken.items()],
    }


def tree_vectors() -> dict[str, Any]:
    """Roots and proofs over the leaf hashes of a log, and proofs that show nothing."""
    log = the_log()
    sizes = [0, 1, 2, 3, 4, 5, 7, 8, 13, 255, 256, 257, 300]
    places = [(0, 1), (0, 2), (1, 3), (2, 3), (5, 8), (6, 7), (255, 256), (256, 257), (100, 300), (299, 300)]
    pairs = [(1, 1), (1, 2), (2, 4), (3, 7), (4, 7), (6, 8), (7, 8), (255, 256), (256, 300), (299, 300)]
    inclusion = [inclusion_vector(log, index, size) for index, size in places]
    consistency = [consistency_vector(log, size1, size2) for size1, size2 in pairs]
    bad = bytes(32).hex()
    included, extended = inclusion[4], consistency[3]
    return {
        "leaves": [leaf.hex() for leaf in log.rows[0]],
        "roots": {str(size): log.root(size).hex() for size in sizes},
        "inclusion": inclusion,
        "consistency": consistency,
        "refuse_inclusion": [
            {**included, "why": "the index is not inside", "index": included["size"]},
            {**included, "why": "another index", "index": 4},
            {**included, "why": "another size", "size": 9},
            {**included, "why": "a hash too many", "proof": [*included["proof"], bad]},
            {**included, "why": "a hash too few", "proof": included["proof"][:-1]},
            {**included, "why": "a hash changed", "proof": [bad, *included["proof"][1:]]},
            {**included, "why": "31 bytes", "proof": [included["proof"][0][:62], *included["proof"][1:]]},
            {**included, "why": "another root", "root": bad},
            {**included, "why": "another leaf", "leaf": bad},
        ],
        "refuse_consistency": [
            {**extended, "why": "from nothing", "size1": 0},
            {**extended, "why": "shrinking", "size1": 7, "size2": 3},
            {**extended, "why": "a hash too many", "proof": [*extended["proof"], bad]},
            {**extended, "why": "a hash too few", "proof": extended["proof"][:-1]},
            {**extended, "why": "a hash changed", "proof": [bad, *extended["proof"][1:]]},
            {**extended, "why": "another old root", "root1": bad},
            {**extended, "why": "another new root", "root2": bad},
            {**extended, "why": "equal sizes with a proof", "size2": 3, "root2": extended["root1"]},
            {**extended, "why": "equal sizes, different roots", "size1": 7, "proof": []},
        ],
    }


def inclusion_vector(log: Log, index: int, size: int) -> dict[str, Any]:
    """One inclusion proof."""
    hashes = merkle.inclusion_proof(index, size, log.read)
    return {
        "index": index,
        "size": size,
        "leaf": log.rows[0][index].hex(),
        "proof": [each.hex() for each in hashes],
        "root": log.root(size).hex(),
    }


def consistency_vector(log: Log, size1: int, size2: int) -> dict[str, Any]:
    """One consistency proof."""
    hashes = merkle.consistency_proof(size1, size2, log.read)
    return {
        "size1": size1,
        "size2": size2,
        "root1": log.root(size1).hex(),
        "root2": log.root(size2).hex(),
        "proof": [each.hex() for each in hashes],
    }


def note_vectors() -> dict[str, Any]:
    """Signed checkpoints under a key whose seed is published here and must never be used."""
    log = the_log()
    note = log.note(257)
    line = note.splitlines()[-1]
    text = checkpoint.dump_checkpoint(SIGNER.name, 257, log.root(257))
    witnessed = note + checkpoint.sign_note(text, WITNESS).splitlines()[-1] + "\n"
    foreign = checkpoint.dump_checkpoint("other.example/log", 257, log.root(257))
    refuse = {
        "another size": note.replace("\n257\n", "\n258\n"),
        "another root": note.replace(checkpoint_root(note), checkpoint_root(log.note(256))),
        "signed by a witness alone": checkpoint.sign_note(text, WITNESS),
        "of another origin": checkpoint.sign_note(foreign, SIGNER),
        "an extension line": checkpoint.sign_note(text + "extension\n", SIGNER),
        "a size with a leading zero": checkpoint.sign_note(text.replace("\n257\n", "\n0257\n"), SIGNER),
        "no signature": text,
        "no blank line": text + line + "\n",
        "a hyphen for the em dash": note.replace("\u2014", "-"),
        "a line that is no signature": note + "junk\n",
        "no newline at the end": note[:-1],
        "windows line ends": note.replace("\n", "\r\n"),
    }
    return {
        "seed": SIGNER.seed.hex(),
        "verifier_key": SIGNER.verifier_key,
        "key_id": SIGNER.key_id.hex(),
        "accept": [
            {"note": each, "origin": SIGNER.name, "size": size, "root": log.root(size).hex()}
            for each, size in ((log.note(0), 0), (log.note(1), 1), (note, 257), (witnessed, 257))
        ],
        "refuse": [{"why": why, "note": each} for why, each in refuse.items()],
    }


def checkpoint_root(note: str) -> str:
    """The line of a note that holds the root."""
    return note.split("\n")[2]


def log_vectors() -> dict[str, Any]:
    """All files of logs of some sizes, and logs whose files do not fit."""
    log = the_log()
    files = log.files(257)
    entry_tile, hash_tile = "tile/entries/001.p/1", "tile/0/000"
    shifted = files | {hash_tile: files[hash_tile][32:] + files[hash_tile][:32]}
    refuse = {
        "a hash tile changed": shifted,
        "an upper tile changed": files | {"tile/1/000.p/1": bytes(32)},
        "a tile missing": {path: data for path, data in files.items() if path != hash_tile},
        "entries cut short": files | {entry_tile: files[entry_tile][:-1]},
        "entries too long": files | {entry_tile: files[entry_tile] + b"\0"},
        "an entry of another log": files
        | {entry_tile: files[entry_tile].replace(b'"seq":256', b'"seq":257')},
        "a checkpoint of another size": files
        | {"checkpoint": log.note(256).encode().replace(b"256", b"257")},
    }
    return {
        "verifier_key": SIGNER.verifier_key,
        "accept": [
            {"size": size, "root": log.root(size).hex(), "files": hexed(log.files(size))}
            for size in (0, 1, 257)
        ],
        # Only what differs from the accepted log of 257 entries; null is a file that is not there.
        "refuse": [
            {
                "why": why,
                "changed": {
                    path: None if path not in changed else changed[path].hex()
                    for path in files
                    if changed.get(path) != files[path]
                },
            }
            for why, changed in refuse.items()
        ],
    }


def hexed(files: Mapping[str, bytes]) -> dict[str, str]:
    """Files in hex."""
    return {path: data.hex() for path, data in files.items()}


def receipt_vectors() -> dict[str, Any]:
    """Receipts, and changes to a receipt that must be noticed."""
    log = the_log()
    note, quantity = "/note", "/outputs/0/quantity"
    bundle = log.bundle(257, (3, [note, quantity]), (256, []))
    document = json.loads(proof.dump_bundle(bundle))
    twice = document["items"][0]["disclosed"][:1] * 2
    other = json.loads(proof.dump_bundle(log.bundle(257, (4, [note]))))["items"][0]
    refuse: dict[str, Mapping[tuple[str | int, ...], Any]] = {
        "another format": {("format",): "heji-receipt-v2"},
        "another origin": {("origin",): "other.example/log"},
        "another key": {("verifier_key",): WITNESS.verifier_key},
        "no items": {("items",): []},
        "another position": {("items", 0, "seq"): 4},
        "another entry": {("items", 0, "entry"): other["entry"]},
        "another record": {("items", 0, "record"): other["record"]},
        "a record with a space": {
            ("items", 0, "record"): document["items"][0]["record"].replace(",", ", ", 1)
        },
        "another salt": {("items", 0, "salt"): other["salt"]},
        "another proof": {("items", 0, "proof"): other["proof"]},
        "a value changed": {("items", 0, "disclosed", 1, "value"): "900.50"},
        "a value of another type": {("items", 0, "disclosed", 1, "value"): 3},
        "a value's salt changed": {("items", 0, "disclosed", 1, "salt"): other["salt"]},
        "a value of another entry": {("items", 0, "disclosed"): other["disclosed"]},
        "a pointer that nothing seals": {("items", 0, "disclosed", 0, "pointer"): "/site"},
        "a value twice": {("items", 0, "disclosed"): twice},
        "a member more": {("items", 0, "comment"): ""},
    }
    return {
        "verifier_key": SIGNER.verifier_key,
        "accept": [
            {
                "bundle": json.dumps(document, ensure_ascii=False),
                "shown": [
                    {"seq": 3, "disclosed": {note: log.sealed[3][note], quantity: log.sealed[3][quantity]}},
                    {"seq": 256, "disclosed": {}},
                ],
            },
            {
                "bundle": proof.dump_bundle(log.bundle(1, (0, []))).decode(),
                "shown": [{"seq": 0, "disclosed": {}}],
            },
        ],
        "refuse": [
            {"why": why, "bundle": json.dumps(changed(document, change), ensure_ascii=False)}
            for why, change in refuse.items()
        ],
    }


def changed(document: Any, changes: Mapping[tuple[str | int, ...], Any]) -> Any:
    """A copy of a JSON document with other values at some places."""
    copy = json.loads(json.dumps(document))
    for (*steps, last), value in changes.items():
        place = copy
        for step in steps:
            place = place[step]
        place[last] = value
    return copy


VECTORS = {
    "canonical.json": canonical_vectors,
    "sealing.json": sealing_vectors,
    "tree.json": tree_vectors,
    "note.json": note_vectors,
    "log.json": log_vectors,
    "receipt.json": receipt_vectors,
}


def dump_vectors(name: str) -> str:
    """The text of one file."""
    return json.dumps(VECTORS[name](), ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    for name in VECTORS:
        (FOLDER / name).write_text(dump_vectors(name), "utf-8")
