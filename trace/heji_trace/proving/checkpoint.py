"""Checkpoints, signed notes and proofs as C2SP writes them (tlog-checkpoint, signed-note, tlog-proof).

The readers are anchored from the first to the last character: what `dump_…` and `sign_note` would not write is
refused, and nothing of a note is believed before its signature.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from heji_trace.errors import BadProof, BadSignature
from heji_trace.proving.merkle import HASH_SIZE

ED25519 = b"\x01"
"""The signature type byte of C2SP signed-note."""

PROOF_HEADER = "c2sp.org/tlog-proof@v1"
"""The first line of a proof."""

_KEY_SIZE = 32
_SIGNATURE_SIZE = 64
_KEY_ID_SIZE = 4
_MAX_SIGNATURES = 64
_MAX_HASHES = 64

_NUMBER = re.compile(r"0|[1-9]\d{0,15}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\ud800-\udfff]")
_SIGNATURE = re.compile(r"— (?P<name>[^\s+]+) (?P<signature>[A-Za-z0-9+/]+={0,2})")
_VERIFIER_KEY = re.compile(r"(?P<name>[^\s+]+)\+(?P<id>[0-9a-f]{8})\+(?P<key>[A-Za-z0-9+/]+={0,2})")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of a log: its name, how many entries it has, and the root over them."""

    origin: str
    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """The public half of a log's Ed25519 key, 32 bytes, under the name it signs with."""

    name: str
    public: bytes

    @property
    def id(self) -> bytes:
        """The four bytes that signatures carry."""
        return key_id(self.name, self.public)


@dataclass(frozen=True, slots=True)
class Proof:
    """An inclusion proof with the signed note of the checkpoint it leads to."""

    index: int
    hashes: tuple[bytes, ...]
    note: str


class NoteSigner(Protocol):
    """What signs a note: `heji_trace.proving.keys.Signer` is one."""

    @property
    def name(self) -> str:
        """The key's name, which is the log's origin."""

    @property
    def key_id(self) -> bytes:
        """The four bytes of `key_id`."""

    def sign(self, message: bytes) -> bytes:
        """An Ed25519 signature of 64 bytes."""


def key_id(name: str, public: bytes) -> bytes:
    """SHA-256(name || 0x0A || 0x01 || public key)[:4]."""
    return sha256(name.encode() + b"\n" + ED25519 + public).digest()[:_KEY_ID_SIZE]


def is_key_name(text: str) -> bool:
    """Whether a note may name a key so: not empty, no spaces, no plus sign, nothing invisible."""
    return bool(text) and text.isprintable() and not re.search(r"[\s+]", text)


def dump_verifier_key(key: VerifierKey) -> str:
    """`<name>+<hex key id>+<base64 of 0x01 || public key>`."""
    return f"{key.name}+{key.id.hex()}+{_base64(ED25519 + key.public)}"


def parse_verifier_key(text: str) -> VerifierKey:
    """The key that `dump_verifier_key` wrote; raises BadSignature for anything else, other algorithms included."""
    found = _VERIFIER_KEY.fullmatch(text)
    if not found or not is_key_name(found["name"]):
        raise BadSignature("verifier-key-form")
    encoded = _bytes_of(found["key"])
    if encoded is None or len(encoded) != 1 + _KEY_SIZE or encoded[:1] != ED25519:
        raise BadSignature("verifier-key-form")
    key = VerifierKey(found["name"], encoded[1:])
    if key.id.hex() != found["id"]:
        raise BadSignature("verifier-key-form")
    return key


def dump_checkpoint(origin: str, size: int, root: bytes) -> str:
    """The text of a checkpoint, to be signed."""
    return f"{origin}\n{size}\n{_base64(root)}\n"


def parse_checkpoint(text: str) -> Checkpoint:
    """The checkpoint that `dump_checkpoint` wrote; raises BadProof, for extension lines too."""
    lines = text.split("\n")
    if len(lines) != 4 or lines[3] or not is_key_name(lines[0]) or not _NUMBER.fullmatch(lines[1]):
        raise BadProof("checkpoint-form")
    root = _hash_of(lines[2])
    if root is None:
        raise BadProof("checkpoint-form")
    return Checkpoint(lines[0], int(lines[1]), root)


def sign_note(text: str, signer: NoteSigner) -> str:
    """The signed note of `text`, which ends in a newline."""
    signature = _base64(signer.key_id + signer.sign(text.encode()))
    return f"{text}\n— {signer.name} {signature}\n"


def open_note(note: str, verifier_keys: Iterable[VerifierKey | str]) -> str:
    """The text that one of the keys (parsed or as text) signed.

    Signatures of unknown keys are passed over. Raises BadSignature where no known key signed, and where one that
    claims to be of a known key does not hold.
    """
    return _open(note, verifier_keys)[0]


def open_checkpoint(note: str, verifier_keys: Iterable[VerifierKey | str]) -> Checkpoint:
    """The checkpoint in a note that the log itself signed, with one of the keys; raises BadSignature and BadProof."""
    return _opened(note, tuple(verifier_keys))


# Every group and every page opens the note of the one before: the same text under the same keys stays what it is.
@lru_cache(maxsize=64)
def _opened(note: str, verifier_keys: tuple[VerifierKey | str, ...]) -> Checkpoint:
    text, names = _open(note, verifier_keys)
    found = parse_checkpoint(text)
    if found.origin not in names:
        # Another log or a witness may sign what it likes: it does not speak for this origin.
        raise BadSignature("signature-unknown")
    return found


def _open(note: str, verifier_keys: Iterable[VerifierKey | str]) -> tuple[str, set[str]]:
    """The text of a note and the names of the known keys that signed it."""
    known = {
        (key.name, key.id): key
        for key in (parse_verifier_key(each) if isinstance(each, str) else each for each in verifier_keys)
    }
    text, lines = _split_note(note)
    names: set[str] = set()
    for line in lines:
        name, signature = _parse_signature(line)
        key = known.get((name, signature[:_KEY_ID_SIZE]))
        if key is not None:
            _check_signature(key, signature[_KEY_ID_SIZE:], text.encode())
            names.add(name)
    if not names:
        raise BadSignature("signature-unknown")
    return text, names


def dump_proof(index: int, hashes: Sequence[bytes], note: str) -> str:
    """A C2SP tlog-proof: the hashes from the leaf's sibling up, then the signed checkpoint."""
    lines = [PROOF_HEADER, f"index {index}", *(_base64(each) for each in hashes), "", note]
    return "\n".join(lines)


def parse_proof(text: str) -> Proof:
    """The proof that `dump_proof` wrote, its note not yet opened; raises BadProof, for extra data too."""
    head, gap, note = text.partition("\n\n")
    header, *lines = head.split("\n")
    if not gap or not note or header != PROOF_HEADER or not lines or len(lines) > 1 + _MAX_HASHES:
        raise BadProof("proof-form")
    if not lines[0].startswith("index ") or not _NUMBER.fullmatch(lines[0][6:]):
        raise BadProof("proof-form")
    hashes = tuple(found for found in map(_hash_of, lines[1:]) if found is not None)
    if len(hashes) != len(lines) - 1:
        raise BadProof("proof-form")
    return Proof(int(lines[0][6:]), hashes, note)


def _split_note(note: str) -> tuple[str, list[str]]:
    # The text may hold empty lines itself, so the last one divides.
    text, gap, signatures = note.rpartition("\n\n")
    lines = signatures.split("\n")
    if not gap or not text or _CONTROL.search(note) or lines.pop() or not 0 < len(lines) <= _MAX_SIGNATURES:
        raise BadSignature("note-form")
    return text + "\n", lines


def _parse_signature(line: str) -> tuple[str, bytes]:
    found = _SIGNATURE.fullmatch(line)
    signature = _bytes_of(found["signature"]) if found else None
    if not found or signature is None or len(signature) <= _KEY_ID_SIZE:
        raise BadSignature("note-form")
    return found["name"], signature


# The same bytes need not be checked again: every page rests on the newest note, and so does what comes behind it.
@lru_cache(maxsize=64)
def _check_signature(key: VerifierKey, signature: bytes, message: bytes) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, message)
    except (InvalidSignature, ValueError):
        raise BadSignature(name=key.name) from None


def _base64(data: bytes) -> str:
    return b64encode(data).decode("ascii")


def _bytes_of(text: str) -> bytes | None:
    """The bytes of canonical base64: stray bits in the last digit would give one signature many spellings."""
    try:
        data = b64decode(text, validate=True)
    except (Base64Error, ValueError):
        return None
    return data if _base64(data) == text else None


def _hash_of(text: str) -> bytes | None:
    data = _bytes_of(text)
    return data if data is not None and len(data) == HASH_SIZE else None
