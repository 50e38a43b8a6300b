"""State of requests: presigned uploads, and first responses."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
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
from imagesvc.store.db.schema.columns import Instant, Json
from imagesvc.store.db.schema.metadata import metadata

upload_slots = Table(  # presigned uploads without their file
    "upload_slots",
    metadata,
    Column("id", Uuid, primary_key=True),  # the id that the image will have
    Column("owner_id", Uuid, ForeignKey(users.c.id, ondelete="CASCADE"), nullable=True),
    Column("filename", Text, nullable=False),
    Column("content_type", String(100), nullable=True),
    Column("max_bytes", BigInteger, nullable=False),
    Column("fields", Json, nullable=False),  # the metadata of the image
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
    Index("ix_upload_slots_owner_id", "owner_id"),
)


receipts = Table(  # first answers to requests with an Idempotency-Key
    "receipts",
    metadata,
    Column("principal", String(64), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("status", Integer, nullable=False),
    Column("headers", Json, nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
    sqlite_with_rowid=False,
)
