"""The tables. `migrations/` brings a database to this shape; a test holds the two together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant: microseconds since the epoch in SQLite, timestamptz elsewhere."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """SQLite has no type for instants, and integers compare as fast as they sort."""
        native = BigInteger() if dialect.name == "sqlite" else DateTime(timezone=True)
        return dialect.type_descriptor(native)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Aware datetime to what the dialect stores."""
        if value is None or dialect.name != "sqlite":
            return value
        return (value - EPOCH) // timedelta(microseconds=1)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """What the dialect stores to an aware datetime."""
        if value is None or dialect.name != "sqlite":
            return value  # type: ignore[no-any-return]  # psycopg returns aware datetimes
        return EPOCH + timedelta(microseconds=value)


SEARCH_TABLE = "image_search"
"""The full-text index, an FTS5 table by `images.number`; triggers keep it. Not in `metadata`, since
SQLAlchemy has no virtual tables: migration 0004 says what its columns hold."""


def is_in_metadata(name: str | None, kind: str, _parents: object) -> bool:
    """Alembic's `include_name`: leaves out the full-text index and the tables FTS5 keeps it in."""
    return kind != "table" or name is None or not name.startswith(SEARCH_TABLE)


def unindexed(column: Column[Any]) -> ColumnElement[Any]:
    """A column that a condition must not look up in an index of its own.

    SQLite's planner does not know that an image has few jobs and a status many, and takes the
    wrong index.
    """
    return func.coalesce(column, column)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

blobs = Table(
    "blobs",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("bytes", BigInteger, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("dominant_color", String(7), nullable=True),
    Column("palette", JSON, nullable=True),
    Column("thumbhash", String(64), nullable=True),
    Column("phash", String(16), nullable=True),
    Column("palette_lab", JSON, nullable=True),  # cell and L*a*b* of each, to be searched
    Column("mezzanine_sha256", String(64), nullable=True, index=True),  # a blob of its own
    Column("mezzanine_format", String(16), nullable=True),
    Column("mezzanine_width", Integer, nullable=True),
    Column("mezzanine_height", Integer, nullable=True),
)

users = Table(
    "users",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("password_hash", Text, nullable=True),  # of argon2; None: no password, keys alone
    Column("is_admin", Boolean, nullable=False),
    Column("is_disabled", Boolean, nullable=False),
    Column("image_count", BigInteger, nullable=False),  # what the quota counts, kept
    Column("image_bytes", BigInteger, nullable=False),  # in the transactions that change it
    Column("quota_images", BigInteger, nullable=True),  # instead of those in the settings
    Column("quota_bytes", BigInteger, nullable=True),
    Column("created_at", Instant, nullable=False),
    Column("subject", Text, nullable=True, unique=True),  # issuer and sub at a provider
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("secret_sha256", String(64), nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=True),
    Column("last_used_at", Instant, nullable=True),
    Index("ix_api_keys_user_id_id", "user_id", "id"),
)

logins = Table(  # each a family of refresh tokens, of which the newest alone is good
    "logins",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("refresh_sha256", String(64), nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
    Index("ix_logins_user_id", "user_id"),
)

collections = Table(
    "collections",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("owner_id", Uuid, ForeignKey("users.id"), nullable=True),
    Column("title", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("visibility", String(16), nullable=False),
    Column("image_count", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Index("ix_collections_owner_id_id", "owner_id", "id"),
    Index("ix_collections_visibility_id", "visibility", "id"),
)

images = Table(
    "images",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("sha256", String(64), ForeignKey("blobs.sha256"), nullable=False, index=True),
    Column("format", String(16), nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("frames", Integer, nullable=False),
    Column("has_alpha", Boolean, nullable=False),
    Column("decode_bytes", BigInteger, nullable=False),
    Column("decode_seconds", Float),
    Column("bytes", BigInteger, nullable=False),
    Column("filename", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("tags", JSON, nullable=False),
    Column("exif", JSON, nullable=False),
    Column("gps", JSON, nullable=True),  # apart from exif: only an owner may see it
    Column("visibility", String(16), nullable=False),
    Column("status", String(16), nullable=False),
    Column("job_id", Uuid, nullable=True),  # its newest job; jobs point back with a foreign key
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("completed_at", Instant, nullable=True),
    Column("owner_id", Uuid, ForeignKey("users.id"), nullable=True),
    Column("collection_id", Uuid, ForeignKey("collections.id"), nullable=True),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("number", Integer, nullable=False, server_default="0"),  # rowid of its `image_search`
    Column("dated_at", Instant, nullable=False, server_default="0"),
    Column("name_key", Text, nullable=False, server_default=""),
    Column("share_location", Boolean, nullable=False, server_default="0"),
    Column("is_analysed", Boolean, nullable=False, server_default="0"),  # by a job of its own
    Index("ix_images_collection_id_id", "collection_id", "id"),
    Index("ix_images_collection_id_number", "collection_id", "number"),
    Index("ix_images_number", "number", unique=True),
    *(
        Index(f"ix_images_{whose}_{'_'.join(keys)}", whose, *keys)
        for whose in ("owner_id", "visibility")
        for keys in (
            ("number",),
            ("dated_at", "number"),
            ("bytes", "number"),
            ("name_key", "number"),
        )
    ),
)

PENDING = "coalesce(status, status) = 'pending'"
"""The condition of the indexes of pending jobs; a query that has it uses those.

With `status = 'pending'`, SQLite's planner would read all pending jobs from the index by status.
"""

jobs = Table(
    "jobs",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("image_id", Uuid, ForeignKey("images.id", ondelete="CASCADE"), nullable=False),
    Column("lane", Integer, nullable=False),
    Column("status", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("interruptions", Integer, nullable=False),  # attempts that a crash of the server ended
    Column("error_code", String(64), nullable=True),
    Column("error_detail", Text, nullable=True),
    Column("due_at", Instant, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("started_at", Instant, nullable=True),
    Column("finished_at", Instant, nullable=True),
    Column("owner_id", Uuid, nullable=True),  # of its image
    *(
        Index(name, *columns, sqlite_where=text(PENDING))
        for name, columns in (
            ("ix_jobs_pending_of_owner", ("owner_id", "lane", "due_at", "id")),
            ("ix_jobs_pending_due_at", ("due_at",)),
        )
    ),
    Index("ix_jobs_status_id", "status", "id"),
    Index("ix_jobs_image_id_id", "image_id", "id"),
    Index("ix_jobs_owner_id_id", "owner_id", "id"),
    Index("ix_jobs_owner_id_status_id", "owner_id", "status", "id"),
)  # fmt: skip

job_operations = Table(
    "job_operations",
    metadata,
    Column("job_id", Uuid, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("name", String(64), nullable=True),
    Column("transform", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("error_code", String(64), nullable=True),
    Column("error_detail", Text, nullable=True),
    sqlite_with_rowid=False,
)

variants = Table(
    "variants",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("image_id", Uuid, ForeignKey("images.id", ondelete="CASCADE"), nullable=False),
    Column("transform", Text, nullable=False),
    Column("format", String(16), nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("crc32", BigInteger, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("last_used_at", Instant, nullable=False),
    Index("ix_variants_image_id_last_used_at", "image_id", "last_used_at"),
    Index("ix_variants_last_used_at", "last_used_at"),
    sqlite_with_rowid=False,
)

phash_bands = Table(  # perceptual hashes by each quarter of their bits; triggers keep it
    "phash_bands",
    metadata,
    Column("band", String(5), primary_key=True),  # which quarter, and its four digits
    Column("phash", String(16), primary_key=True),
    Column("sha256", String(64), primary_key=True),
    sqlite_with_rowid=False,
)

upload_slots = Table(  # presigned uploads that are still to come
    "upload_slots",
    metadata,
    Column("id", Uuid, primary_key=True),  # the id that the image will have
    Column("owner_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), nullable=True),
    Column("filename", Text, nullable=False),
    Column("content_type", String(100), nullable=True),
    Column("max_bytes", BigInteger, nullable=False),
    Column("fields", JSON, nullable=False),  # what was said about the image beforehand
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
    Column("headers", JSON, nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
    sqlite_with_rowid=False,
)

events = Table(
    "events",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("owner_id", Uuid, nullable=True),
    Column("type", String(64), nullable=False),
    Column("subject_id", Uuid, nullable=False),
    Column("data", JSON, nullable=False),
    Column("created_at", Instant, nullable=False, index=True),
    Index("ix_events_owner_id_id", "owner_id", "id"),
    sqlite_autoincrement=True,  # ids of events that are gone must not come again
)

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("owner_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), nullable=True),
    Column("url", Text, nullable=False),
    Column("secret", Text, nullable=False),
    Column("event_types", JSON, nullable=False),
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
        "webhook_id", Uuid, ForeignKey("webhooks.id", ondelete="CASCADE"), nullable=False
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
        "ix_webhook_deliveries_pending", "due_at", sqlite_where=text("status = 'pending'"),
    ),
    Index(
        "ix_webhook_deliveries_waiting", "webhook_id", sqlite_where=text("status = 'pending'"),
    ),
)  # fmt: skip
