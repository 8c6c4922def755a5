"""Guards that look where they stand, and no statistics of sealed values; PostgreSQL only.

What the triggers ask, they asked by names that a role could give to temporary tables of its own. And the statistics by
which PostgreSQL plans hold values themselves, which an erasure does not take away.
"""

from __future__ import annotations

from alembic import op

from heji_migrations import triggers
from heji_trace.store.append_only import erasure_functions

revision = "0009"
down_revision = "0008"

_SEALED = (
    ("disclosures", "salt", "bytea"),
    ("disclosures", "value", "bytea"),
    ("imports", "data", "bytea"),
    ("imports", "file_name", 'text COLLATE "C"'),
    ("imports", "choices", 'text COLLATE "C"'),
    ("imported", "file_name", 'text COLLATE "C"'),
    ("register", "data", 'text COLLATE "C"'),
    ("applications", "data", 'text COLLATE "C"'),
)
# An erasure deletes a few rows among millions; by itself autovacuum would wait for a fifth of them.
_SWEPT_SOON = "autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0"


def upgrade() -> None:
    bind = op.get_bind()
    if bind.dialect.name != "postgresql":
        return
    triggers.create(bind, erasure_functions())
    for table, column, kind in _SEALED:
        # The same type again: nothing is written anew, and the statistics that there are go.
        op.execute(
            f"ALTER TABLE {table} ALTER COLUMN {column} TYPE {kind}, ALTER COLUMN {column} SET STATISTICS 0"
        )
    for table in sorted({table for table, _, _ in _SEALED}):
        op.execute(f"ALTER TABLE {table} SET ({_SWEPT_SOON})")
