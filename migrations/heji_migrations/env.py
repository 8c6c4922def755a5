"""What Alembic runs for a command: the connection comes from `heji_migrations.upgrade` or `.revise`.

The caller's transaction spans all revisions and the caller ends it, so that an upgrade happens whole or not at all.
"""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, text

from heji_trace.tables import metadata

# Any number will do, as long as every process that upgrades this database takes the same.
_ADVISORY_LOCK = 4_418_210_001


def _migrate(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL lock_timeout = '10s'"))
        connection.execute(text("SET LOCAL statement_timeout = '15min'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
    # Batch mode copies a table and drops its triggers, so a ledger table would lose its guard.
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=False)
    context.run_migrations()


_migrate(context.config.attributes["connection"])
