"""The processor time that decoding an original is predicted to take."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the column; existing rows have no prediction, and get a careful one when used."""
    op.add_column("images", sa.Column("decode_seconds", sa.Float, nullable=True))
