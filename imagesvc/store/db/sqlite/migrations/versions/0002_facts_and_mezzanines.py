"""Facts that are free at ingest, and mezzanines, of blobs; places, of images."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the columns; existing rows have no analysis yet."""
    op.add_column("blobs", sa.Column("dominant_color", sa.String(7), nullable=True))
    op.add_column("blobs", sa.Column("palette", sa.JSON, nullable=True))
    op.add_column("blobs", sa.Column("thumbhash", sa.String(64), nullable=True))
    op.add_column("blobs", sa.Column("phash", sa.String(16), nullable=True))
    op.add_column("blobs", sa.Column("mezzanine_sha256", sa.String(64), nullable=True))
    op.add_column("blobs", sa.Column("mezzanine_format", sa.String(16), nullable=True))
    op.add_column("blobs", sa.Column("mezzanine_width", sa.Integer, nullable=True))
    op.add_column("blobs", sa.Column("mezzanine_height", sa.Integer, nullable=True))
    op.add_column("images", sa.Column("gps", sa.JSON, nullable=True))
    op.create_index("ix_blobs_mezzanine_sha256", "blobs", ["mezzanine_sha256"])


def downgrade() -> None:
    """Drop the columns."""
    op.drop_index("ix_blobs_mezzanine_sha256", "blobs")
    op.drop_column("images", "gps")
    for name in (
        "mezzanine_height", "mezzanine_width", "mezzanine_format", "mezzanine_sha256",
        "phash", "thumbhash", "palette", "dominant_color",
    ):  # fmt: skip
        op.drop_column("blobs", name)
