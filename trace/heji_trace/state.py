"""What a group of events needs to know, read once, changed in memory and written once.

A group decides about its tenth event on what its first nine have done; asking the database in between would cost a
round trip for each. A `Shelf` holds the rows of one table that were asked for, and those that were added.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, Table, Update, bindparam, select, update

from heji_trace import tables
from heji_trace.intervals import Interval, parse_intervals
from heji_trace.rows import insert_rows
from heji_trace.rules import Thresholds
from heji_trace.times import beijing_date

Row = dict[str, Any]
_AT_ONCE = 1000
_NO_EDITION = Thresholds()


# Statements are put together once: for the few rows of a group that costs more than running them.


@cache
def _select(table: Table, column: str, *, live_only: bool) -> Select[Any]:
    query = select(table).where(table.c[column].in_(bindparam("keys", expanding=True)))
    return query.where(table.c.withdrawn_seq.is_(None)) if live_only else query


@cache
def _update(table: Table) -> Update:
    keys = [column.name for column in table.primary_key]
    others = [column.name for column in table.columns if column.name not in keys]
    return (
        update(table)
        .where(*(table.c[name] == bindparam(f"key_{name}") for name in keys))
        .values({name: bindparam(f"new_{name}") for name in others})
    )


class Shelf:
    """The rows of one table, found by any of the columns in `by`; withdrawn ones only where `live_only` is false."""

    def __init__(
        self, connection: Connection, table: Table, by: tuple[str, ...], *, live_only: bool = True
    ) -> None:
        self.table = table
        self.by = by
        self._connection = connection
        self._key = tuple(column.name for column in table.primary_key)
        self._blank: Row = dict.fromkeys(column.name for column in table.columns)
        self._live_only = live_only and "withdrawn_seq" in table.c
        self.forget()

    def forget(self) -> None:
        """Drop what was read, so that it is read again."""
        self._rows: dict[tuple[Any, ...], Row] = {}
        self._read: dict[str, set[Any]] = {column: set() for column in self.by}
        self._index: dict[str, dict[Any, dict[tuple[Any, ...], Row]]] = {
            column: defaultdict(dict) for column in self.by
        }
        self._added: list[Row] = []
        self._changed: dict[tuple[Any, ...], Row] = {}

    def load(self, column: str, keys: Iterable[Any]) -> None:
        """Read the rows whose `column` is one of `keys`, those already read left alone."""
        wanted = [key for key in dict.fromkeys(keys) if key not in self._read[column]]
        self._read[column].update(wanted)
        for start in range(0, len(wanted), _AT_ONCE):
            query = _select(self.table, column, live_only=self._live_only)
            asked = {"keys": wanted[start : start + _AT_ONCE]}
            for stored in self._connection.execute(query, asked).mappings():
                self._place(dict(stored))

    def assume_none(self, column: str, keys: Iterable[Any]) -> None:
        """Take it as read that the table has no rows for `keys`: what speaks of a batch is written after the batch."""
        self._read[column].update(keys)

    def of(self, column: str, key: Any) -> list[Row]:
        """The rows whose `column` is `key`, in the order of the primary key."""
        if key not in self._read[column]:
            self.load(column, [key])
        rows = self._index[column].get(key, {})
        return [rows[at] for at in sorted(rows)] if len(rows) > 1 else list(rows.values())

    def add(self, **values: Any) -> Row:
        """A new row, written with the group."""
        row = self._blank | values
        if len(row) > len(self._blank):
            raise KeyError(*(values.keys() - self._blank.keys()))
        self._place(row)
        self._added.append(row)
        return row

    def change(self, row: Row, **values: Any) -> None:
        """Other values for a row of this shelf; its key stays."""
        row.update(values)
        self._changed[self._key_of(row)] = row

    def withdraw(self, row: Row, seq: int) -> None:
        """Take a row back, as entry `seq` does: it stays in the table and is found here no more."""
        self.change(row, withdrawn_seq=seq)
        for column, index in self._index.items():
            index[row[column]].pop(self._key_of(row), None)

    def write(self) -> None:
        """One INSERT and one UPDATE for all that was added and changed."""
        if self._added:
            insert_rows(self._connection, self.table, self._added)
            for row in self._added:
                self._changed.pop(self._key_of(row), None)
            self._added = []
        if self._changed:
            others = [name for name in self._blank if name not in self._key]
            self._connection.execute(
                _update(self.table),
                [
                    {f"key_{name}": row[name] for name in self._key}
                    | {f"new_{name}": row[name] for name in others}
                    for row in self._changed.values()
                ],
            )
            self._changed = {}

    def _place(self, row: Row) -> None:
        key = self._key_of(row)
        if key not in self._rows:
            self._rows[key] = row
            for column, index in self._index.items():
                index[row[column]][key] = row

    def _key_of(self, row: Row) -> tuple[Any, ...]:
        return tuple([row[name] for name in self._key])


class State:
    """The read tables as the group sees them: what is stored, with the group's own effects on top."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        # A withdrawn event is still there: its id is taken, and it cannot be corrected twice.
        self.events = Shelf(connection, tables.events, ("event_id",), live_only=False)
        self.register = Shelf(connection, tables.register, ("code", "kind", "organisation"))
        self.batches = Shelf(connection, tables.batches, ("batch",))
        self.lines = Shelf(connection, tables.lines, ("batch",))
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
        self.warnings = Shelf(connection, tables.warnings, ("batch", "source"))
        self.raised: list[str] = []
        """The codes of the warnings raised since somebody last cleared this."""
        self.measured: dict[tuple[object, ...], tuple[str, int]] = {}
        """What `sense.measure` has worked out, until something is registered."""
        self._registered: dict[tuple[str, str], Mapping[str, Any] | None] = {}
        self._editions: dict[str, list[Row]] | None = None

    def shelves(self) -> Iterator[Shelf]:
        """All shelves, in the order in which they are written."""
        for shelf in vars(self).values():
            if isinstance(shelf, Shelf):
                yield shelf

    def write(self) -> None:
        """Write everything that was added or changed; the transaction goes on."""
        for shelf in self.shelves():
            shelf.write()

    def forget(self) -> None:
        """Write, then read everything anew: after rows were changed by a statement of another kind."""
        self.write()
        for shelf in self.shelves():
            shelf.forget()
        self._registered.clear()
        self.measured.clear()
        self._editions = None

    def find_registered(self, kind: str, code: str) -> Mapping[str, Any] | None:
        """The newest facts registered of `kind` under `code`, such as ("organisation", "fg-litchi-coop")."""
        key = (kind, code)
        if key not in self._registered:
            rows = [row for row in self.register.of("code", code) if row["kind"] == kind]
            newest = max(rows, key=lambda row: row["seq"], default=None)
            self._registered[key] = json.loads(newest["data"]) if newest else None
        return self._registered[key]

    def put_registered(self, kind: str, code: str, seq: int, organisation: str, data: str) -> None:
        """Register facts (canonical JSON text) of `kind` under `code`, as a version of their own."""
        self.register.add(kind=kind, code=code, seq=seq, organisation=organisation, data=data)
        self._registered.pop((kind, code), None)
        self.measured.clear()
        if kind == "edition":
            self._editions = None

    def find_batch(self, batch: str) -> Row | None:
        """The batch's row, or None where no entry speaks of it."""
        rows = self.batches.of("batch", batch)
        return rows[0] if rows else None

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

    def intervals_at(self, occurred_ms: int) -> tuple[Interval, ...]:
        """The edition of intervals in force on the Beijing day of a claimed moment."""
        edition = self._edition_at("intervals", occurred_ms)
        if edition is None:
            return ()
        if "parsed" not in edition:
            edition["parsed"] = parse_intervals(
                edition["rows"], edition["edition"], verified=edition["verified"]
            )
        parsed: tuple[Interval, ...] = edition["parsed"]
        return parsed

    def thresholds_at(self, occurred_ms: int) -> Thresholds:
        """The thresholds in force on the Beijing day of a claimed moment."""
        edition = self._edition_at("thresholds", occurred_ms)
        if edition is None:
            return _NO_EDITION
        if "parsed" not in edition:
            known = Thresholds.__dataclass_fields__
            edition["parsed"] = Thresholds(
                **{row["name"]: int(row["value"]) for row in edition["rows"] if row["name"] in known}
            )
        parsed: Thresholds = edition["parsed"]
        return parsed

    def _edition_at(self, table: str, occurred_ms: int) -> Row | None:
        if self._editions is None:
            self._editions = {}
            for row in sorted(self.register.of("kind", "edition"), key=lambda row: row["seq"]):
                data = json.loads(row["data"])
                self._editions.setdefault(data["table"], []).append(data)
        if table not in self._editions:
            return None
        day = beijing_date(occurred_ms).isoformat()
        in_force = [
            edition
            for edition in self._editions[table]
            if edition["effective_from"] <= day <= edition.get("effective_to", "9999-12-31")
        ]
        return in_force[-1] if in_force else None
