"""Variants belong to images: images that share an original share neither variants nor analysis."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from imagesvc.store.db.schema.columns import Instant

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the flag of analysed images, and begin with no variants: they are made again."""
    op.add_column(
        "images", sa.Column("is_analysed", sa.Boolean, nullable=False, server_default="0")
    )
    op.execute(
        "UPDATE images SET is_analysed = true"
        " WHERE sha256 IN (SELECT sha256 FROM blobs WHERE phash IS NOT NULL)"
    )
    op.drop_table("variants")
    _create_variants("image_id", sa.Uuid, "images.id")


def downgrade() -> None:
    """Drop the flag; variants are shared again."""
    op.drop_table("variants")
    _create_variants("sha256", sa.String(64), "blobs.sha256")
    op.drop_column("images", "is_analysed")


def _create_variants(owner: str, kind: Any, target: str) -> None:
    op.create_table(
        "variants",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column(owner, kind, sa.ForeignKey(target, ondelete="CASCADE"), nullable=False),
        sa.Column("transform", sa.Text, nullable=False),
        sa.Column("format", sa.String(16), nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("crc32", sa.BigInteger, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("last_used_at", Instant, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index(f"ix_variants_{owner}_last_used_at", "variants", [owner, "last_used_at"])
    op.create_index("ix_variants_last_used_at", "variants", ["last_used_at"])
