"""${message}."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
% if down_revision is None:

from heji_migrations import triggers
% endif
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}
% if down_revision is None:
    triggers.create(op.get_bind())
% endif
