"""Archives to download, and saved searches."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from imagesvc.store.db.schema.columns import Instant

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Create the tables."""
    tables: dict[str, list[sa.Column[Any]]] = {
        "archives": [
            sa.Column("image_ids", sa.JSON, nullable=False),
            sa.Column("preset", sa.String(64), nullable=True),
            sa.Column("created_at", Instant, nullable=False),
            sa.Column("expires_at", Instant, nullable=False, index=True),
        ],
        "searches": [
            sa.Column("name", sa.Text, nullable=False),
            sa.Column("q", sa.Text, nullable=False),
            sa.Column("created_at", Instant, nullable=False),
            sa.Column("updated_at", Instant, nullable=False),
        ],
    }
    for name, columns in tables.items():
        owner = sa.ForeignKey("users.id", ondelete="CASCADE")
        op.create_table(
            name,
            sa.Column("id", sa.Uuid, primary_key=True),
            sa.Column("user_id", sa.Uuid, owner, nullable=True),
            *columns,
        )
        op.create_index(f"ix_{name}_user_id_id", name, ["user_id", "id"])


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("searches")
    op.drop_table("archives")
