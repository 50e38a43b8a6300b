"""Links for people without an account: shares of images, and uploads of guests."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    Uuid,
)

from imagesvc.store.db.schema.accounts import users
from imagesvc.store.db.schema.columns import Instant
from imagesvc.store.db.schema.images import collections, images
from imagesvc.store.db.schema.metadata import metadata

shares = Table(
    "shares",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("owner_id", Uuid, ForeignKey(users.c.id, ondelete="CASCADE"), nullable=True),
    Column("token_sha256", String(64), nullable=False, unique=True),
    Column("target", String(16), nullable=False),
    Column(
        "image_id", Uuid, ForeignKey(images.c.id, ondelete="CASCADE"), nullable=True, index=True
    ),
    Column(
        "collection_id", Uuid, ForeignKey(collections.c.id, ondelete="CASCADE"),
        nullable=True, index=True,
    ),
    Column("q", Text, nullable=True),
    Column("title", Text, nullable=False),
    Column("password_hash", Text, nullable=True),
    Column("expires_at", Instant, nullable=True),
    Column("max_views", Integer, nullable=True),
    Column("views", Integer, nullable=False),
    Column("allow_download", Boolean, nullable=False),
    Column("show_metadata", Boolean, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("last_viewed_at", Instant, nullable=True),
    Index("ix_shares_owner_id_id", "owner_id", "id"),
)  # fmt: skip


upload_links = Table(
    "upload_links",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("owner_id", Uuid, ForeignKey(users.c.id, ondelete="CASCADE"), nullable=True),
    Column("token_sha256", String(64), nullable=False, unique=True),
    Column("title", Text, nullable=False),
    Column(
        "collection_id", Uuid, ForeignKey(collections.c.id, ondelete="CASCADE"),
        nullable=False, index=True,
    ),
    Column("expires_at", Instant, nullable=True),
    Column("max_files", Integer, nullable=False),
    Column("max_bytes", BigInteger, nullable=False),
    Column("files", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("created_at", Instant, nullable=False),
    Index("ix_upload_links_owner_id_id", "owner_id", "id"),
)  # fmt: skip
