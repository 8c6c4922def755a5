"""What must hold of a ledger at any moment, and what breaks it: for the tests that put faults in."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Protocol

import psycopg
from sqlalchemy import Connection, select

from heji_trace.judging.levels import INHERITED
from heji_trace.ledger import ledger
from heji_trace.ledger.verify import Report, verify
from heji_trace.projection.replay import check_projections
from heji_trace.proving import merkle
from heji_trace.store import tables
from heji_trace.store.db import Store
from heji_web.service.service import Service
from verifier import heji_verify_outside as outside


def verified(service: Service, *, hash_only: bool = False) -> Report:
    """What `heji verify` reports of the service's ledger."""
    with service.store.read() as connection:
        return verify(
            connection,
            service.signer.verifier,
            service.head,
            hash_only=hash_only,
            progress=lambda _done: None,
        )


def check_ledger(service: Service) -> None:
    """Assert that the ledger and its read tables are whole, by our own verifier and by the one from outside."""
    report = verified(service)
    assert report.faults == ()
    with service.store.read() as connection:
        assert check_projections(connection, report.size, lambda _done: None) == []
        seqs = list(connection.execute(select(tables.entries.c.seq).order_by(tables.entries.c.seq)).scalars())
        assert seqs == list(range(report.size))
        check_balance(connection)
        check_inheritance(connection)
        head, _ = outside.check_log(open_source(connection, service), service.signer.verifier_key)
    assert (head.size, head.root) == (report.size, report.root)


def open_source(connection: Connection, service: Service) -> outside.Source:
    """The open log as the outside verifier reads it: the remembered checkpoint, and tiles of its size."""

    def read(path: str) -> bytes:
        if path == "checkpoint":
            return (service.head.read_note() or "").encode()
        tile = merkle.parse_tile_path(path)
        start = tile.n * merkle.TILE_WIDTH
        if tile.level is None:
            bundle = ledger.read_entry_bytes(connection, start, start + tile.width)
            return b"".join(len(entry).to_bytes(2, "big") + entry for entry in bundle)
        return merkle.tile_hashes(tile.level, tile.n, tile.width, ledger.hash_reader(connection))

    return read


def check_balance(connection: Connection) -> None:
    """Assert of each batch: what is there is what was made or came back or unsent, less what was used, sold, destroyed.

    What was counted is believed: a count's own change stands for it.
    """
    stock: Counter[tuple[str, str]] = Counter()
    for row in connection.execute(select(tables.stock)):
        stock[row.batch, row.dimension] += row.amount
    kinds = {row.seq: row.kind for row in connection.execute(select(tables.events))}
    corrections = [seq for seq, kind in kinds.items() if kind == "correction"]
    for stored in ledger.read_stored(connection, corrections):
        # What a correction says instead counts in its place.
        kinds[stored.seq] = stored.event.details.get("replacement", {}).get("kind", "correction")
    expected: Counter[tuple[str, str]] = Counter()
    for row in connection.execute(select(tables.lines).where(tables.lines.c.withdrawn_seq.is_(None))):
        # What is sold to somebody who is known is on its way to them, not gone.
        is_gone = kinds[row.seq] == "sale" and row.to_organisation is None
        signs = {"made": 1, "taken_back": 1, "consumed": -1, "disposed": -1, "moved": -int(is_gone)}
        sign = signs.get(row.role, 0)
        if sign:
            expected[row.batch, row.dimension] += sign * row.amount
    unsent = connection.execute(
        select(tables.stock_changes).where(tables.stock_changes.c.withdrawn_seq.is_(None))
    ).all()
    arrived: defaultdict[tuple[int, str, str], int] = defaultdict(int)
    for change in unsent:
        if kinds[change.seq] in ("receiving", "stock_count"):
            arrived[change.seq, change.batch, change.dimension] += change.amount
    for (_, batch, dimension), amount in arrived.items():
        expected[batch, dimension] += amount
    assert {key: amount for key, amount in stock.items() if amount} == {
        key: amount for key, amount in expected.items() if amount
    }


def check_inheritance(connection: Connection) -> None:
    """Assert that every batch carries the warnings of what it was made from, at any distance, and no others."""
    parents: defaultdict[str, set[str]] = defaultdict(set)
    parted: defaultdict[tuple[str, str], int] = defaultdict(int)
    for edge in connection.execute(select(tables.edges).where(tables.edges.c.withdrawn_seq.is_(None))):
        parents[edge.child].add(edge.parent)
        parted[edge.parent, edge.child] = max(parted[edge.parent, edge.child], edge.occurred_ms)
    own: defaultdict[str, list[tuple[str, str, int, int]]] = defaultdict(list)
    carried: defaultdict[str, set[tuple[str, str, int]]] = defaultdict(set)
    for row in connection.execute(select(tables.warnings).where(tables.warnings.c.lifted_seq.is_(None))):
        if row.source == row.batch:
            since = json.loads(row.data).get("from_ms", 0)
            own[row.batch].append((row.code, row.source, row.cause_seq, since))
        else:
            carried[row.batch].add((row.code, row.source, row.cause_seq))
    for batch in connection.execute(select(tables.batches.c.batch)).scalars():
        ancestors = above(batch, parents)
        expected = {
            (INHERITED[code], source, cause)
            for ancestor in ancestors - {batch}
            for code, source, cause, since in own[ancestor]
            if code in INHERITED
            # What befell the goods since then concerns what was still among them.
            and any(
                parted[ancestor, child] >= since
                for child in ancestors | {batch}
                if (ancestor, child) in parted
            )
        }
        assert carried[batch] == expected, batch


def above(batch: str, parents: Mapping[str, set[str]]) -> set[str]:
    """Everything the batch was made from, found one step at a time."""
    reached: set[str] = set()
    waiting = [batch]
    while waiting:
        for parent in parents.get(waiting.pop(), set()) - reached:
            reached.add(parent)
            waiting.append(parent)
    return reached


class Tampering(Protocol):
    """A hand in the database that nothing stops; values are marked by `?`."""

    def execute(self, statement: str, values: Sequence[object] = (), /) -> Any: ...


@dataclass(frozen=True)
class _PostgresqlHand:
    connection: psycopg.Connection[Any]

    def execute(self, statement: str, values: Sequence[object] = (), /) -> Any:
        return self.connection.execute(statement.replace("?", "%s").encode(), values or None)


def tampering(url: str) -> AbstractContextManager[Tampering]:
    """A transaction without the triggers, as for somebody who has the database file or owns the server."""
    if url.startswith("postgresql"):
        return _tampering_server(url.replace("+psycopg", ""))
    return _tampering_file(url.removeprefix("sqlite:///"))


@contextmanager
def _tampering_server(url: str) -> Iterator[Tampering]:
    with psycopg.connect(url) as connection:
        connection.execute("SET session_replication_role = replica")
        yield _PostgresqlHand(connection)


@contextmanager
def _tampering_file(path: str) -> Iterator[Tampering]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        connection.execute("BEGIN IMMEDIATE")
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        yield connection
        for _, sql in triggers:
            connection.execute(sql)
        connection.execute("COMMIT")


def free_of_triggers(url: str) -> None:
    """Take from a copy, to which nobody is connected, what forbids changes of the ledger: as whoever owns it can."""
    if url.startswith("postgresql"):
        # For good, and foreign keys with them; of a session alone the pool would have to be told.
        with psycopg.connect(url.replace("+psycopg", "")) as server:
            for name in tables.metadata.tables:
                server.execute(f"ALTER TABLE {name} DISABLE TRIGGER ALL".encode())
        return
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file:
        for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            file.execute(f"DROP TRIGGER {name}")


class _TakenBack(Exception):
    """Ends a transaction whose changes are not to last."""


@contextmanager
def taken_back(store: Store) -> Iterator[Connection]:
    """A transaction that ends without a trace: what is changed in it is seen in it alone."""
    with suppress(_TakenBack), store.write() as connection:
        yield connection
        raise _TakenBack


def tamper(service: Service, statement: str, *values: object) -> None:
    """One statement behind the service's back, which must change something."""
    with tampering(service.settings.database_url) as connection:
        assert connection.execute(statement, values).rowcount > 0


def change(service: Service, table: str, column: str, seq: int, changed: Callable[[bytes], bytes]) -> None:
    """Other bytes in a column of all rows of an entry, made from those that stand there."""
    with tampering(service.settings.database_url) as connection:
        found = connection.execute(f"SELECT DISTINCT {column} FROM {table} WHERE seq = ?", (seq,)).fetchall()
        assert found
        for (old,) in found:
            assert changed(old) != old
            update = f"UPDATE {table} SET {column} = ? WHERE seq = ? AND {column} = ?"
            connection.execute(update, (changed(old), seq, old))
