"""Images that expire."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from imagesvc.store.db.schema.columns import Instant

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add the column and its index; earlier uploads never expire."""
    op.add_column("images", sa.Column("expires_at", Instant, nullable=True))
    expires = sa.text("expires_at IS NOT NULL")
    op.create_index(
        "ix_images_expires_at_number", "images", ["expires_at", "number"],
        sqlite_where=expires, postgresql_where=expires,
    )  # fmt: skip


def downgrade() -> None:
    """Older code would show images that have expired."""
    raise NotImplementedError("Restore a backup instead.")
