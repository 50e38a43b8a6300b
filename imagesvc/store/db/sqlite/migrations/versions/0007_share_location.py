"""Whether strangers get an original with its location."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the column; earlier uploads share no location."""
    op.add_column(
        "images", sa.Column("share_location", sa.Boolean, nullable=False, server_default="0")
    )


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("images", "share_location")
