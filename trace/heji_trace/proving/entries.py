"""What the open log holds: salted commitments, and entries that form a hash chain."""

from __future__ import annotations

import re
from binascii import hexlify, unhexlify
from collections.abc import Iterable, Iterator
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

from heji_trace.errors import BrokenChain
from heji_trace.proving.canonical import MAX_INTEGER
from heji_trace.proving.merkle import HASH_SIZE
from heji_trace.vocabulary.times import dump_ms, moment_of, ms_of

FIRST_PREV = bytes(HASH_SIZE)
"""`prev` of entry 0."""

SALT_SIZE = 32

PREV = slice(79, 170)
"""The bytes of an entry by which `find_prevs` knows what it names as the leaf before it."""

_BEFORE_PREV, _BEHIND_PREV = b'","prev":"', b'","recorded_at":"'
_FIELD = b"heji.field.v1\n"
_RECORD = b"heji.record.v1\n"

_ENTRY = re.compile(
    rb'\{"commitment":"(?P<commitment>[0-9a-f]{64})","prev":"(?P<prev>[0-9a-f]{64})",'
    rb'"recorded_at":"(?P<recorded_at>[^"]{24})","seq":(?P<seq>0|[1-9][0-9]{0,15}),"v":1\}'
)
_MOMENT = re.compile(rb"\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):\d\d:\d\d\.\d{3}Z")
_EPOCH = moment_of(0)


class Entry(NamedTuple):
    """A leaf of the log; `recorded_ms` is in milliseconds since 1970, UTC."""

    seq: int
    prev: bytes
    commitment: bytes
    recorded_ms: int


def commit_field(salt: bytes, canonical_value: bytes) -> bytes:
    """The commitment of one sealed value: `salt` is 32 random bytes, the value canonical JSON."""
    return sha256(_FIELD + salt + canonical_value).digest()


def commit_record(salt: bytes, record: bytes) -> bytes:
    """The commitment of a record's canonical bytes: `salt` is 32 random bytes."""
    return sha256(_RECORD + salt + record).digest()


def dump_entry(seq: int, prev: bytes, commitment: bytes, recorded_ms: int) -> bytes:
    """The canonical bytes of an entry, which are the leaf of the tree."""
    return (
        f'{{"commitment":"{commitment.hex()}","prev":"{prev.hex()}",'
        f'"recorded_at":"{dump_ms(recorded_ms)}","seq":{seq},"v":1}}'
    ).encode("ascii")


def parse_entry(data: bytes, seq: int = -1) -> Entry:
    """The entry; raises BrokenChain, naming `seq`, for any byte that `dump_entry` would not write."""
    found = _ENTRY.fullmatch(data)
    recorded = _find_moment(found["recorded_at"]) if found else None
    if not found or recorded is None or recorded < _EPOCH or int(found["seq"]) > MAX_INTEGER:
        raise BrokenChain(seq, "entry-form")
    prev, commitment = (bytes.fromhex(found[name].decode("ascii")) for name in ("prev", "commitment"))
    return Entry(int(found["seq"]), prev, commitment, ms_of(recorded))


def find_prevs(places: bytes) -> list[bytes] | None:
    """What entries name as the leaf hashes before them, from the `PREV` bytes of each, joined; nothing else is looked at.

    None unless all of them have there what an entry has.
    """
    if not places.startswith(_BEFORE_PREV) or not places.endswith(_BEHIND_PREV):
        return None
    named = places[len(_BEFORE_PREV) : -len(_BEHIND_PREV)].split(_BEHIND_PREV + _BEFORE_PREV)
    if {*map(len, named)} != {2 * HASH_SIZE}:
        return None
    try:
        hashes = unhexlify(b"".join(named))
    except ValueError:
        return None
    return [hashes[at : at + HASH_SIZE] for at in range(0, len(hashes), HASH_SIZE)]


def check_chain(
    rows: Iterable[tuple[int, bytes]], start_seq: int = 0, prev: bytes = FIRST_PREV, recorded_ms: int = 0
) -> Iterator[bytes]:
    """The leaf hash of each row (seq, entry bytes), checked against the entries before it.

    `prev` and `recorded_ms` are those of the entry before `start_seq`. Raises BrokenChain at the first row that is
    missing (entry-missing), not in canonical form (entry-form), misnumbered (entry-seq), chained to something else
    (entry-prev) or recorded before its predecessor (entry-clock).
    """
    prev_hex = hexlify(prev)
    moment = dump_ms(recorded_ms).encode("ascii")
    for expected, (seq, entry) in enumerate(rows, start_seq):
        # The bytes are cut at the fixed places and put together again from what the entry must say: equal means
        # canonical, and costs a quarter of parsing.
        commitment, recorded_at = entry[15:79], entry[170:194]
        if (
            seq != expected
            or b'{"commitment":"%b","prev":"%b","recorded_at":"%b","seq":%d,"v":1}'
            % (commitment, prev_hex, recorded_at, seq)
            != entry
            or commitment.translate(None, b"0123456789abcdef")
            or (recorded_at != moment and not _is_later(recorded_at, moment))
        ):
            raise _fault(expected, seq, entry, prev_hex, moment)
        moment = recorded_at
        leaf = sha256(b"\x00" + entry)
        prev_hex = leaf.hexdigest().encode("ascii")
        yield leaf.digest()


def _is_later(recorded_at: bytes, moment: bytes) -> bool:
    """Whether a text is a moment after another; within the other's second only the milliseconds are looked at."""
    if recorded_at < moment:
        return False
    if recorded_at[:20] == moment[:20]:
        return recorded_at[20:23].isdigit() and recorded_at[23:] == b"Z"
    return _find_moment(recorded_at) is not None


def _find_moment(recorded_at: bytes) -> datetime | None:
    """The moment, where `dump_ms` would write the very same text."""
    if not _MOMENT.fullmatch(recorded_at):
        return None
    try:
        return datetime.fromisoformat(recorded_at.decode("ascii"))
    except ValueError:
        return None


def _fault(expected: int, seq: int, data: bytes, prev_hex: bytes, moment: bytes) -> BrokenChain:
    """Why a row does not fit, told apart once it is known that it does not."""
    if seq < expected:
        return BrokenChain(seq, "entry-seq")
    if seq > expected:
        return BrokenChain(expected, "entry-missing")
    try:
        entry = parse_entry(data, expected)
    except BrokenChain as form:
        return form
    if entry.seq != expected:
        return BrokenChain(expected, "entry-seq")
    if hexlify(entry.prev) != prev_hex:
        return BrokenChain(expected, "entry-prev")
    return BrokenChain(expected, "entry-clock", before=moment.decode("ascii"))
