"""Users, their API keys and logins."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    String,
    Table,
    Text,
    Uuid,
)

from imagesvc.store.db.schema.columns import Instant, Json
from imagesvc.store.db.schema.metadata import metadata

users = Table(
    "users",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("password_hash", Text, nullable=True),  # of argon2; None: no password, only keys
    Column("is_admin", Boolean, nullable=False),
    Column("is_disabled", Boolean, nullable=False),
    Column("image_count", BigInteger, nullable=False),  # what the quota counts, kept
    Column("image_bytes", BigInteger, nullable=False),  # in the transactions that change it
    Column("quota_images", BigInteger, nullable=True),  # override those in the settings
    Column("quota_bytes", BigInteger, nullable=True),
    Column("created_at", Instant, nullable=False),
    Column("subject", Text, nullable=True, unique=True),  # issuer and sub at a provider
)


api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("user_id", Uuid, ForeignKey(users.c.id, ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("secret_sha256", String(64), nullable=False),
    Column("scopes", Json, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=True),
    Column("last_used_at", Instant, nullable=True),
    Index("ix_api_keys_user_id_id", "user_id", "id"),
)


logins = Table(  # each a family of refresh tokens, of which only the newest is valid
    "logins",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("user_id", Uuid, ForeignKey(users.c.id, ondelete="CASCADE"), nullable=False),
    Column("refresh_sha256", String(64), nullable=False),
    Column("scopes", Json, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
    Index("ix_logins_user_id", "user_id"),
)
