"""Shares of images, and links for uploads of guests."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from imagesvc.store.db.schema.columns import Instant

revision = "0013"
down_revision = "0012"


def _link(name: str, table: str, *, nullable: bool) -> sa.Column[object]:
    key = sa.ForeignKey(f"{table}.id", ondelete="CASCADE")
    return sa.Column(name, sa.Uuid, key, nullable=nullable)


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "shares",
        sa.Column("id", sa.Uuid, primary_key=True),
        _link("owner_id", "users", nullable=True),
        sa.Column("token_sha256", sa.String(64), nullable=False, unique=True),
        sa.Column("target", sa.String(16), nullable=False),
        _link("image_id", "images", nullable=True),
        _link("collection_id", "collections", nullable=True),
        sa.Column("q", sa.Text, nullable=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("password_hash", sa.Text, nullable=True),
        sa.Column("expires_at", Instant, nullable=True),
        sa.Column("max_views", sa.Integer, nullable=True),
        sa.Column("views", sa.Integer, nullable=False),
        sa.Column("allow_download", sa.Boolean, nullable=False),
        sa.Column("show_metadata", sa.Boolean, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("last_viewed_at", Instant, nullable=True),
    )
    op.create_table(
        "upload_links",
        sa.Column("id", sa.Uuid, primary_key=True),
        _link("owner_id", "users", nullable=True),
        sa.Column("token_sha256", sa.String(64), nullable=False, unique=True),
        sa.Column("title", sa.Text, nullable=False),
        _link("collection_id", "collections", nullable=False),
        sa.Column("expires_at", Instant, nullable=True),
        sa.Column("max_files", sa.Integer, nullable=False),
        sa.Column("max_bytes", sa.BigInteger, nullable=False),
        sa.Column("files", sa.Integer, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
    )
    op.create_index("ix_shares_owner_id_id", "shares", ["owner_id", "id"])
    op.create_index("ix_shares_image_id", "shares", ["image_id"])
    op.create_index("ix_shares_collection_id", "shares", ["collection_id"])
    op.create_index("ix_upload_links_owner_id_id", "upload_links", ["owner_id", "id"])
    op.create_index("ix_upload_links_collection_id", "upload_links", ["collection_id"])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("upload_links")
    op.drop_table("shares")
