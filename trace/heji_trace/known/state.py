"""What a group of events needs to know, read once, changed in memory and written once.

A group decides about its tenth event on what its first nine have done; asking the database in between would cost a
round trip for each. A `Shelf` holds the rows of one table that were asked for, and those that were added.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from functools import cache, lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Table

from heji_trace.events.event import Event
from heji_trace.events.kinds.words import OFFICIAL
from heji_trace.judging.editions import parse_thresholds
from heji_trace.judging.facts import ApplicationFact, Thresholds
from heji_trace.judging.intervals import Interval, parse_intervals
from heji_trace.judging.waits import Waits
from heji_trace.store import tables
from heji_trace.store.gather import Asked, Row, read_rows
from heji_trace.store.rows import Part, names_of, write_together
from heji_trace.vocabulary.times import beijing_date

_AT_ONCE = 1000
_NO_EDITION = Thresholds()


class Shelf:
    """The rows of one table, found by any of the columns in `by`; withdrawn ones only where `live_only` is false.

    With `names` only these columns are read, and nothing may be added or changed.
    """

    def __init__(
        self,
        connection: Connection,
        table: Table,
        by: tuple[str, ...],
        *,
        live_only: bool = True,
        names: tuple[str, ...] = (),
    ) -> None:
        self.table = table
        self.by = by
        self._connection = connection
        self._key, self._blank = _shape(table)
        self._is_by_entry = "seq" in by and [column.name for column in table.primary_key] == ["seq"]
        self._live_only = live_only and "withdrawn_seq" in self._blank
        self._names = names
        self.forget()

    def forget(self) -> None:
        """Drop what was read, so that it is read again."""
        self._rows: dict[Any, Row] = {}
        self._read: dict[str, set[Any]] = {column: set() for column in self.by}
        self._index: dict[str, dict[Any, list[Row]]] = {column: {} for column in self.by}
        self._added: list[Row] = []
        self._changed: dict[Any, Row] = {}

    def load(self, column: str, keys: Iterable[Any]) -> None:
        """Read the rows whose `column` is one of `keys`, those already read left alone."""
        load_together(self._connection, [(self, column, keys)])

    def missing(self, column: str, keys: Iterable[Any]) -> list[Any]:
        """Those of `keys` that `column` was not read by yet; from now on they count as read."""
        known = self._read[column]
        wanted = [key for key in dict.fromkeys(keys) if key not in known]
        known.update(wanted)
        return wanted

    def asked(self, column: str) -> Asked:
        """How this shelf reads by `column`."""
        return Asked(self.table, column, self._live_only, self._names)

    def take(self, rows: Iterable[Row]) -> None:
        """Put down rows as they are stored; of those already here the group's own state counts."""
        for row in rows:
            self._place(row)

    def of(self, column: str, key: Any) -> list[Row]:
        """The rows whose `column` is `key`, in the order of the primary key."""
        if key not in self._read[column]:
            self.load(column, [key])
        rows = self._index[column].get(key, ())
        return sorted(rows, key=self._key) if len(rows) > 1 else list(rows)

    def add(self, **values: Any) -> Row:
        """A new row, written with the group."""
        row = self._blank | values
        if len(row) > len(self._blank):
            raise KeyError(*(values.keys() - self._blank.keys()))
        if self._is_by_entry:
            # The entry is new: nothing of it is stored yet.
            self._read["seq"].add(row["seq"])
        self._place(row)
        self._added.append(row)
        return row

    def change(self, row: Row, **values: Any) -> None:
        """Other values for a row of this shelf; its key stays."""
        row.update(values)
        self._changed[self._key(row)] = row

    def withdraw(self, row: Row, seq: int) -> None:
        """Take a row back, as entry `seq` does: it stays in the table and is found here no more."""
        self.change(row, withdrawn_seq=seq)
        for column, index in self._index.items():
            found = index.get(row[column], [])
            found[:] = [other for other in found if other is not row]

    def unwritten(self) -> Iterator[Part]:
        """What was added and what was changed, which counts as written from now on."""
        for row in self._added:
            self._changed.pop(self._key(row), None)
        yield Part(self.table, self._added)
        yield Part(self.table, list(self._changed.values()), replaces=True)
        self._added, self._changed = [], {}

    def _place(self, row: Row) -> None:
        key = self._key(row)
        if key not in self._rows:
            self._rows[key] = row
            for column, index in self._index.items():
                index.setdefault(row[column], []).append(row)


@cache
def _shape(table: Table) -> tuple[itemgetter[Any], Row]:
    """What gives the primary key of a row, and a row without values: every group makes its shelves anew."""
    key = itemgetter(*(str(column.name) for column in table.primary_key))
    return key, dict.fromkeys(names_of(table))


def load_together(connection: Connection, wanted: Iterable[tuple[Shelf, str, Iterable[Any]]]) -> None:
    """Read into several shelves at once: for each the rows whose column is one of the keys."""
    missing = [
        (shelf, shelf.asked(column), keys)
        for shelf, column, asked in wanted
        if (keys := shelf.missing(column, asked))
    ]
    while missing:
        part = [(question, keys[:_AT_ONCE]) for _, question, keys in missing]
        for (shelf, _, _), rows in zip(missing, read_rows(connection, part), strict=True):
            shelf.take(rows)
        missing = [(shelf, question, keys[_AT_ONCE:]) for shelf, question, keys in missing if keys[_AT_ONCE:]]


class State:
    """The read tables as the group sees them: what is stored, with the group's own effects on top."""

    def __init__(self, connection: Connection, ledger: Connection | None = None) -> None:
        self.connection = connection
        self.ledger = connection if ledger is None else ledger
        """Where the ledger lies, for `said.said_by`."""
        self.said: dict[int, Event] = {}
        """By entry, what `said.remember` keeps."""
        # A withdrawn event is still there: its id is taken, and it cannot be corrected twice.
        self.events = Shelf(connection, tables.events, ("event_id", "seq"), live_only=False)
        self.register = Shelf(connection, tables.register, ("code", "organisation"))
        # Without their rows, of which one may have thousands: those that a group needs are then read by their codes.
        self.editions = Shelf(
            connection, tables.register, ("kind",), names=("kind", "code", "seq", "withdrawn_seq", "rank")
        )
        self.batches = Shelf(connection, tables.batches, ("batch",))
        self.lines = Shelf(connection, tables.lines, ("batch", "seq"))
        self.stock = Shelf(connection, tables.stock, ("batch",))
        self.stock_changes = Shelf(connection, tables.stock_changes, ("batch",))
        self.edges = Shelf(connection, tables.edges, ("parent", "child"))
        self.harvests = Shelf(connection, tables.harvests, ("cycle", "batch"))
        self.applications = Shelf(connection, tables.applications, ("cycle",))
        self.samples = Shelf(connection, tables.samples, ("sample", "target"))
        self.tests = Shelf(connection, tables.tests, ("sample",))
        self.holds = Shelf(connection, tables.holds, ("batch", "event_id"))
        self.recall_scope = Shelf(connection, tables.recall_scope, ("batch", "event_id"))
        self.findings = Shelf(connection, tables.findings, ("batch",))
        self.labels = Shelf(connection, tables.labels, ("trace_code", "phone_code", "run"))
        self.cycle_sites = Shelf(connection, tables.cycle_sites, ("cycle", "site"))
        self.environment = Shelf(connection, tables.environment, ("site",))
        self.conditions = Shelf(connection, tables.conditions, ("batch",))
        self.series = Shelf(connection, tables.series, ("seq",))
        self.conformity = Shelf(connection, tables.conformity, ("batch",))
        self.recall_updates = Shelf(connection, tables.recall_updates, ("recall",))
        self.objections = Shelf(connection, tables.objections, ("target",))
        self.warnings = Shelf(connection, tables.warnings, ("batch", "source"))
        self.raised: list[str] = []
        """The codes of the warnings raised since somebody last cleared this."""
        self.measured: dict[tuple[object, ...], tuple[str, int]] = {}
        """What `measures.measure` has worked out, until something is registered."""
        self.uses: dict[tuple[int, int, str], ApplicationFact] = {}
        """What `grounds.application_facts` has made of rows, by their entry, their rank and what they say."""
        self._registered: dict[tuple[str, str], Mapping[str, Any] | None] = {}
        self._in_force: dict[tuple[str, date], list[tuple[int, str]]] = {}

    def shelves(self) -> Iterator[Shelf]:
        """All shelves, in the order in which they are written."""
        for shelf in vars(self).values():
            if isinstance(shelf, Shelf):
                yield shelf

    def write(self) -> None:
        """Write everything that was added or changed; the transaction goes on."""
        write_together(self.connection, (part for shelf in self.shelves() for part in shelf.unwritten()))

    def forget(self) -> None:
        """Write, then read everything anew: after rows were changed by a statement of another kind."""
        self.write()
        for shelf in self.shelves():
            shelf.forget()
        self._registered.clear()
        self.measured.clear()
        self.uses.clear()
        self._in_force.clear()

    def find_registered(self, kind: str, code: str) -> Mapping[str, Any] | None:
        """The newest facts registered of `kind` under `code`, such as ("organisation", "fg-litchi-coop")."""
        key = (kind, code)
        if key not in self._registered:
            newest = self.find_registration(kind, code)
            self._registered[key] = json.loads(newest["data"]) if newest else None
        return self._registered[key]

    def find_registration(self, kind: str, code: str) -> Row | None:
        """The row that holds these facts."""
        rows = [row for row in self.register.of("code", code) if row["kind"] == kind]
        return max(rows, key=itemgetter("rank"), default=None)

    def event_at(self, seq: int) -> Row | None:
        """The row of the event that entry `seq` records."""
        rows = self.events.of("seq", seq)
        return rows[0] if rows else None

    def corrected_by(self, correction: Event) -> list[Row]:
        """The rows of the events that a correction takes back, as far as they are recorded."""
        return [row for each in correction.details["corrects"] for row in self.events.of("event_id", each)]

    def standing_event(self, event_id: str | None) -> Row | None:
        """The row of the entry that now says what the event said at first: itself, or its newest correction."""
        rows = self.events.of("event_id", event_id)
        row = rows[0] if rows else None
        while row is not None and row["withdrawn_seq"] is not None:
            row = self.event_at(row["withdrawn_seq"])
        return row

    def put_registered(
        self, kind: str, code: str, seq: int, organisation: str, data: str, *, rank: int
    ) -> None:
        """Register facts (canonical JSON text) of `kind` under `code`, as a version of their own."""
        row = self.register.add(
            kind=kind, code=code, seq=seq, organisation=organisation, data=data, rank=rank
        )
        self._registered.pop((kind, code), None)
        self.measured.clear()
        if kind == "edition":
            self.editions.take([row])
            self._in_force.clear()

    def find_batch(self, batch: str) -> Row | None:
        """The batch's row, or None where no entry speaks of it."""
        rows = self.batches.of("batch", batch)
        return rows[0] if rows else None

    def is_official(self, sample: str) -> bool:
        """Whether the authority had a sample drawn, as its drawing is known so far."""
        return any(row["purpose"] == OFFICIAL for row in self.samples.of("sample", sample))

    def held_stock(self, batch: str, holder: str) -> dict[str, int]:
        """What `holder` has of the batch, by dimension, in millionths of its unit; can be negative."""
        return {
            row["dimension"]: row["amount"]
            for row in self.stock.of("batch", batch)
            if row["holder"] == holder and row["state"] == "held"
        }

    def live_warnings(self, batch: str) -> list[Row]:
        """The stored warnings of the batch that are not lifted, inherited ones included."""
        return [row for row in self.warnings.of("batch", batch) if row["lifted_seq"] is None]

    def waits_at(self, occurred_ms: int, rank: int | None = None) -> Waits:
        """The waiting times in force on the Beijing day of a claimed moment, as they were known before `rank`."""
        found = (self._edition_at(table, occurred_ms, rank) for table in ("intervals", "withdrawals"))
        return Waits(*(() if edition is None else _intervals(edition) for edition in found))

    def thresholds_at(self, occurred_ms: int, rank: int | None = None) -> Thresholds:
        """The thresholds in force on the Beijing day of a claimed moment, as they were known before `rank`."""
        edition = self._edition_at("thresholds", occurred_ms, rank)
        return _NO_EDITION if edition is None else _thresholds(edition)

    def judging_editions(self) -> list[str]:
        """The codes of all editions by which events are judged."""
        tables = ("intervals", "withdrawals", "thresholds")
        return [code for table in tables for code in self.edition_codes(table)]

    def edition_codes(self, table: str) -> set[str]:
        """The codes of all editions of a table."""
        rows = self.editions.of("kind", "edition")
        return {row["code"] for row in rows if row["code"].startswith(f"{table}:")}

    def _edition_at(self, table: str, occurred_ms: int, rank: int | None) -> str | None:
        """The facts of an edition, as text."""
        asked = (table, beijing_date(occurred_ms))
        if asked not in self._in_force:
            self._in_force[asked] = self._find_editions(*asked)
        known = [data for at, data in self._in_force[asked] if rank is None or at < rank]
        return known[-1] if known else None

    def _find_editions(self, table: str, day: date) -> list[tuple[int, str]]:
        """The editions in force, each with its rank, in the order in which they were registered."""
        codes = self.edition_codes(table)
        self.register.load("code", codes)
        rows = [row for code in codes for row in self.register.of("code", code) if row["kind"] == "edition"]
        wanted = day.isoformat()
        return [
            (row["rank"], row["data"])
            for row in sorted(rows, key=itemgetter("rank"))
            if _edition(row["data"])["effective_from"]
            <= wanted
            <= _edition(row["data"]).get("effective_to", "9999-12-31")
        ]


# An edition may have a thousand rows and every group asks for it: what its text says is worked out once a process.


@lru_cache(maxsize=64)
def _edition(data: str) -> Mapping[str, Any]:
    facts: Mapping[str, Any] = json.loads(data)
    return facts


@lru_cache(maxsize=16)
def _intervals(data: str) -> tuple[Interval, ...]:
    facts = _edition(data)
    return parse_intervals(facts["rows"], facts["edition"], verified=facts["verified"])


@lru_cache(maxsize=16)
def _thresholds(data: str) -> Thresholds:
    return parse_thresholds(_edition(data)["rows"])
