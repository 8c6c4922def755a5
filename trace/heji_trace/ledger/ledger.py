"""The ledger in the database: drafting a group of entries, writing it, and reading entries back.

The bytes are fixed by `heji_trace.proving.entries`, `merkle` and `checkpoint`; here is where they are stored. Complete
subtrees of 256 leaves and their powers are kept as `nodes`, so that a proof never reads more than one tile a level.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select

from heji_trace.errors import BadProof, BrokenChain, InvalidEvent
from heji_trace.events.event import Event
from heji_trace.events.schemas import event_of
from heji_trace.events.sealing import seal, unseal
from heji_trace.proving import canonical, merkle
from heji_trace.proving.checkpoint import dump_checkpoint, sign_note
from heji_trace.proving.entries import (
    FIRST_PREV,
    SALT_SIZE,
    commit_field,
    commit_record,
    dump_entry,
    parse_entry,
)
from heji_trace.proving.keys import Signer
from heji_trace.proving.merkle import Frontier
from heji_trace.store.prepared import Prepared, among
from heji_trace.store.rows import Part, insert_rows, write_together
from heji_trace.store.tables import checkpoints, disclosures, entries, erasures, foundation, nodes

Random = Callable[[int], bytes]
_READ_AT_ONCE = 2000
_FOUNDATION = "heji.foundation.v1\n"
ENTRIES = Prepared(select(entries).where(among(entries.c.seq, "seqs")).order_by(entries.c.seq))
"""The rows of the entries of `seqs`, in ledger order."""
DISCLOSURES = Prepared(select(disclosures).where(among(disclosures.c.seq, "seqs")))
"""The sealed values of the entries of `seqs` that still exist."""

_NEWEST_NOTE = Prepared(
    select(checkpoints.c.size, checkpoints.c.note).order_by(checkpoints.c.size.desc()).limit(1)
)
_NODES = Prepared(
    select(nodes.c.hash)
    .where(
        nodes.c.level == bindparam("level"), nodes.c.position.between(bindparam("first"), bindparam("last"))
    )
    .order_by(nodes.c.position)
)


@dataclass(frozen=True, slots=True)
class Tip:
    """Where the ledger ends: all that the next entry needs."""

    size: int
    last_leaf: bytes
    recorded_ms: int
    frontier: Frontier
    note: str | None


@dataclass(frozen=True, slots=True)
class Stored:
    """One entry as it lies in the ledger, its sealed values put back where they still exist."""

    seq: int
    entry: bytes
    record: bytes
    record_salt: bytes
    actor: str
    event: Event
    recorded_ms: int


class Draft:
    """A group of entries being put together behind a tip; nothing is written before `write`."""

    def __init__(self, tip: Tip, recorded_ms: int, random: Random) -> None:
        self.recorded_ms = max(recorded_ms, tip.recorded_ms)
        self._random = random
        self.start = tip.size
        self._frontier = tip.frontier.copy()
        self._last_leaf = tip.last_leaf
        self._entries: list[dict[str, Any]] = []
        self._disclosures: list[dict[str, Any]] = []
        self._nodes: list[dict[str, Any]] = []
        self._erasures: list[dict[str, Any]] = []
        self.erased: list[bytes] = []
        """The values that were deleted: what the storage must be cleared of once this is committed."""

    @property
    def size(self) -> int:
        """The size of the ledger with this draft, which is the `seq` of the next entry."""
        return self._frontier.size

    def add(self, event: Event, actor: str) -> bytes:
        """Seal, commit and chain an event as the next entry; its leaf hash."""
        seq = self.size
        public, sealed = seal(event.body)
        salts = self._random(SALT_SIZE * (len(sealed) + 1))
        commitments: dict[str, str] = {}
        for at, (pointer, value) in enumerate(sealed.items(), start=1):
            salt = salts[at * SALT_SIZE : (at + 1) * SALT_SIZE]
            text = canonical.dump(value)
            commitments[pointer] = commit_field(salt, text).hex()
            self._disclosures.append({"seq": seq, "pointer": pointer, "salt": salt, "value": text})
        record = canonical.dump({"actor": actor, "event": public, "sealed": commitments})
        salt = salts[:SALT_SIZE]
        entry = dump_entry(seq, self._last_leaf, commit_record(salt, record), self.recorded_ms)
        leaf = merkle.leaf_hash(entry)
        self._entries.append(
            {"seq": seq, "event_id": event.id, "entry": entry, "record": record, "record_salt": salt}
        )
        self._nodes += [
            {"level": node.tile_level, "position": node.n, "hash": node.hash}
            for node in self._frontier.append(leaf)
        ]
        self._last_leaf = leaf
        return leaf

    def erase(self, seq: int, pointers: Iterable[str]) -> None:
        """Delete disclosures of entry `seq`, as the newest entry of this draft, an erasure, says."""
        self._erasures += [{"seq": seq, "pointer": each, "by_seq": self.size - 1} for each in pointers]

    def flush(self, connection: Connection, *signed: Part) -> None:
        """Insert what was added so far, which is then kept here no longer; the transaction goes on."""
        parts = Part(entries, self._entries), Part(disclosures, self._disclosures), Part(nodes, self._nodes)
        write_together(connection, (*parts, *signed))
        # After them: the database lets a disclosure go only where an entry that is there and a row name it.
        insert_rows(connection, erasures, self._erasures)
        for erased in self._erasures:
            gone = (disclosures.c.seq == erased["seq"], disclosures.c.pointer == erased["pointer"])
            self.erased += connection.execute(select(disclosures.c.value).where(*gone)).scalars()
            connection.execute(delete(disclosures).where(*gone))
        self._entries, self._disclosures, self._nodes, self._erasures = [], [], [], []

    def write(self, connection: Connection, signer: Signer) -> Tip:
        """Insert the whole group with one signed checkpoint over it; the tip it leads to once it is committed."""
        note = sign_note(dump_checkpoint(signer.name, self.size, self._frontier.root()), signer)
        row = {"size": self.size, "previous_size": self.start, "note": note}
        self.flush(connection, Part(checkpoints, [row]))
        return Tip(self.size, self._last_leaf, self.recorded_ms, self._frontier, note)


def found(connection: Connection, signer: Signer, facts: dict[str, str]) -> str:
    """Begin a ledger: its fixed facts, signed, and the signed checkpoint of size 0, which is returned."""
    fixed = {"origin": signer.name, "verifier_key": signer.verifier_key, **facts}
    fixed["signature"] = sign_note(foundation_text(fixed), signer)
    connection.execute(insert(foundation), [{"name": name, "value": value} for name, value in fixed.items()])
    note = sign_note(dump_checkpoint(signer.name, 0, merkle.EMPTY_ROOT), signer)
    connection.execute(insert(checkpoints), {"size": 0, "previous_size": None, "note": note})
    return note


def foundation_text(fixed: dict[str, str]) -> str:
    """What the log's key signs of its fixed facts, the signature itself apart."""
    facts = {name: value for name, value in fixed.items() if name != "signature"}
    return f"{_FOUNDATION}{canonical.dump(facts).decode()}\n"


def parse_foundation(text: str) -> dict[str, str]:
    """The fixed facts in a text that the log's key signed; raises BadProof for another text."""
    try:
        facts = canonical.load(text.removeprefix(_FOUNDATION).encode())
    except InvalidEvent as error:
        raise BadProof("foundation-form") from error
    if not text.startswith(_FOUNDATION) or not isinstance(facts, dict):
        raise BadProof("foundation-form")
    return facts


def founded_facts(connection: Connection) -> dict[str, str]:
    """What was fixed when the ledger began; empty where it has not begun."""
    return {row.name: row.value for row in connection.execute(select(foundation))}


def size_of(connection: Connection) -> int:
    """The number of entries in the database, signed or not."""
    last: int | None = connection.execute(select(func.max(entries.c.seq))).scalar()
    return 0 if last is None else last + 1


def find_note(connection: Connection, size: int) -> str | None:
    """The signed checkpoint of exactly this size."""
    note: str | None = connection.execute(
        select(checkpoints.c.note).where(checkpoints.c.size == size)
    ).scalar()
    return note


def newest_note(connection: Connection) -> tuple[int, str] | None:
    """The signed checkpoint of the greatest size, with that size."""
    row = _NEWEST_NOTE.run(connection).first()
    return (row.size, row.note) if row else None


def load_tip(connection: Connection) -> Tip:
    """The end of the ledger as stored; raises BrokenChain where its last entry or a node cannot be read."""
    size = size_of(connection)
    note = find_note(connection, size)
    if size == 0:
        return Tip(0, FIRST_PREV, 0, Frontier(), note)
    last: bytes = connection.execute(select(entries.c.entry).where(entries.c.seq == size - 1)).scalar_one()
    recorded_ms = parse_entry(last, size - 1).recorded_ms
    frontier = Frontier.from_subtrees(size, hash_reader(connection))
    return Tip(size, merkle.leaf_hash(last), recorded_ms, frontier, note)


def hash_reader(connection: Connection) -> Callable[[int, int, int], Sequence[bytes]]:
    """The stored hashes by (tile level, start, count), as `merkle` asks for them; level 0 are the leaves."""

    def read(level: int, start: int, count: int) -> Sequence[bytes]:
        if level == 0:
            query = select(entries.c.entry).where(entries.c.seq.between(start, start + count - 1))
            return [
                merkle.leaf_hash(entry)
                for entry in connection.execute(query.order_by(entries.c.seq)).scalars()
            ]
        return _NODES.run(connection, level=level, first=start, last=start + count - 1).scalars().all()

    return read


def read_entry_bytes(connection: Connection, start: int, end: int) -> list[bytes]:
    """The leaves `start` up to, not including, `end`."""
    query = select(entries.c.entry).where(entries.c.seq >= start, entries.c.seq < end)
    return list(connection.execute(query.order_by(entries.c.seq)).scalars())


def find_seq(connection: Connection, event_id: str) -> int | None:
    """The place of the event with this id, or None."""
    seq: int | None = connection.execute(select(entries.c.seq).where(entries.c.event_id == event_id)).scalar()
    return seq


def read_stored(connection: Connection, seqs: Sequence[int]) -> list[Stored]:
    """The entries of `seqs`, in ledger order, with what is still disclosed; unknown numbers are left out."""
    result: list[Stored] = []
    for at in range(0, len(seqs), _READ_AT_ONCE):
        part = sorted(seqs[at : at + _READ_AT_ONCE])
        values = _disclosed(connection, part)
        rows = ENTRIES.run(connection, seqs=part)
        result += [_stored(row, values.get(row.seq, {})) for row in rows]
    return result


def read_all(connection: Connection, end: int) -> Iterator[Stored]:
    """Every entry before `end`, in ledger order and in bounded memory."""
    for start in range(0, end, _READ_AT_ONCE):
        yield from read_stored(connection, range(start, min(start + _READ_AT_ONCE, end)))


def read_disclosures(connection: Connection, seq: int) -> dict[str, tuple[bytes, bytes]]:
    """The sealed values of an entry that still exist: pointer -> (salt, canonical value)."""
    rows = connection.execute(select(disclosures).where(disclosures.c.seq == seq))
    return {row.pointer: (row.salt, row.value) for row in rows}


def read_erasures(connection: Connection, seq: int) -> dict[str, int]:
    """The sealed values of an entry that were erased: pointer -> the entry of the erasure."""
    rows = connection.execute(select(erasures).where(erasures.c.seq == seq))
    return {row.pointer: row.by_seq for row in rows}


def read_pointers(record: bytes) -> frozenset[str]:
    """The pointers of the values that a record seals."""
    return frozenset(canonical.load(record)["sealed"])


def says_the_same(stored: Stored, event: Event) -> bool:
    """Whether a stored entry states what the event does, acknowledgements apart.

    Values erased since count by their presence: nobody can tell any more what they were.
    """
    public, values = seal(_unacknowledged(stored.event.body))
    sent_public, sent = seal(_unacknowledged(event.body))
    pointers = read_pointers(stored.record) - {"/acknowledged"}
    return (
        public == sent_public
        and set(sent) == pointers
        and all(sent[pointer] == value for pointer, value in values.items())
    )


def _unacknowledged(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != "acknowledged"}


def _disclosed(connection: Connection, seqs: list[int]) -> dict[int, dict[str, Any]]:
    values: dict[int, dict[str, Any]] = {}
    for row in DISCLOSURES.run(connection, seqs=seqs):
        values.setdefault(row.seq, {})[row.pointer] = canonical.load(row.value)
    return values


def _stored(row: Any, values: dict[str, Any]) -> Stored:
    try:
        record = canonical.load(row.record)
        event = event_of(unseal(record["event"], values))
        actor = record["actor"]
    except (InvalidEvent, KeyError, TypeError, ValueError) as error:
        raise BrokenChain(row.seq, "record-form") from error
    recorded_ms = parse_entry(row.entry, row.seq).recorded_ms
    return Stored(row.seq, row.entry, row.record, row.record_salt, actor, event, recorded_ms)
