"""First tables: blobs, images, jobs and their operations, variants."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from imagesvc.store.db.schema.columns import Instant

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "blobs",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
    )
    op.create_table(
        "images",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("sha256", sa.String(64), sa.ForeignKey("blobs.sha256"), nullable=False),
        sa.Column("format", sa.String(16), nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("frames", sa.Integer, nullable=False),
        sa.Column("has_alpha", sa.Boolean, nullable=False),
        sa.Column("decode_bytes", sa.BigInteger, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("filename", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("tags", sa.JSON, nullable=False),
        sa.Column("exif", sa.JSON, nullable=False),
        sa.Column("visibility", sa.String(16), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("job_id", sa.Uuid, nullable=True),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("updated_at", Instant, nullable=False),
        sa.Column("completed_at", Instant, nullable=True),
    )
    op.create_index("ix_images_sha256", "images", ["sha256"])
    op.create_table(
        "jobs",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column(
            "image_id", sa.Uuid, sa.ForeignKey("images.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("lane", sa.Integer, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("interruptions", sa.Integer, nullable=False),
        sa.Column("error_code", sa.String(64), nullable=True),
        sa.Column("error_detail", sa.Text, nullable=True),
        sa.Column("due_at", Instant, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("started_at", Instant, nullable=True),
        sa.Column("finished_at", Instant, nullable=True),
    )
    pending = sa.text("status = 'pending'")
    op.create_index(
        "ix_jobs_pending", "jobs", ["lane", "id"], sqlite_where=pending, postgresql_where=pending
    )
    op.create_index("ix_jobs_status_id", "jobs", ["status", "id"])
    op.create_index("ix_jobs_image_id_id", "jobs", ["image_id", "id"])
    op.create_table(
        "job_operations",
        sa.Column(
            "job_id", sa.Uuid, sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(64), nullable=True),
        sa.Column("transform", sa.Text, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("error_code", sa.String(64), nullable=True),
        sa.Column("error_detail", sa.Text, nullable=True),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "variants",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column(
            "sha256",
            sa.String(64),
            sa.ForeignKey("blobs.sha256", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("transform", sa.Text, nullable=False),
        sa.Column("format", sa.String(16), nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("crc32", sa.BigInteger, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("last_used_at", Instant, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_variants_sha256_last_used_at", "variants", ["sha256", "last_used_at"])
    op.create_index("ix_variants_last_used_at", "variants", ["last_used_at"])


def downgrade() -> None:
    """Drop the tables."""
    for table in ("variants", "job_operations", "jobs", "images", "blobs"):
        op.drop_table(table)
