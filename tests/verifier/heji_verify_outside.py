#!/usr/bin/env python3
"""Verify a Heji ledger from outside, with nothing of Heji: the standard library, and `cryptography` for Ed25519.

It was written from the format's description alone (C2SP signed-note, tlog-checkpoint, tlog-tiles, tlog-proof;
RFC 6962 section 2.1; RFC 8785) and follows the definitions rather than the clever algorithms, so that it errs, if it
errs, in other places than the product.

    heji_verify_outside.py log SOURCE KEY              every entry, tile and root of a log
    heji_verify_outside.py consistency OLD SOURCE KEY  the log in SOURCE extends the checkpoint in the file OLD
    heji_verify_outside.py receipt FILE KEY            what a receipt proves

SOURCE is a folder that holds `checkpoint` and `tile/`, or the address of `…/log`. KEY is the verifier key's text, or
a file that holds it. The exit code is 0 when all holds and 1 when anything does not.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sys
import unicodedata
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

Source = Callable[[str], bytes]
"""The bytes at a path below `/log/`; raises KeyError or OSError where there is nothing."""


class Distrusted(Exception):
    """Something does not hold; the message says what and where."""


@dataclass(frozen=True)
class Head:
    """A checkpoint whose signature held."""

    origin: str
    size: int
    root: bytes


def need(condition: object, message: str) -> None:
    """Raise Distrusted unless the condition holds."""
    if not condition:
        raise Distrusted(message)


# Hashes and trees, by the definitions of RFC 6962 section 2.1


def sha(*parts: bytes) -> bytes:
    """SHA-256 over the parts."""
    return hashlib.sha256(b"".join(parts)).digest()


def tree_root(leaves: Sequence[bytes]) -> bytes:
    """MTH over leaf hashes."""
    if not leaves:
        return sha(b"")
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return sha(b"\x01", tree_root(leaves[:k]), tree_root(leaves[k:]))


def split(n: int) -> int:
    """The largest power of two smaller than n."""
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def root_by_path(index: int, size: int, leaf: bytes, path: list[bytes]) -> bytes:
    """The root that PATH(index, D[size]) leads to; `path` is used up from its end."""
    need(0 <= index < size, f"index {index} is not inside a tree of size {size}")
    if size == 1:
        return leaf
    need(path, "the proof is too short")
    other = path.pop()
    k = split(size)
    if index < k:
        return sha(b"\x01", root_by_path(index, k, leaf, path), other)
    return sha(b"\x01", other, root_by_path(index - k, size - k, leaf, path))


def check_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """Distrusted unless the proof shows the leaf hash at index."""
    path = list(proof)
    need(all(len(each) == 32 for each in (leaf, root, *path)), "a hash is not 32 bytes long")
    found = root_by_path(index, size, leaf, path)
    need(not path, "the proof is too long")
    need(found == root, "the proof leads to another root")


def both_roots(m: int, n: int, proof: list[bytes], old_root: bytes | None) -> tuple[bytes, bytes]:
    """The old and the new root that SUBPROOF(m, D[n]) leads to; `old_root` is given while it need not be sent."""
    if m == n:
        if old_root is not None:
            return old_root, old_root
        need(proof, "the proof is too short")
        known = proof.pop()
        return known, known
    need(proof, "the proof is too short")
    other = proof.pop()
    k = split(n)
    if m <= k:
        old, new = both_roots(m, k, proof, old_root)
        return old, sha(b"\x01", new, other)
    old, new = both_roots(m - k, n - k, proof, None)
    return sha(b"\x01", other, old), sha(b"\x01", other, new)


def check_consistency(size1: int, size2: int, root1: bytes, root2: bytes, proof: Sequence[bytes]) -> None:
    """Distrusted unless the proof shows that the tree of size2 extends the tree of size1."""
    path = list(proof)
    need(all(len(each) == 32 for each in (root1, root2, *path)), "a hash is not 32 bytes long")
    need(0 < size1 <= size2, f"no proof leads from size {size1} to size {size2}")
    old, new = both_roots(size1, size2, path, root1)
    need(not path, "the proof is too long")
    need(old == root1 and new == root2, "the proof leads to other roots")


# Canonical JSON


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys are all different."""
    found = dict(pairs)
    need(len(found) == len(pairs), "a key stands twice")
    return found


def not_whole(text: str) -> Any:
    """What is called for any number with a fraction or exponent, and for NaN."""
    raise Distrusted(f"{text} is not a whole number")


def parse_json(data: bytes) -> Any:
    """JSON without equal keys and without fractions."""
    try:
        return json.loads(
            data.decode("utf-8"), object_pairs_hook=unique, parse_float=not_whole, parse_constant=not_whole
        )
    except (ValueError, RecursionError) as error:
        raise Distrusted(f"not JSON: {error}") from None


def check_profile(value: Any, depth: int = 32) -> None:
    """Distrusted for what two languages might write differently."""
    if isinstance(value, str):
        need("\0" not in value and unicodedata.is_normalized("NFC", value), "a text with NUL or not in NFC")
    elif isinstance(value, int):
        need(abs(value) < 2**53, f"{value} is too large")
    elif isinstance(value, dict | list):
        need(depth > 0, "nested too deeply")
        for key in value if isinstance(value, dict) else ():
            need(key.isascii() and "\0" not in key, "a key that is not ASCII")
        for inner in value.values() if isinstance(value, dict) else value:
            check_profile(inner, depth - 1)


def canonical(value: Any) -> bytes:
    """The bytes that RFC 8785 gives for values of the profile."""
    check_profile(value)
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise Distrusted("a lone surrogate") from None


def parse_canonical(data: bytes) -> dict[str, Any]:
    """A JSON object that stands in its canonical bytes."""
    value = parse_json(data)
    need(isinstance(value, dict) and canonical(value) == data, "not in canonical form")
    return dict(value)


# Notes, checkpoints, keys


def unbase64(text: str) -> bytes:
    """The bytes of standard base64, padded, without spare bits."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except ValueError:
        raise Distrusted("not base64") from None
    need(base64.b64encode(data).decode() == text, "not base64")
    return data


def parse_key(text: str) -> tuple[str, bytes, Ed25519PublicKey]:
    """Name, key id and public key of a verifier key."""
    parts = text.split("+", 2)
    need(len(parts) == 3, "not a verifier key")
    name, key_id, encoded = parts[0], parts[1], unbase64(parts[2])
    need(len(encoded) == 33 and encoded[0] == 1, "not an Ed25519 verifier key")
    need(sha(name.encode(), b"\n", encoded)[:4].hex() == key_id, "the verifier key's id does not fit")
    return name, bytes.fromhex(key_id), Ed25519PublicKey.from_public_bytes(encoded[1:])


def open_head(note: str, key_text: str) -> Head:
    """The checkpoint in a note that the key signed."""
    name, key_id, key = parse_key(key_text)
    text, gap, tail = note.rpartition("\n\n")
    need(gap and tail.endswith("\n"), "not a signed note")
    need(not re.search("[\x00-\x09\x0b-\x1f]", note), "a control character in the note")
    text += "\n"
    signed = False
    for line in tail[:-1].split("\n"):
        parts = line.split(" ")
        need(len(parts) == 3 and parts[0] == "\u2014" and parts[1], "not a signature line")
        signature = unbase64(parts[2])
        need(len(signature) > 4, "a signature is too short")
        if parts[1] == name and signature[:4] == key_id:
            try:
                key.verify(signature[4:], text.encode())
            except InvalidSignature:
                raise Distrusted("the signature does not hold") from None
            signed = True
    need(signed, "the key has not signed this note")
    head = parse_head(text)
    need(head.origin == name, "the checkpoint is of another log than the key")
    return head


def parse_head(text: str) -> Head:
    """The three lines of a checkpoint without extensions."""
    lines = text.split("\n")
    need(len(lines) == 4 and not lines[3] and lines[0], "not a checkpoint")
    need(re.fullmatch("0|[1-9][0-9]*", lines[1]), "the size is no number")
    root = unbase64(lines[2])
    need(len(root) == 32, "the root is not 32 bytes long")
    return Head(lines[0], int(lines[1]), root)


# The log as tiles


def tile_name(kind: str, n: int, width: int) -> str:
    """The path of a tile."""
    digits = str(n)
    digits = digits.zfill((len(digits) + 2) // 3 * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    place = "/".join(["x" + group for group in groups[:-1]] + groups[-1:])
    return f"tile/{kind}/{place}" + ("" if width == 256 else f".p/{width}")


def widths(count: int) -> Iterator[tuple[int, int]]:
    """Number and width of each tile that holds `count` things."""
    for n in range((count + 255) // 256):
        yield n, min(256, count - n * 256)


def fetch(source: Source, path: str) -> bytes:
    """The bytes at a path, which must be there."""
    try:
        return source(path)
    except (KeyError, OSError):
        raise Distrusted(f"{path} is missing") from None


def read_entries(source: Source, size: int) -> Iterator[bytes]:
    """The bytes of every entry."""
    for n, width in widths(size):
        path = tile_name("entries", n, width)
        yield from split_bundle(path, fetch(source, path), width)


def split_bundle(path: str, data: bytes, width: int) -> Iterator[bytes]:
    """The entries of a bundle, each after its length in two bytes."""
    at = 0
    for _ in range(width):
        length = int.from_bytes(data[at : at + 2], "big")
        need(len(data) >= at + 2 + length, f"{path} is cut short")
        yield data[at + 2 : at + 2 + length]
        at += 2 + length
    need(at == len(data), f"{path} is too long")


MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")


def parse_entry(data: bytes) -> dict[str, Any]:
    """The members of an entry."""
    entry = parse_canonical(data)
    need(set(entry) == {"commitment", "prev", "recorded_at", "seq", "v"}, "other members than an entry has")
    need(type(entry["v"]) is int and entry["v"] == 1, "another version than 1")
    need(type(entry["seq"]) is int and entry["seq"] >= 0, "no sequence number")
    for name in ("commitment", "prev"):
        need(type(entry[name]) is str and re.fullmatch("[0-9a-f]{64}", entry[name]), f"{name} is no hash")
    moment = entry["recorded_at"]
    need(type(moment) is str and MOMENT.fullmatch(moment), "recorded_at has another form")
    try:
        datetime.strptime(moment, "%Y-%m-%dT%H:%M:%S.%fZ")
    except ValueError:
        raise Distrusted("recorded_at is no moment") from None
    return entry


def check_chain(entries: Iterator[bytes]) -> Iterator[bytes]:
    """The leaf hashes of entries that are numbered, chained and in order of time."""
    prev, moment = "0" * 64, ""
    for seq, data in enumerate(entries):
        try:
            entry = parse_entry(data)
        except Distrusted as error:
            raise Distrusted(f"entry {seq}: {error}") from None
        need(entry["seq"] == seq, f"entry {seq}: it is numbered {entry['seq']}")
        need(entry["prev"] == prev, f"entry {seq}: it is not chained to the entry before it")
        need(entry["recorded_at"] >= moment, f"entry {seq}: it was recorded before its predecessor")
        leaf = sha(b"\x00", data)
        yield leaf
        prev, moment = leaf.hex(), entry["recorded_at"]


def check_log(source: Source, key: str) -> tuple[Head, list[bytes]]:
    """Check every entry, tile and root that a checkpoint covers; returns the head and the leaf hashes."""
    head = open_head(fetch(source, "checkpoint").decode("utf-8", "replace"), key)
    leaves = list(check_chain(read_entries(source, head.size)))
    check_tiles(source, leaves)
    need(tree_root(leaves) == head.root, "the entries do not give the checkpoint's root")
    return head, leaves


def check_tiles(source: Source, leaves: Sequence[bytes]) -> None:
    """Distrusted unless all tiles over the leaf hashes are there and right."""
    row, level = list(leaves), 0
    while row:
        for n, width in widths(len(row)):
            path = tile_name(str(level), n, width)
            expected = b"".join(row[n * 256 : n * 256 + width])
            need(fetch(source, path) == expected, f"{path} does not fit its entries")
        row = [tree_root(row[at : at + 256]) for at in range(0, len(row) - 255, 256)]
        level += 1


def check_extension(old_note: str, source: Source, key: str) -> tuple[Head, Head]:
    """Check a log, and that it extends the log of an older checkpoint."""
    old = open_head(old_note, key)
    new, leaves = check_log(source, key)
    need(new.size >= old.size, f"the log has shrunk from {old.size} to {new.size}")
    need(tree_root(leaves[: old.size]) == old.root, "the log does not extend the older checkpoint")
    return old, new


# Receipts


def parse_proof(text: str) -> tuple[int, list[bytes], str]:
    """Index, hashes and note of a tlog-proof."""
    lines = text.split("\n")
    need(lines[0] == "c2sp.org/tlog-proof@v1" and len(lines) > 3 and "" in lines[2:], "not a tlog-proof")
    index = re.fullmatch("index (0|[1-9][0-9]*)", lines[1])
    need(index, "the proof has no index")
    end = lines.index("", 2)
    return (
        int(index[1]) if index else 0,
        [unbase64(each) for each in lines[2:end]],
        "\n".join(lines[end + 1 :]),
    )


def check_receipt(data: bytes, key: str) -> list[dict[str, Any]]:
    """What a receipt proves: of each item `seq`, `recorded_at`, `record` and the disclosed values by pointer."""
    bundle = parse_json(data)
    need(isinstance(bundle, dict) and bundle.get("format") == "heji-receipt-v1", "not a heji-receipt-v1")
    need(set(bundle) == {"format", "origin", "verifier_key", "items"}, "other members than a receipt has")
    need(bundle["verifier_key"] == key and parse_key(key)[0] == bundle["origin"], "made for another key")
    need(isinstance(bundle["items"], list) and bundle["items"], "the receipt is empty")
    roots: dict[int, bytes] = {}
    proved = []
    for item in bundle["items"]:
        try:
            head, shown = check_item(item, key)
        except (KeyError, TypeError, AttributeError, UnicodeEncodeError) as error:
            raise Distrusted(f"an item of another form: {error!r}") from None
        need(roots.setdefault(head.size, head.root) == head.root, "the log has shown two histories")
        proved.append(shown)
    return proved


def check_item(item: dict[str, Any], key: str) -> tuple[Head, dict[str, Any]]:
    """One record of a receipt: its inclusion, its commitment, its disclosed values."""
    need(
        set(item) == {"seq", "entry", "record", "salt", "disclosed", "proof"},
        "other members than an item has",
    )
    entry_bytes, record_bytes = item["entry"].encode(), item["record"].encode()
    entry = parse_entry(entry_bytes)
    index, path, note = parse_proof(item["proof"])
    need(type(item["seq"]) is int and index == item["seq"] == entry["seq"], "the positions differ")
    head = open_head(note, key)
    check_inclusion(index, head.size, sha(b"\x00", entry_bytes), path, head.root)
    commitment = sha(b"heji.record.v1\n", salt_of(item), record_bytes)
    need(commitment.hex() == entry["commitment"], f"entry {index}: it commits to another record")
    record = parse_canonical(record_bytes)
    disclosed: dict[str, Any] = {}
    for each in item["disclosed"]:
        need(set(each) == {"pointer", "value", "salt"}, "other members than a disclosure has")
        pointer = each["pointer"]
        commitment = sha(b"heji.field.v1\n", salt_of(each), canonical(each["value"]))
        need(
            record["sealed"].get(pointer) == commitment.hex(),
            f"entry {index}: it commits to another {pointer}",
        )
        need(
            pointer not in disclosed and is_gap(record["event"], pointer),
            f"entry {index}: {pointer} stands twice",
        )
        disclosed[pointer] = each["value"]
    return head, {
        "seq": index,
        "recorded_at": entry["recorded_at"],
        "record": record,
        "disclosed": disclosed,
    }


def salt_of(item: dict[str, Any]) -> bytes:
    """The 32 bytes of a salt in lower-case hex."""
    need(re.fullmatch("[0-9a-f]{64}", item["salt"]), "not a salt")
    return bytes.fromhex(item["salt"])


def is_gap(event: Any, pointer: str) -> bool:
    """Whether a pointer leads to a member that its object lacks."""
    first, *steps = pointer.split("/")
    need(first == "" and steps, "not a pointer")
    for step in steps[:-1]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(event, list):
            need(
                re.fullmatch("0|[1-9][0-9]{0,8}", name) and int(name) < len(event), "a pointer leads nowhere"
            )
            event = event[int(name)]
        else:
            need(isinstance(event, dict) and name in event, "a pointer leads nowhere")
            event = event[name]
    return isinstance(event, dict) and steps[-1].replace("~1", "/").replace("~0", "~") not in event


# As a program


def open_source(place: str) -> Source:
    """A folder, or the address of a log."""
    if place.startswith(("http://", "https://")):
        return lambda path: read_url(f"{place.rstrip('/')}/{path}")
    return lambda path: (Path(place) / path).read_bytes()


def read_url(address: str) -> bytes:
    """What an address answers."""
    with urllib.request.urlopen(address, timeout=30) as answer:
        return bytes(answer.read())


def main(arguments: Sequence[str]) -> int:
    """Run one command and say what was found."""
    match arguments:
        case ["log", place, key]:
            head, _ = check_log(open_source(place), key_text(key))
            say(f"{head.origin}: {head.size} entries hold, root {head.root.hex()}")
        case ["consistency", old, place, key]:
            first, head = check_extension(Path(old).read_text("utf-8"), open_source(place), key_text(key))
            say(f"{head.origin}: {head.size} entries extend the {first.size} of the older checkpoint")
        case ["receipt", file, key]:
            for shown in check_receipt(Path(file).read_bytes(), key_text(key)):
                say(json.dumps(shown, ensure_ascii=False))
        case _:
            say(__doc__ or "")
            return 2
    return 0


def say(line: str) -> None:
    """Write a line."""
    sys.stdout.write(f"{line}\n")


def key_text(argument: str) -> str:
    """A verifier key, given itself or by the name of its file."""
    return argument if argument.count("+") >= 2 else Path(argument).read_text("utf-8").strip()


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (Distrusted, OSError) as refusal:
        sys.exit(f"REFUSED: {refusal}")
