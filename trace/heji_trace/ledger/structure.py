"""The structure of a SQLite file: its indexes and its list of free pages, which hold no row and decide which are found.

A bit that flips there changes nothing that is hashed. But an event whose place in an index is gone is recorded a second
time when it is sent again, a batch is not found, and what is taken for free is written over.
"""

from __future__ import annotations

from sqlalchemy import Connection

from heji_trace.ledger.faults import Fault

_MOST = 20


def check_structure(connection: Connection) -> list[Fault]:
    """What SQLite itself finds wrong with its file, some of it where it is much; nothing on PostgreSQL.

    Raises LedgerBusy, by way of the store, where so much is damaged that it cannot be looked through.
    """
    if connection.dialect.name != "sqlite":
        return []
    told = connection.exec_driver_sql(f"PRAGMA integrity_check({_MOST})").scalars().all()
    return [Fault("file-damaged", names={"reason": reason}) for reason in told if reason != "ok"]
