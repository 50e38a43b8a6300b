"""Watched sources, and the files that were found in them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from imagesvc.store.db.schema.columns import Instant

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "sources",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column(
            "owner_id", sa.Uuid, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=True
        ),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("interval_seconds", sa.Integer, nullable=False),
        sa.Column("collection", sa.Text, nullable=False),
        sa.Column("tags", sa.JSON, nullable=False),
        sa.Column("visibility", sa.String(16), nullable=True),
        sa.Column("on_vanish", sa.String(16), nullable=False),
        sa.Column("is_enabled", sa.Boolean, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("updated_at", Instant, nullable=False),
        sa.Column("next_scan_at", Instant, nullable=False),
        sa.Column("result", sa.JSON, nullable=True),
        sa.Column("state", sa.JSON, nullable=False),
    )
    op.create_index("ix_sources_owner_id", "sources", ["owner_id"])
    source = sa.ForeignKey("sources.id", ondelete="CASCADE")
    op.create_table(
        "source_entries",
        sa.Column("source_id", sa.Uuid, source, primary_key=True),
        sa.Column("path", sa.Text, primary_key=True),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("mark", sa.Text, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=True),
        sa.Column("image_id", sa.Uuid, nullable=True),
        sa.Column("is_gone", sa.Boolean, nullable=False),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("source_entries")
    op.drop_table("sources")
