"""Purges of a CDN."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from imagesvc.store.db.schema.columns import Instant

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "cdn_purges",
        sa.Column("image_id", sa.Uuid, primary_key=True),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("requested_at", Instant, nullable=False),
    )
    op.create_index("ix_cdn_purges_requested_at", "cdn_purges", ["requested_at"])
    op.create_table(
        "cdn_position",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("last_event_id", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """Remove them."""
    op.drop_table("cdn_position")
    op.drop_table("cdn_purges")
