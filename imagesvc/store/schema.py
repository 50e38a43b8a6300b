"""The tables. `migrations/` brings a database to this shape; a test holds the two together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    Uuid,
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
    Column("mezzanine_sha256", String(64), nullable=True, index=True),  # a blob of its own
    Column("mezzanine_format", String(16), nullable=True),
    Column("mezzanine_width", Integer, nullable=True),
    Column("mezzanine_height", Integer, nullable=True),
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
)

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
    Index(
        "ix_jobs_pending", "lane", "id", sqlite_where=text("status = 'pending'"),
        postgresql_where=text("status = 'pending'"),
    ),
    Index("ix_jobs_status_id", "status", "id"),
    Index("ix_jobs_image_id_id", "image_id", "id"),
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
    Column("sha256", String(64), ForeignKey("blobs.sha256", ondelete="CASCADE"), nullable=False),
    Column("transform", Text, nullable=False),
    Column("format", String(16), nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("crc32", BigInteger, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("last_used_at", Instant, nullable=False),
    Index("ix_variants_sha256_last_used_at", "sha256", "last_used_at"),
    Index("ix_variants_last_used_at", "last_used_at"),
    sqlite_with_rowid=False,
)
