"""The outbox: what was stated in the field, durably on disk before anything else is done with it.

    put -> waiting -> delivered (with its receipt, kept until it is pruned)
             | ^         | send again, where a ledger lost it
             v | confirm, retry
            parked (with the server's reason) -> discarded (with a person's; the draft stays)

One SQLite file with `journal_mode=TRUNCATE` and `synchronous=FULL`: a change is synced before the call returns, and
several processes may work on it at once. A write-ahead log is not used: with several writers it needs a SQLite that
field machines do not have (3.51.3).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from heji_scanners.entries import Draft, Entry, KeptFile, Put, State, Step
from heji_scanners.outbox_file import open_outbox_file
from heji_trace.errors import Conflict, Misconfigured, Unknown
from heji_trace.vocabulary.times import Clock

LEDGER: Final = "ledger"
"""The fact that names the ledger to which this outbox belongs."""
_ENTRY: Final = """SELECT number, id, form, entries.kind, body, acknowledged, replaces, file,
    coalesce(files.name, ''), line, state, attempts, status, answer, receipt, put_ms, settled_ms
    FROM entries LEFT JOIN files ON files.sha256 = entries.file"""
# What is to wait longer than anything is made to wait was put off by a clock that was wrong.
_IS_DUE: Final = "NOT (not_before_ms > ? AND not_before_ms <= ?)"
_LONGEST_WAIT_MS: Final = 60_000
_AT_ONCE: Final = 500
_DEPENDENT: Final = 422


class Outbox:
    """The outbox in `folder`, which is made where it is missing; raises Misconfigured where it cannot be used."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.folder = folder
        self._clock = clock
        self._db = open_outbox_file(folder / "outbox.db")

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that is durable when the block has been left."""
        try:
            with self._db:
                self._db.execute("BEGIN IMMEDIATE")
                yield self._db
        except sqlite3.Error as error:
            # A full disk, a lock held for a minute: what stood in the outbox before stands there still.
            raise Misconfigured("scan-outbox-unusable", path=self.folder, reason=error) from None

    # --- putting ---------------------------------------------------------------------------------------------------

    def put(
        self,
        drafts: Sequence[Draft],
        file: KeptFile | None = None,
        superseded: Mapping[int, str] = MappingProxyType({}),
    ) -> list[Put]:
        """Put all drafts into the outbox, with the file they come from, or nothing; durable when this returns.

        A draft whose id is here with the same content is known. Other content takes the place of an entry that
        certainly is in no ledger. Entries that are `superseded` are discarded, each for its reason. Raises Conflict
        where a ledger may have what would be replaced or discarded.
        """
        with self._changing() as db:
            for number, reason in superseded.items():
                self._discard(db, number, reason)
            if file is not None:
                db.execute(
                    "INSERT OR IGNORE INTO files (sha256, path, name, kind, rows, taken_ms)"
                    " VALUES (?, ?, ?, ?, ?, ?)",
                    (
                        *(file.sha256, file.path, file.name, file.kind),
                        *(_dump(file.rows), self._clock.now_ms()),
                    ),
                )
            return [self._put(db, draft) for draft in drafts]

    def _put(self, db: sqlite3.Connection, draft: Draft) -> Put:
        found = db.execute(f"{_ENTRY} WHERE id = ?", (draft.id,)).fetchone()
        state = State.WAITING if draft.asked is None else State.PARKED
        asked = None if draft.asked is None else _dump(draft.asked)
        if found is None:
            added = db.execute(
                "INSERT INTO entries (id, form, kind, body, replaces, file, line, state, answer, put_ms)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(draft.id, draft.form, draft.kind, draft.body, draft.replaces),
                    *(draft.file, draft.line, state, asked, self._clock.now_ms()),
                ),
            )
            self._note(db, added.lastrowid or 0, "put")
            return Put.NEW
        entry = _entry(found)
        if entry.body == draft.body:
            return Put.KNOWN
        if not entry.is_unsent:
            raise Conflict("scan-id-in-use", id=draft.id, number=entry.number)
        db.execute(
            "UPDATE entries SET kind = ?, body = ?, acknowledged = '[]', replaces = ?, file = ?, line = ?,"
            " state = ?, attempts = 0, not_before_ms = 0, status = NULL, answer = ?, settled_ms = NULL"
            " WHERE number = ?",
            (draft.kind, draft.body, draft.replaces, draft.file, draft.line, state, asked, entry.number),
        )
        self._note(db, entry.number, "replaced", entry.body.decode("utf-8", "replace"))
        return Put.REPLACED

    def find_file(self, sha256: str) -> KeptFile | None:
        """The file with this content, if it was taken before."""
        return next(self._files("sha256 = ?", sha256), None)

    def files_at(self, path: str) -> list[KeptFile]:
        """The versions of the file at a path that were taken, the newest first."""
        return list(self._files("path = ? ORDER BY taken_ms DESC, rowid DESC", path))

    def newest_files(self, kind: str, most: int) -> Iterator[KeptFile]:
        """The files of a kind that were taken last, the newest first."""
        return self._files("kind = ? ORDER BY taken_ms DESC, rowid DESC LIMIT ?", kind, most)

    def _files(self, condition: str, *values: str | int) -> Iterator[KeptFile]:
        query = f"SELECT sha256, path, name, kind, rows FROM files WHERE {condition}"  # noqa: S608
        for sha256, path, name, kind, rows in self._db.execute(query, values):
            yield KeptFile(sha256, path, name, kind, json.loads(rows))

    # --- sending ---------------------------------------------------------------------------------------------------

    def due(self, most: int, most_bytes: int) -> list[int]:
        """The numbers of the first entries to be sent, in order, of no more bytes together; one may be larger."""
        found: list[int] = []
        size = 0
        query = (
            f"SELECT number, length(body) FROM entries WHERE state = ? AND {_IS_DUE} ORDER BY number LIMIT ?"  # noqa: S608
        )
        for number, length in self._db.execute(query, (State.WAITING, *self._due_within(), most)):
            size += length
            if found and size > most_bytes:
                break
            found.append(number)
        return found

    def find_due_ms(self) -> int | None:
        """When the first waiting entry may be sent; None where none waits."""
        query = f"SELECT min(CASE WHEN {_IS_DUE} THEN 0 ELSE not_before_ms END) FROM entries WHERE state = ?"  # noqa: S608
        found: int | None = self._db.execute(query, (*self._due_within(), State.WAITING)).fetchone()[0]
        return found

    def _due_within(self) -> tuple[int, int]:
        now_ms = self._clock.now_ms()
        return now_ms, now_ms + _LONGEST_WAIT_MS

    def mark_begun(self, numbers: Sequence[int]) -> list[Entry]:
        """The entries among these that still wait, marked as begun: from now on a ledger may have them."""
        with self._changing() as db:
            for part in _parts(numbers):
                db.execute(
                    f"UPDATE entries SET attempts = attempts + 1 WHERE state = ? AND number IN ({_marks(part)})",  # noqa: S608
                    (State.WAITING, *part),
                )
            return [each for each in self._entries(db, numbers) if each.state == State.WAITING]

    def deliver(self, receipts: Iterable[tuple[int, Mapping[str, Any]]]) -> None:
        """Keep the receipts of entries; what was parked behind one that had been parked itself waits again.

        Whatever a person decided meanwhile, what is in the ledger is delivered.
        """
        with self._changing() as db:
            for number, receipt in receipts:
                was_parked = db.execute(
                    "SELECT 1 FROM steps WHERE number = ? AND step = 'parked'", (number,)
                ).fetchone()
                db.execute(
                    "UPDATE entries SET state = ?, status = NULL, answer = NULL, receipt = ?, settled_ms = ?"
                    " WHERE number = ?",
                    (State.DELIVERED, _dump(receipt), self._clock.now_ms(), number),
                )
                self._note(db, number, "delivered", str(receipt.get("seq", "")))
                if was_parked:
                    self._wake_followers(db, number)

    def _wake_followers(self, db: sqlite3.Connection, number: int) -> None:
        """Later entries that could not be read by the ledger may have lacked this one: each gets another try."""
        query = "SELECT number FROM entries WHERE state = ? AND status = ? AND number > ?"
        for (follower,) in db.execute(query, (State.PARKED, _DEPENDENT, number)).fetchall():
            db.execute(
                "UPDATE entries SET state = ?, attempts = 0, not_before_ms = 0 WHERE number = ?",
                (State.WAITING, follower),
            )
            self._note(db, follower, "woken", str(number))

    def park(self, number: int, status: int, answer: Mapping[str, Any]) -> None:
        """Keep the server's reason, and wait for a person."""
        with self._changing() as db:
            changed = db.execute(
                "UPDATE entries SET state = ?, status = ?, answer = ? WHERE number = ? AND state = ?",
                (State.PARKED, status, _dump(answer), number, State.WAITING),
            )
            if changed.rowcount:
                self._note(db, number, "parked", str(answer.get("code", status)))

    def defer(self, number: int, until_ms: int, status: int, answer: Mapping[str, Any]) -> None:
        """Let an entry stand back until a time, so that those behind it are not held up."""
        with self._changing() as db:
            db.execute(
                "UPDATE entries SET not_before_ms = ?, status = ?, answer = ? WHERE number = ? AND state = ?",
                (until_ms, status, _dump(answer), number, State.WAITING),
            )

    # --- what a person decides ---------------------------------------------------------------------------------------

    def resume(self, number: int, step: str, acknowledged: Sequence[str] = ()) -> None:
        """Let a parked or discarded entry wait again, with more codes confirmed; raises Unknown, Conflict."""
        with self._changing() as db:
            entry = self._entry_in(db, number, State.PARKED, State.DISCARDED)
            codes = list(dict.fromkeys([*entry.acknowledged, *acknowledged]))
            db.execute(
                "UPDATE entries SET state = ?, attempts = 0, not_before_ms = 0, acknowledged = ?,"
                " settled_ms = NULL WHERE number = ?",
                (State.WAITING, _dump(codes), number),
            )
            self._note(db, number, step, ", ".join(acknowledged))

    def send_again(self, since_ms: int = 0, ledger: str | None = None) -> int:
        """Let what was delivered since a time wait again, and how many entries those were: a ledger may have lost them.

        What the ledger still has, it answers with its receipt; the receipts that there were stay in the history.
        `ledger` is the name under which it goes on from here.
        """
        with self._changing() as db:
            if ledger is not None:
                self._keep_fact(db, LEDGER, ledger)
            query = "SELECT number, receipt FROM entries WHERE state = ? AND settled_ms >= ? ORDER BY number"
            found = db.execute(query, (State.DELIVERED, since_ms)).fetchall()
            for number, receipt in found:
                # What was begun once may be recorded: the count of attempts stays.
                db.execute(
                    "UPDATE entries SET state = ?, not_before_ms = 0, receipt = NULL, settled_ms = NULL WHERE number = ?",
                    (State.WAITING, number),
                )
                self._note(db, number, "again", receipt or "")
            return len(found)

    def discard(self, number: int, reason: str, instead: Draft | None = None) -> None:
        """Give an entry up, keeping its draft, and put another in its place where there is one.

        Raises Unknown, and Conflict for one that is delivered or that a ledger may have.
        """
        with self._changing() as db:
            self._discard(db, number, reason)
            if instead is not None:
                self._put(db, instead)

    def _discard(self, db: sqlite3.Connection, number: int, reason: str) -> None:
        entry = self._entry_in(db, number, State.PARKED, State.WAITING)
        if not entry.is_unsent:
            raise Conflict("scan-maybe-recorded", number=number)
        db.execute(
            "UPDATE entries SET state = ?, settled_ms = ? WHERE number = ?",
            (State.DISCARDED, self._clock.now_ms(), number),
        )
        self._note(db, number, "discarded", reason)

    def prune(self, before_ms: int) -> int:
        """Forget entries that were delivered before a time, and how many those were; all others stay."""
        with self._changing() as db:
            condition = "state = ? AND settled_ms < ?"
            values = (State.DELIVERED, before_ms)
            db.execute(
                f"DELETE FROM steps WHERE number IN (SELECT number FROM entries WHERE {condition})",  # noqa: S608
                values,
            )
            return db.execute(f"DELETE FROM entries WHERE {condition}", values).rowcount  # noqa: S608

    # --- looking -----------------------------------------------------------------------------------------------------

    def counts(self) -> dict[State, int]:
        """How many entries stand where."""
        found = dict(self._db.execute("SELECT state, count(*) FROM entries GROUP BY state"))
        return {state: found.get(state, 0) for state in State}

    def find_entry(self, event_id: str) -> Entry | None:
        """The entry with this id."""
        row = self._db.execute(f"{_ENTRY} WHERE id = ?", (event_id,)).fetchone()
        return None if row is None else _entry(row)

    def list_entries(self, states: Iterable[State] = State) -> Iterator[Entry]:
        """The entries in these states, in order, a few hundred in memory at a time."""
        wanted = [str(state) for state in states]
        query = f"SELECT number FROM entries WHERE state IN ({_marks(wanted)}) ORDER BY number"  # noqa: S608
        numbers = [number for (number,) in self._db.execute(query, wanted)]
        for part in _parts(numbers):
            yield from self._entries(self._db, part)

    def receipts(self) -> Iterator[Mapping[str, Any]]:
        """The receipts that came last, the newest first."""
        query = "SELECT receipt FROM entries WHERE state = ? ORDER BY settled_ms DESC, number DESC LIMIT ?"
        for (receipt,) in self._db.execute(query, (State.DELIVERED, _AT_ONCE)):
            yield json.loads(receipt)

    def entry_of(self, name: str) -> Entry:
        """The entry with this number or id; raises Unknown."""
        column = "number" if name.isascii() and name.isdigit() and len(name) < 16 else "id"
        row = self._db.execute(f"{_ENTRY} WHERE {column} = ?", (name.lower(),)).fetchone()
        if row is None:
            raise Unknown("scan-no-such-entry", name=name)
        return _entry(row)

    def entries_of(self, sha256: str) -> list[Entry]:
        """The entries that come from a file, in order."""
        return [
            _entry(row) for row in self._db.execute(f"{_ENTRY} WHERE file = ? ORDER BY number", (sha256,))
        ]

    def steps_of(self, number: int) -> list[Step]:
        """What happened to an entry, in order."""
        query = "SELECT at_ms, step, said FROM steps WHERE number = ? ORDER BY rowid"
        return [Step(*row) for row in self._db.execute(query, (number,))]

    def find_fact(self, name: str) -> str | None:
        """Something remembered about the outbox as a whole."""
        row = self._db.execute("SELECT value FROM about WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def keep_fact(self, name: str, value: str) -> None:
        """Remember something about the outbox as a whole."""
        with self._changing() as db:
            self._keep_fact(db, name, value)

    def _keep_fact(self, db: sqlite3.Connection, name: str, value: str) -> None:
        db.execute("INSERT OR REPLACE INTO about VALUES (?, ?)", (name, value))

    def _entry_in(self, db: sqlite3.Connection, number: int, *states: State) -> Entry:
        row = db.execute(f"{_ENTRY} WHERE number = ?", (number,)).fetchone()
        if row is None:
            raise Unknown("scan-no-such-entry", name=number)
        entry = _entry(row)
        if entry.state not in states:
            raise Conflict("scan-not-in-that-state", number=number)
        return entry

    def _entries(self, db: sqlite3.Connection, numbers: Sequence[int]) -> list[Entry]:
        return [
            _entry(row)
            for part in _parts(numbers)
            for row in db.execute(f"{_ENTRY} WHERE number IN ({_marks(part)}) ORDER BY number", part)
        ]

    def _note(self, db: sqlite3.Connection, number: int, step: str, said: str = "") -> None:
        db.execute("INSERT INTO steps VALUES (?, ?, ?, ?)", (number, self._clock.now_ms(), step, said))


def _entry(row: Sequence[Any]) -> Entry:
    number, id_, form, kind, body, acknowledged, replaces, file, name, line, state, attempts = row[:12]
    status, answer, receipt, put_ms, settled_ms = row[12:]
    return Entry(
        *(number, id_, form, kind, body, tuple(json.loads(acknowledged)), replaces, file, name, line),
        *(State(state), attempts, status, _load(answer), _load(receipt), put_ms, settled_ms),
    )


def _parts(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    """In order, no more at once than SQLite takes as parameters of a statement."""
    return (numbers[at : at + _AT_ONCE] for at in range(0, len(numbers), _AT_ONCE))


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _load(text: str | None) -> Any:
    return None if text is None else json.loads(text)
