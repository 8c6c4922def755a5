"""Restoring an archive into an empty database, in such a way that no log ever says two things.

An archive that is as far as every known checkpoint, or further, goes on as it was. One that is behind lacks entries
that were already signed: to go on under the old name would sign another history. It goes on under a new name and key,
and its first new entry, `log_gap`, carries the checkpoint that was left behind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID
from zipfile import is_zipfile

from sqlalchemy import BigInteger, Column, Connection, LargeBinary, MetaData, Table, Text, exc
from sqlalchemy.types import TypeEngine

from heji_trace.backups.archive import Manifest, Part, Reader
from heji_trace.backups.backup import Progress, check_backup
from heji_trace.effects.book import Entered
from heji_trace.errors import BadProof, BadSignature, Misconfigured, Untrusted
from heji_trace.events.event import Event
from heji_trace.events.schemas import parse_event
from heji_trace.known.state import State
from heji_trace.ledger import ledger
from heji_trace.ledger.succession import Predecessor, found_successor, predecessors
from heji_trace.projection import project
from heji_trace.proving.checkpoint import (
    PROOF_HEADER,
    Checkpoint,
    VerifierKey,
    open_checkpoint,
    parse_proof,
    parse_verifier_key,
)
from heji_trace.proving.keys import Signer
from heji_trace.proving.proof import parse_bundle
from heji_trace.store.rows import insert_rows
from heji_trace.vocabulary.times import dump_ms

SYSTEM = "system"
"""The actor of entries that nobody typed."""

_CLOCK_BEHIND_MS = 5 * 60 * 1000
# Before there is any entry nobody has said who runs the log.
_NOBODY = "operator"
_TYPES: dict[str, TypeEngine[Any]] = {"bytes": LargeBinary(), "integer": BigInteger(), "text": Text()}

Random = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Known:
    """A checkpoint that somebody remembers, as a note and opened."""

    note: str
    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True)
class Plan:
    """How an archive is to be restored; `left_behind` is the checkpoint that a new log goes on without, or None."""

    path: Path
    manifest: Manifest
    key: VerifierKey
    left_behind: Known | None

    @property
    def continues(self) -> bool:
        """Whether the log goes on under its own name and key."""
        return self.left_behind is None

    @property
    def lost(self) -> int:
        """How many entries are known to have been signed that the archive does not have."""
        return max(self.left_behind.checkpoint.size - self.manifest.size, 0) if self.left_behind else 0


def notes_in(text: str) -> list[str]:
    """The signed notes in what somebody kept: a checkpoint, a proof or a receipt; raises BadProof.

    What an editor leaves at the ends of a file does not matter.
    """
    kept = text.strip("\ufeff \t\r\n") + "\n"
    if kept.startswith("{"):
        return [parse_proof(item.proof).note for item in parse_bundle(kept.encode()).items]
    return [parse_proof(kept).note if kept.startswith(PROOF_HEADER) else kept]


def read_notes(path: Path) -> list[str]:
    """The signed notes in a file that somebody kept, which may be a backup too; raises BadProof, Misconfigured."""
    if is_zipfile(path):
        with Reader(path) as reader:
            return [reader.manifest.note]
    try:
        return notes_in(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured("note-unreadable", path=path) from error


def plan_restore(
    path: Path,
    notes: Iterable[str],
    *,
    progress: Progress,
    nothing_later: bool = False,
    new_log: bool = False,
) -> Plan:
    """Check an archive whole and decide how it may be restored, given the checkpoints that are known (`notes`).

    `nothing_later` is the operator's word that nothing was recorded after the archive, `new_log` the wish for a new
    name and key in any case. Raises Untrusted where a known checkpoint is of another log or of another history,
    Misconfigured where none is known and the operator has not decided, and what `check_backup` raises.
    """
    with Reader(path) as reader:
        manifest = reader.manifest
        earlier = _predecessors(reader)
    key = parse_verifier_key(manifest.verifier_key)
    noted = [Known(note, _opened(note, [key, *(each.key for each in earlier)])) for note in notes]
    checked = check_backup(path, key, progress, [each.checkpoint.size for each in noted])
    # Behind its seam an earlier log said other things, which this one has left behind long since.
    ends = {key.name: manifest.size, **{each.key.name: each.size for each in earlier}}
    for each in noted:
        size = each.checkpoint.size
        if size <= ends[each.checkpoint.origin] and checked.roots.get(size) != each.checkpoint.root:
            raise Untrusted("restore-differs", size=size)
    # What an earlier log signed does not tell how far this one has gone.
    known = [each for each in noted if each.checkpoint.origin == key.name]
    own = Known(manifest.note, open_checkpoint(manifest.note, [key]))
    newest = max([own, *known], key=lambda each: each.checkpoint.size)
    if newest.checkpoint.size > manifest.size or new_log:
        return Plan(path, manifest, key, newest)
    if not known and not nothing_later:
        raise Misconfigured("restore-head-unknown", origin=manifest.origin, size=manifest.size)
    return Plan(path, manifest, key, None)


def _predecessors(reader: Reader) -> tuple[Predecessor, ...]:
    parts = [part for part in reader.manifest.parts if part.table == "foundation"]
    return predecessors({row[0]: row[1] for part in parts for run in reader.rows(part) for row in run})


def _opened(note: str, keys: Sequence[VerifierKey]) -> Checkpoint:
    try:
        return open_checkpoint(note, keys)
    except BadSignature as error:
        raise Untrusted("restore-other-log", origin=keys[0].name) from error


def restore(
    connection: Connection,
    plan: Plan,
    successor: Signer | None,
    *,
    upgrade: Callable[[Connection, str], None],
    random: Random,
    now_ms: int,
    progress: Progress,
) -> str:
    """Fill an empty database from the archive of `plan`, in the caller's transaction; the newest signed note.

    `upgrade` brings a database to a schema revision, or to this version's for "head". `successor` is the new log's key
    where the log does not continue. Raises Misconfigured for a clock that does not fit, and Untrusted where the archive
    does not hold what it says.
    """
    left, size = plan.left_behind, plan.manifest.size
    if (left is None) != (successor is None):
        raise ValueError(successor)
    upgrade(connection, plan.manifest.revision)
    with Reader(plan.path, plan.key) as reader:
        facts = _load(connection, reader, with_foundation=successor is None)
    upgrade(connection, "head")
    if successor is not None:
        found_successor(connection, successor, facts, size)
    tip = ledger.load_tip(connection)
    signed = open_checkpoint(plan.manifest.note, [plan.key])
    if (tip.size, tip.frontier.root()) != (signed.size, signed.root):
        raise Untrusted("ledger-differs", size=tip.size)
    project.rebuild(connection, ledger.read_all(connection, size), progress)
    if left is None or successor is None:
        return plan.manifest.note
    if now_ms < tip.recorded_ms - _CLOCK_BEHIND_MS:
        raise Misconfigured("clock-behind-ledger", head=dump_ms(tip.recorded_ms), now=dump_ms(now_ms))
    gap = _gap(connection, left, size, random, now_ms)
    return _append(connection, tip, gap, successor, random, now_ms)


def _load(connection: Connection, reader: Reader, *, with_foundation: bool) -> dict[str, str]:
    """Insert every row of the archive; the fixed facts are given back, and left out where others will be fixed."""
    facts: dict[str, str] = {}
    for part in reader.manifest.parts:
        table = _table(part)
        names = [name for name, _ in part.columns]
        for run in reader.rows(part):
            rows = [dict(zip(names, row, strict=True)) for row in run]
            if part.table == "foundation":
                facts |= {row["name"]: row["value"] for row in rows}
                if not with_foundation:
                    continue
            try:
                insert_rows(connection, table, rows)
            except (exc.IntegrityError, exc.DataError) as error:
                raise BadProof("backup-part-differs", table=part.table) from error
    return facts


def _table(part: Part) -> Table:
    """The table as it was when the archive was written, which need not be as it is now."""
    return Table(part.table, MetaData(), *(Column(name, _TYPES[kind]) for name, kind in part.columns))


def _gap(connection: Connection, left: Known, size: int, random: Random, now_ms: int) -> Event:
    first = ledger.read_stored(connection, [0])
    return parse_event(
        {
            "id": str(UUID(bytes=random(16), version=4)),
            "kind": "log_gap",
            "occurred_at": dump_ms(now_ms),
            "organisation": first[0].event.organisation if first else _NOBODY,
            "details": {"checkpoint": left.note, "restored_size": size},
        }
    )


def _append(
    connection: Connection, tip: ledger.Tip, event: Event, signer: Signer, random: Random, now_ms: int
) -> str:
    """Enter what the system itself states, under a signed checkpoint; its note."""
    state = State(connection)
    draft = ledger.Draft(tip, now_ms, random)
    entered = Entered(draft.size, draft.recorded_ms, SYSTEM, event)
    draft.add(event, SYSTEM)
    project.apply(state, entered, [])
    state.write()
    note = draft.write(connection, signer).note
    if note is None:
        raise Untrusted("ledger-unsigned-tail", size=draft.size)
    return note
