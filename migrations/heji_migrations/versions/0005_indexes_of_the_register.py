"""Indexes of the register: every group and every page looks codes up without their kind, and scanned the table for it."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.drop_index(op.f("ix_register_kind_organisation"), table_name="register")
    op.create_index(op.f("ix_register_code"), "register", ["code"], unique=False)
    op.create_index(op.f("ix_register_organisation_kind"), "register", ["organisation", "kind"], unique=False)
