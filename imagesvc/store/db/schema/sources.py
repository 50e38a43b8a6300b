"""Watched sources, and the files that were found in them."""

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
from imagesvc.store.db.schema.columns import Instant, Json
from imagesvc.store.db.schema.metadata import metadata

sources = Table(
    "sources",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("owner_id", Uuid, ForeignKey(users.c.id, ondelete="CASCADE"), nullable=True),
    Column("kind", String(16), nullable=False),
    Column("address", Text, nullable=False),
    Column("interval_seconds", Integer, nullable=False),
    Column("collection", Text, nullable=False),  # a template
    Column("tags", Json, nullable=False),
    Column("visibility", String(16), nullable=True),
    Column("on_vanish", String(16), nullable=False),
    Column("is_enabled", Boolean, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("next_scan_at", Instant, nullable=False),
    Column("result", Json, nullable=True),  # of the last scan
    Column("state", Json, nullable=False),  # of its reader
    Index("ix_sources_owner_id", "owner_id"),
)


source_entries = Table(
    "source_entries",
    metadata,
    Column("source_id", Uuid, ForeignKey(sources.c.id, ondelete="CASCADE"), primary_key=True),
    Column("path", Text, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("mark", Text, nullable=False),
    Column("sha256", String(64), nullable=True),  # NULL: it was not accepted
    Column("image_id", Uuid, nullable=True),  # no foreign key: it stays when the image is deleted
    Column("is_gone", Boolean, nullable=False),
    sqlite_with_rowid=False,
)
