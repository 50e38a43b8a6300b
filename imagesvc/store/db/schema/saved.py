"""What users have put together: archives to download, and saved searches."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, String, Table, Text, Uuid

from imagesvc.store.db.schema.accounts import users
from imagesvc.store.db.schema.columns import Instant, Json
from imagesvc.store.db.schema.metadata import metadata

archives = Table(
    "archives",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("user_id", Uuid, ForeignKey(users.c.id, ondelete="CASCADE"), nullable=True),
    Column("image_ids", Json, nullable=False),  # 32 digits each
    Column("preset", String(64), nullable=True),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
    Index("ix_archives_user_id_id", "user_id", "id"),
)


searches = Table(
    "searches",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("user_id", Uuid, ForeignKey(users.c.id, ondelete="CASCADE"), nullable=True),
    Column("name", Text, nullable=False),
    Column("q", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Index("ix_searches_user_id_id", "user_id", "id"),
)
