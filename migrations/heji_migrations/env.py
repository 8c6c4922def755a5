"""What Alembic runs for a command: the connection comes from `heji_migrations.upgrade` or `.revise`.

The caller's transaction spans all revisions and the caller ends it, so that an upgrade happens whole or not at all.
"""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from heji_trace.store.tables import metadata


def _migrate(connection: Connection) -> None:
    # Batch mode copies a table and drops its triggers, so a ledger table would lose its guard.
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=False)
    context.run_migrations()


_migrate(context.config.attributes["connection"])
