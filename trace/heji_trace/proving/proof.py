"""Receipts: records with the proof that they stand in the ledger, to be checked years later and without a network.

A bundle is one JSON document of the form heji-receipt-v1. It shows whole records, whose sealed fields are bare
commitments, and of those fields only the ones that its maker chose to disclose.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from heji_trace.errors import BadProof, BadSignature, BrokenChain, Refused
from heji_trace.proving import canonical
from heji_trace.proving.checkpoint import (
    Checkpoint,
    VerifierKey,
    open_checkpoint,
    parse_proof,
    parse_verifier_key,
)
from heji_trace.proving.entries import SALT_SIZE, Entry, commit_field, commit_record, parse_entry
from heji_trace.proving.merkle import leaf_hash, verify_inclusion

FORMAT = "heji-receipt-v1"
MAX_BUNDLE = 32 * 1024 * 1024

_POINTER = re.compile(r"(?:/(?:[^/~]|~[01])*)+")
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")
_HEX = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Disclosure:
    """A sealed value with the salt that proves it; `pointer` is the key under `sealed`."""

    pointer: str
    value: Any
    salt: bytes


@dataclass(frozen=True, slots=True)
class Item:
    """One record with what proves it: `proof` is a C2SP tlog-proof."""

    seq: int
    entry: bytes
    record: bytes
    salt: bytes
    disclosed: tuple[Disclosure, ...]
    proof: str


@dataclass(frozen=True, slots=True)
class Bundle:
    """A receipt as it is handed out; nothing of it is proved before `check_bundle`."""

    origin: str
    verifier_key: str
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """What an item proves: the record stands in the ledger at `seq`, and these are its disclosed values by pointer."""

    seq: int
    recorded_ms: int
    record: Mapping[str, Any]
    disclosed: Mapping[str, Any]
    checkpoint: Checkpoint


def dump_bundle(bundle: Bundle) -> bytes:
    """The JSON document of a receipt."""
    document = {
        "format": FORMAT,
        "origin": bundle.origin,
        "verifier_key": bundle.verifier_key,
        "items": [_dump_item(item) for item in bundle.items],
    }
    # Not canonical.dump: a record is text inside text, and `\n` before a combining mark is no NFC.
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _dump_item(item: Item) -> dict[str, Any]:
    return {
        "seq": item.seq,
        "entry": item.entry.decode("ascii"),
        "record": item.record.decode(),
        "salt": item.salt.hex(),
        "disclosed": [
            {"pointer": each.pointer, "value": each.value, "salt": each.salt.hex()} for each in item.disclosed
        ],
        "proof": item.proof,
    }


def parse_bundle(data: bytes) -> Bundle:
    """The receipt in a JSON document; raises BadProof for anything that is not of its form."""
    try:
        document = canonical.load(data, MAX_BUNDLE, nfc=False)
    except Refused:
        raise BadProof("receipt-form") from None
    found = _members(document, {"format": str, "origin": str, "verifier_key": str, "items": list})
    if found["format"] != FORMAT or not found["items"]:
        raise BadProof("receipt-form")
    return Bundle(found["origin"], found["verifier_key"], tuple(_parse_item(each) for each in found["items"]))


def _parse_item(raw: object) -> Item:
    found = _members(
        raw, {"seq": int, "entry": str, "record": str, "salt": str, "disclosed": list, "proof": str}
    )
    return Item(
        found["seq"],
        found["entry"].encode(),
        found["record"].encode(),
        _parse_salt(found["salt"]),
        tuple(_parse_disclosure(each) for each in found["disclosed"]),
        found["proof"],
    )


def _parse_disclosure(raw: object) -> Disclosure:
    found = _members(raw, {"pointer": str, "value": object, "salt": str})
    return Disclosure(found["pointer"], found["value"], _parse_salt(found["salt"]))


def _members(raw: object, shape: Mapping[str, type]) -> dict[str, Any]:
    """The object `raw`, with exactly the members of `shape`."""
    if not isinstance(raw, dict) or raw.keys() != shape.keys():
        raise BadProof("receipt-form")
    if any(kind is not object and type(raw[name]) is not kind for name, kind in shape.items()):
        raise BadProof("receipt-form")
    return raw


def _parse_salt(text: str) -> bytes:
    if not _HEX.fullmatch(text):
        raise BadProof("receipt-form")
    return bytes.fromhex(text)


def check_bundle(bundle: Bundle | bytes, verifier_keys: Iterable[VerifierKey | str]) -> tuple[Shown, ...]:
    """What a receipt proves, against keys that the reader already trusts; raises BadProof and BadSignature.

    The key inside the bundle is only its maker's word: it must be among `verifier_keys` and named like the origin.
    """
    if isinstance(bundle, bytes):
        bundle = parse_bundle(bundle)
    keys = [parse_verifier_key(each) if isinstance(each, str) else each for each in verifier_keys]
    key = parse_verifier_key(bundle.verifier_key)
    if key not in keys or key.name != bundle.origin:
        raise BadSignature("signature-unknown")
    shown = tuple(_check_item(item, bundle.origin, keys) for item in bundle.items)
    _check_one_history(shown)
    return shown


def _check_item(item: Item, origin: str, keys: Sequence[VerifierKey]) -> Shown:
    entry = _entry_of(item)
    head = _check_inclusion(item, keys)
    if head.origin != origin:
        raise BadProof("receipt-origin", seq=item.seq)
    if commit_record(item.salt, item.record) != entry.commitment:
        raise BadProof("receipt-record", seq=item.seq)
    record = _record_of(item)
    return Shown(item.seq, entry.recorded_ms, record, _check_disclosed(item, record), head)


def _entry_of(item: Item) -> Entry:
    try:
        entry = parse_entry(item.entry, item.seq)
    except BrokenChain:
        raise BadProof("receipt-entry", seq=item.seq) from None
    if entry.seq != item.seq:
        raise BadProof("receipt-entry", seq=item.seq)
    return entry


def _check_inclusion(item: Item, keys: Sequence[VerifierKey]) -> Checkpoint:
    proof = parse_proof(item.proof)
    if proof.index != item.seq:
        raise BadProof("receipt-entry", seq=item.seq)
    head = open_checkpoint(proof.note, keys)
    verify_inclusion(item.seq, head.size, leaf_hash(item.entry), proof.hashes, head.root)
    return head


def _record_of(item: Item) -> dict[str, Any]:
    try:
        record = canonical.load(item.record)
        is_canonical = canonical.dump(record) == item.record
    except Refused:
        is_canonical = False
    if not is_canonical or not isinstance(record, dict):
        raise BadProof("receipt-record", seq=item.seq)
    if not isinstance(record.get("event"), dict) or not isinstance(record.get("sealed"), dict):
        raise BadProof("receipt-record", seq=item.seq)
    return record


def _check_disclosed(item: Item, record: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for each in item.disclosed:
        is_new = each.pointer not in values
        if not (is_new and _is_committed(each, record["sealed"]) and _is_gap(record["event"], each.pointer)):
            raise BadProof("receipt-disclosure", seq=item.seq, pointer=each.pointer)
        values[each.pointer] = each.value
    return values


def _is_committed(disclosure: Disclosure, sealed: Mapping[str, Any]) -> bool:
    try:
        value = canonical.dump(disclosure.value)
    except Refused:
        return False
    if len(disclosure.salt) != SALT_SIZE:
        # A salt that is shorter by its last byte, "3", would let the commitment to 1 be opened as 31.
        return False
    return bool(sealed.get(disclosure.pointer) == commit_field(disclosure.salt, value).hex())


def _is_gap(event: Mapping[str, Any], pointer: str) -> bool:
    """Whether `pointer` leads to an absent member of an object, so that its value hides nothing public."""
    if not _POINTER.fullmatch(pointer):
        return False
    *steps, member = (token.replace("~1", "/").replace("~0", "~") for token in pointer[1:].split("/"))
    place: Any = event
    try:
        for step in steps:
            place = place[int(step)] if isinstance(place, list) and _INDEX.fullmatch(step) else place[step]
    except (KeyError, IndexError, TypeError):
        return False
    return isinstance(place, dict) and member not in place


def _check_one_history(shown: Sequence[Shown]) -> None:
    """Two roots of one size, both signed, are the proof that the log showed different histories."""
    roots: dict[int, bytes] = {}
    for each in shown:
        if roots.setdefault(each.checkpoint.size, each.checkpoint.root) != each.checkpoint.root:
            raise BadProof("receipt-split", size=each.checkpoint.size)
