"""The purges that a CDN has not received yet."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, Table, Uuid

from imagesvc.store.db.schema.columns import Instant
from imagesvc.store.db.schema.metadata import metadata

cdn_purges = Table(  # no foreign key: most are of deleted images
    "cdn_purges",
    metadata,
    Column("image_id", Uuid, primary_key=True),
    Column("generation", Integer, nullable=False),  # how often it was requested meanwhile
    Column("requested_at", Instant, nullable=False, index=True),
)

cdn_position = Table(  # at most one row
    "cdn_position",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("last_event_id", BigInteger, nullable=False),
)
