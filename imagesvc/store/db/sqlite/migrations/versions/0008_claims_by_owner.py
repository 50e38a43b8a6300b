"""Pending jobs are found by owner and by the time when they are due, upload URLs by owner."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

PENDING = "coalesce(status, status) = 'pending'"


def upgrade() -> None:
    """Replace the index by lane with one by owner, and add the other two."""
    op.drop_index("ix_jobs_pending", "jobs")
    _index("ix_jobs_pending_of_owner", ["owner_id", "lane", "due_at", "id"], PENDING)
    _index("ix_jobs_pending_due_at", ["due_at"], PENDING)
    op.create_index("ix_upload_slots_owner_id", "upload_slots", ["owner_id"])


def downgrade() -> None:
    """Put the index by lane back."""
    op.drop_index("ix_upload_slots_owner_id", "upload_slots")
    op.drop_index("ix_jobs_pending_due_at", "jobs")
    op.drop_index("ix_jobs_pending_of_owner", "jobs")
    _index("ix_jobs_pending", ["lane", "id"], "status = 'pending'")


def _index(name: str, columns: list[str], where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, "jobs", columns, sqlite_where=condition, postgresql_where=condition)
