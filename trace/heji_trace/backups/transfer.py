"""A county moves to another database: every row of every table, byte for byte, from SQLite to PostgreSQL or back.

The log stays the same log: its origin, key, entries and checkpoints are those that the remembered head knows, so
nothing is signed anew. Rows are read in the order of their keys, which both databases sort by bytes; the digests over
what was read from the one and what then stands in the other must be equal before the copy counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import Connection, Row, Table, func, select

from heji_trace.errors import Misconfigured, Untrusted
from heji_trace.ledger import ledger
from heji_trace.store.db import wait_without_end
from heji_trace.store.rows import insert_rows, names_of
from heji_trace.store.tables import LEDGER, metadata

_AT_ONCE = 64
# An erasure is taken only beside the entry that names it, so the ledger's tables go first and in their order.
TABLES = (*LEDGER, *(table for table in metadata.sorted_tables if table not in LEDGER))


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy holds: entries, the log's origin, and how many rows of each table, with their digest."""

    size: int
    origin: str
    rows: dict[str, int]
    digests: dict[str, str]


def count_rows(connection: Connection) -> int:
    """The rows of all tables together, which is what `copy_all` tells of to `progress`."""
    return sum(_count(connection, table) for table in TABLES)


def copy_all(source: Connection, target: Connection, progress: Callable[[int], None]) -> Copied:
    """Copy all rows into a database whose tables are there and empty, then read them back.

    Both must have this version's tables. Nobody may write to the source meanwhile; the caller commits the target.
    Raises Misconfigured where the source has no log or the target is not empty, Untrusted where what was read back
    is not what was read.
    """
    for connection in (source, target):
        wait_without_end(connection)
    facts = ledger.founded_facts(source)
    if not facts:
        raise Misconfigured("ledger-not-begun")
    for table in TABLES:
        if target.execute(select(table).limit(1)).first() is not None:
            raise Misconfigured("copy-target-not-empty", table=table.name)
    rows: dict[str, int] = {}
    digests: dict[str, str] = {}
    done = 0
    for table in TABLES:
        digest, count = sha256(), 0
        for part in _parts(source, table):
            for row in part:
                digest.update(_bytes_of(row))
                _check_can_hold(target, table, row)
            insert_rows(target, table, [dict(zip(names_of(table), row, strict=True)) for row in part])
            count += len(part)
            progress(done + count)
        done += count
        rows[table.name], digests[table.name] = count, digest.hexdigest()
    for table in TABLES:
        if _digest_of(target, table) != digests[table.name]:
            raise Untrusted("copy-differs", table=table.name)
    return Copied(ledger.size_of(target), facts["origin"], rows, digests)


def _parts(connection: Connection, table: Table) -> Iterator[list[Row[tuple[object, ...]]]]:
    query = select(table).order_by(*table.primary_key).execution_options(yield_per=_AT_ONCE)
    with connection.execute(query) as result:
        for part in result.partitions():
            yield list(part)


def _digest_of(connection: Connection, table: Table) -> str:
    digest = sha256()
    for part in _parts(connection, table):
        for row in part:
            digest.update(_bytes_of(row))
    return digest.hexdigest()


def _bytes_of(row: Row[tuple[object, ...]]) -> bytes:
    """Integers, text, bytes and nothing, each written so that no two rows are alike."""
    return repr(tuple(row)).encode()


def _check_can_hold(target: Connection, table: Table, row: Row[tuple[object, ...]]) -> None:
    if target.dialect.name == "postgresql" and any("\0" in value for value in row if isinstance(value, str)):
        place = ",".join(str(getattr(row, column.name)) for column in table.primary_key)
        raise Misconfigured("copy-nul", table=table.name, row=place.replace("\0", "␀"))


def _count(connection: Connection, table: Table) -> int:
    count: int = connection.execute(select(func.count()).select_from(table)).scalar_one()
    return count
