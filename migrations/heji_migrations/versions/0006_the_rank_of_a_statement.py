"""The rank of a statement: a correction takes the place of what was said first, and no newer one.

Readings say by which shipping they concern a batch. The migration makes all read tables again, which fills the columns.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_RANKED = ("applications", "events", "harvests", "recall_updates", "register", "samples", "tests")


def upgrade() -> None:
    for table in _RANKED:
        op.add_column(
            table,
            sa.Column(
                "rank",
                sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
                nullable=False,
                server_default="0",
            ),
        )
    op.add_column(
        "conditions",
        sa.Column("shipping_rank", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
    )
    op.create_index(op.f("ix_conditions_shipping_rank"), "conditions", ["shipping_rank"], unique=False)
