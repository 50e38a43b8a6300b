"""The names of blobs in their store; NULL where it is the digest, as it is for all before."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from imagesvc.store.db.sqlite.migrations.texts import short_text

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Add the columns."""
    for name in ("name", "mezzanine_name"):
        op.add_column("blobs", sa.Column(name, short_text(97), nullable=True))


def downgrade() -> None:
    """Drop the columns."""
    for name in ("name", "mezzanine_name"):
        op.drop_column("blobs", name)
