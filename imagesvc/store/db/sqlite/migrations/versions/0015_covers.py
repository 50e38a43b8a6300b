"""Covers of collections."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Add the column."""
    op.add_column("collections", sa.Column("cover_id", sa.Uuid, nullable=True))


def downgrade() -> None:
    """Remove it."""
    op.drop_column("collections", "cover_id")
