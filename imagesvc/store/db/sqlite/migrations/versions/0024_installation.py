"""The id of the installation; the next start of a server makes it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    """Make the table."""
    op.create_table("installation", sa.Column("id", sa.Uuid, primary_key=True))


def downgrade() -> None:
    """Remove it."""
    op.drop_table("installation")
