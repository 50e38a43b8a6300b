"""Sessions of browsers, and the link with which the first admin chooses a password."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, String, Table, Text, Uuid

from imagesvc.store.db.schema.accounts import users
from imagesvc.store.db.schema.columns import Instant
from imagesvc.store.db.schema.metadata import metadata

sessions = Table(
    "sessions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("user_id", Uuid, ForeignKey(users.c.id, ondelete="CASCADE"), nullable=False),
    Column("token_sha256", String(64), nullable=False, unique=True),
    Column("created_at", Instant, nullable=False),
    Column("last_seen_at", Instant, nullable=False),  # up to a minute late
    Column("expires_at", Instant, nullable=False),
    Column("user_agent", Text, nullable=False),
    Column("address", Text, nullable=False),
    Index("ix_sessions_user_id_id", "user_id", "id"),
)


setup_links = Table(  # at most one row: a new link replaces the last
    "setup_links",
    metadata,
    Column("token_sha256", String(64), primary_key=True),
    Column("expires_at", Instant, nullable=False),
)
