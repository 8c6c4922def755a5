"""Erasures: which disclosures may go, and the triggers that let no others go."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from heji_migrations import triggers
from heji_trace.store.append_only import erasure_triggers

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "erasures",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("pointer", sa.Text(), nullable=False),
        sa.Column("by_seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("seq", "pointer", name=op.f("pk_erasures")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_erasures_by_seq"), "erasures", ["by_seq"], unique=False)
    bind = op.get_bind()
    triggers.create(bind, erasure_triggers(bind.dialect.name))
