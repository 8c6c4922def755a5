"""When a harvest ended: of one that lasts days, what is taken after a use is judged by that use.

The migration makes all read tables again, which fills the column.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column(
        "harvests",
        sa.Column("ended_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
    )
