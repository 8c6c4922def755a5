"""Read tables of further kinds: conditions, environment tests, certificates, recall updates, objections."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "conditions",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("batch", sa.Text(), nullable=False),
        sa.Column("withdrawn_seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.PrimaryKeyConstraint("seq", "batch", name=op.f("pk_conditions")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_conditions_batch"), "conditions", ["batch"], unique=False)
    op.create_table(
        "conformity",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("batch", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("issued_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("withdrawn_seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.PrimaryKeyConstraint("seq", "batch", name=op.f("pk_conformity")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_conformity_batch"), "conformity", ["batch"], unique=False)
    op.create_table(
        "cycle_sites",
        sa.Column("cycle", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("withdrawn_seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.PrimaryKeyConstraint("cycle", "seq", name=op.f("pk_cycle_sites")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_cycle_sites_site"), "cycle_sites", ["site"], unique=False)
    op.create_table(
        "environment",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("medium", sa.Text(), nullable=False),
        sa.Column("analyte", sa.Text(), nullable=False),
        sa.Column("is_over", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("occurred_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("withdrawn_seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.PrimaryKeyConstraint("seq", "position", name=op.f("pk_environment")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_environment_site"), "environment", ["site"], unique=False)
    op.create_table(
        "objections",
        sa.Column(
            "seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("withdrawn_seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_objections")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_objections_target"), "objections", ["target"], unique=False)
    op.create_table(
        "recall_updates",
        sa.Column(
            "seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("recall", sa.Text(), nullable=False),
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("withdrawn_seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_recall_updates")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_recall_updates_recall"), "recall_updates", ["recall"], unique=False)
    op.create_table(
        "series",
        sa.Column(
            "seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("withdrawn_seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_series")),
        sqlite_strict=True,
    )
    op.add_column(
        "labels", sa.Column("bound_seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)
    )
    op.add_column(
        "labels", sa.Column("voided_seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)
    )
    _fill_cycle_sites()


def _fill_cycle_sites() -> None:
    """Where the cycles are that were opened before: from the register, which has the whole of what was said."""
    connection = op.get_bind()
    opened = connection.execute(
        sa.text("SELECT code, seq, data, withdrawn_seq FROM register WHERE kind = 'cycle' ORDER BY seq")
    )
    rows = [
        {"cycle": code, "seq": seq, "site": json.loads(data)["site"], "withdrawn": withdrawn}
        for code, seq, data, withdrawn in opened
    ]
    if rows:
        connection.execute(
            sa.text(
                "INSERT INTO cycle_sites (cycle, seq, site, withdrawn_seq)"
                " VALUES (:cycle, :seq, :site, :withdrawn)"
            ),
            rows,
        )
