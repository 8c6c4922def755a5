"""Whether the ledger still has what it gave receipts for: one that was restored may lack the newest, under its old name.

An entry is chained to all before it. So where the newest that this outbox has a receipt for stands at its place with
its hash, nothing that was delivered earlier is missing either, and one question is enough.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from heji_scanners.server import Server
from heji_trace.errors import BadProof
from heji_trace.proving.checkpoint import parse_checkpoint
from heji_trace.proving.merkle import TILE_WIDTH, tile_path

_HASH_SIZE = 32


@dataclass(frozen=True, slots=True)
class Place:
    """Where a receipt says that an event stands, and the hash of its entry."""

    event_id: str
    seq: int
    entry_hash: str


def newest_place(receipts: Iterable[Mapping[str, Any]]) -> Place | None:
    """The furthest place that receipts tell of; that of an instrument's file has one for each row."""
    return max((place for each in receipts for place in _places(each)), key=lambda at: at.seq, default=None)


def is_lost(server: Server, place: Place) -> bool:
    """Whether the ledger certainly has not, at this place, what it gave a receipt for.

    The event is asked for first. One that may not be read is answered like one that is not there, so the open log has
    the last word; where that does not tell either, nothing is said to be lost. Raises ServerUnreachable.
    """
    answer = server.get_event(place.event_id)
    if answer.status == HTTPStatus.OK:
        found = (answer.document.get("seq"), answer.document.get("entry_hash"))
        return None not in found and found != (place.seq, place.entry_hash)
    if answer.status != HTTPStatus.NOT_FOUND or not answer.document.get("code"):
        return False
    size = _size_of(server.get_log("checkpoint"))
    if size is None or place.seq < size:
        return size is not None and _is_other_leaf(server, place, size)
    return True


def _places(receipt: Mapping[str, Any]) -> Iterator[Place]:
    rows = receipt.get("matched")
    for row in rows if isinstance(rows, list) else [receipt]:
        event_id, seq, digest = (row.get(part) for part in ("event_id", "seq", "entry_hash"))
        if isinstance(event_id, str) and isinstance(seq, int) and isinstance(digest, str):
            yield Place(event_id, seq, digest)


def _size_of(note: bytes | None) -> int | None:
    if note is None:
        return None
    text, _, _ = note.partition(b"\n\n")
    try:
        return parse_checkpoint(f"{text.decode()}\n").size
    except (BadProof, UnicodeDecodeError):
        return None


def _is_other_leaf(server: Server, place: Place, size: int) -> bool:
    n, at = divmod(place.seq, TILE_WIDTH)
    width = min(TILE_WIDTH, size - n * TILE_WIDTH)
    tile = server.get_log(tile_path(0, n, width))
    if tile is None or len(tile) != width * _HASH_SIZE:
        return False
    return tile[at * _HASH_SIZE :][:_HASH_SIZE].hex() != place.entry_hash
