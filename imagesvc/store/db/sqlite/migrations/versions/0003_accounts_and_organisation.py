"""Accounts and owners, collections, presigned uploads, receipts, events and webhooks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from imagesvc.store.db.schema.columns import Instant

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the tables; existing images and jobs have no owner."""
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("name", sa.String(64), nullable=False, unique=True),
        sa.Column("password_hash", sa.Text, nullable=True),
        sa.Column("is_admin", sa.Boolean, nullable=False),
        sa.Column("is_disabled", sa.Boolean, nullable=False),
        sa.Column("image_count", sa.BigInteger, nullable=False),
        sa.Column("image_bytes", sa.BigInteger, nullable=False),
        sa.Column("quota_images", sa.BigInteger, nullable=True),
        sa.Column("quota_bytes", sa.BigInteger, nullable=True),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("subject", sa.Text, nullable=True, unique=True),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column(
            "user_id", sa.Uuid, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("secret_sha256", sa.String(64), nullable=False),
        sa.Column("scopes", sa.JSON, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("expires_at", Instant, nullable=True),
        sa.Column("last_used_at", Instant, nullable=True),
    )
    op.create_table(
        "logins",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column(
            "user_id", sa.Uuid, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("refresh_sha256", sa.String(64), nullable=False),
        sa.Column("scopes", sa.JSON, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("expires_at", Instant, nullable=False),
    )
    op.create_table(
        "collections",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("owner_id", sa.Uuid, sa.ForeignKey("users.id"), nullable=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("visibility", sa.String(16), nullable=False),
        sa.Column("image_count", sa.BigInteger, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("updated_at", Instant, nullable=False),
    )
    op.create_table(
        "upload_slots",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column(
            "owner_id", sa.Uuid, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=True
        ),
        sa.Column("filename", sa.Text, nullable=False),
        sa.Column("content_type", sa.String(100), nullable=True),
        sa.Column("max_bytes", sa.BigInteger, nullable=False),
        sa.Column("fields", sa.JSON, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("expires_at", Instant, nullable=False),
    )
    op.create_table(
        "receipts",
        sa.Column("principal", sa.String(64), primary_key=True),
        sa.Column("key", sa.String(255), primary_key=True),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("headers", sa.JSON, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("expires_at", Instant, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("owner_id", sa.Uuid, nullable=True),
        sa.Column("type", sa.String(64), nullable=False),
        sa.Column("subject_id", sa.Uuid, nullable=False),
        sa.Column("data", sa.JSON, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "webhooks",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column(
            "owner_id", sa.Uuid, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=True
        ),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("secret", sa.Text, nullable=False),
        sa.Column("event_types", sa.JSON, nullable=False),
        sa.Column("is_enabled", sa.Boolean, nullable=False),
        sa.Column("last_event_id", sa.BigInteger, nullable=False),
        sa.Column("failing_since", Instant, nullable=True),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("updated_at", Instant, nullable=False),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column(
            "webhook_id", sa.Uuid, sa.ForeignKey("webhooks.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("event_id", sa.BigInteger, nullable=True),
        sa.Column("event_type", sa.String(64), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due_at", Instant, nullable=False),
        sa.Column("answer_status", sa.Integer, nullable=True),
        sa.Column("error", sa.Text, nullable=True),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("finished_at", Instant, nullable=True),
    )
    _add_reference("images", "owner_id", "users")
    _add_reference("images", "collection_id", "collections")
    op.add_column("images", sa.Column("version", sa.Integer, nullable=False, server_default="1"))
    op.add_column("jobs", sa.Column("owner_id", sa.Uuid, nullable=True))
    op.create_index("ix_api_keys_user_id_id", "api_keys", ["user_id", "id"])
    op.create_index("ix_logins_user_id", "logins", ["user_id"])
    op.create_index("ix_logins_expires_at", "logins", ["expires_at"])
    op.create_index("ix_collections_owner_id_id", "collections", ["owner_id", "id"])
    op.create_index("ix_collections_visibility_id", "collections", ["visibility", "id"])
    op.create_index("ix_upload_slots_expires_at", "upload_slots", ["expires_at"])
    op.create_index("ix_receipts_expires_at", "receipts", ["expires_at"])
    op.create_index("ix_events_owner_id_id", "events", ["owner_id", "id"])
    op.create_index("ix_events_created_at", "events", ["created_at"])
    op.create_index("ix_webhooks_owner_id_id", "webhooks", ["owner_id", "id"])
    op.create_index(
        "ix_webhook_deliveries_webhook_id_id", "webhook_deliveries", ["webhook_id", "id"]
    )
    op.create_index("ix_webhook_deliveries_finished_at", "webhook_deliveries", ["finished_at"])
    pending = sa.text("status = 'pending'")
    for name, column in (("pending", "due_at"), ("waiting", "webhook_id")):
        op.create_index(
            f"ix_webhook_deliveries_{name}",
            "webhook_deliveries",
            [column],
            sqlite_where=pending,
            postgresql_where=pending,
        )
    op.create_index("ix_images_owner_id_id", "images", ["owner_id", "id"])
    op.create_index("ix_images_visibility_id", "images", ["visibility", "id"])
    op.create_index("ix_images_collection_id_id", "images", ["collection_id", "id"])
    op.create_index("ix_jobs_owner_id_id", "jobs", ["owner_id", "id"])
    op.create_index("ix_jobs_owner_id_status_id", "jobs", ["owner_id", "status", "id"])


def _add_reference(table: str, column: str, to: str) -> None:
    """In one statement, since SQLite adds no constraint to a column that is there."""
    kind = sa.Uuid().compile(dialect=op.get_bind().dialect)
    op.execute(f"ALTER TABLE {table} ADD COLUMN {column} {kind} REFERENCES {to} (id)")


def downgrade() -> None:
    """Drop the tables; SQLite drops no column with a reference, so the owners stay."""
    raise NotImplementedError("Restore a backup instead.")
