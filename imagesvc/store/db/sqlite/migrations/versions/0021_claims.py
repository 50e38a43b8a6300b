"""The claim of the worker that runs a job, where several processes take jobs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Add the column."""
    op.add_column("jobs", sa.Column("claim", sa.Uuid, nullable=True))


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("jobs", "claim")
