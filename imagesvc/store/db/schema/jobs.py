"""Jobs and their operations."""

from __future__ import annotations

from sqlalchemy import (
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

from imagesvc.store.db.schema.columns import Instant, partial
from imagesvc.store.db.schema.images import images
from imagesvc.store.db.schema.metadata import metadata

PENDING = "coalesce(status, status) = 'pending'"
"""The condition of the indexes of pending jobs; a query that has it uses those.

With `status = 'pending'`, SQLite's planner would read all pending jobs from the index by status.
"""


jobs = Table(
    "jobs",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("image_id", Uuid, ForeignKey(images.c.id, ondelete="CASCADE"), nullable=False),
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
    Column("claim", Uuid, nullable=True),  # of the worker that runs it, where there are several
    *(
        Index(name, *columns, **partial(text(PENDING)))
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
    Column("job_id", Uuid, ForeignKey(jobs.c.id, ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("name", String(64), nullable=True),
    Column("transform", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("error_code", String(64), nullable=True),
    Column("error_detail", Text, nullable=True),
    sqlite_with_rowid=False,
)
