"""Events, webhooks, and their deliveries."""

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
    text,
)

from imagesvc.store.db.schema.accounts import users
from imagesvc.store.db.schema.columns import Instant, Json, partial
from imagesvc.store.db.schema.metadata import metadata

events = Table(
    "events",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("owner_id", Uuid, nullable=True),
    Column("type", String(64), nullable=False),
    Column("subject_id", Uuid, nullable=False),
    Column("data", Json, nullable=False),
    Column("created_at", Instant, nullable=False, index=True),
    Index("ix_events_owner_id_id", "owner_id", "id"),
    sqlite_autoincrement=True,  # ids of deleted events must not be used again
)


webhooks = Table(
    "webhooks",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("owner_id", Uuid, ForeignKey(users.c.id, ondelete="CASCADE"), nullable=True),
    Column("url", Text, nullable=False),
    Column("secret", Text, nullable=False),
    Column("event_types", Json, nullable=False),
    Column("is_enabled", Boolean, nullable=False),
    Column("last_event_id", BigInteger, nullable=False),
    Column("failing_since", Instant, nullable=True),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Index("ix_webhooks_owner_id_id", "owner_id", "id"),
)


webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column(
        "webhook_id", Uuid, ForeignKey(webhooks.c.id, ondelete="CASCADE"), nullable=False
    ),
    Column("event_id", BigInteger, nullable=True),
    Column("event_type", String(64), nullable=False),
    Column("body", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("answer_status", Integer, nullable=True),
    Column("error", Text, nullable=True),
    Column("created_at", Instant, nullable=False),
    Column("finished_at", Instant, nullable=True, index=True),
    Index("ix_webhook_deliveries_webhook_id_id", "webhook_id", "id"),
    Index(
        "ix_webhook_deliveries_pending", "due_at", **partial(text("status = 'pending'")),
    ),
    Index(
        "ix_webhook_deliveries_waiting", "webhook_id", **partial(text("status = 'pending'")),
    ),
)  # fmt: skip
