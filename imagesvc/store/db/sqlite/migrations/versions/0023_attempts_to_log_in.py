"""Attempts to log in, which nodes of PostgreSQL count together; SQLite has one node."""

from __future__ import annotations

from alembic import op

from imagesvc.store.db.postgres import LOGINS

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Make the tables."""
    if op.get_bind().dialect.name == "postgresql":
        op.get_bind().exec_driver_sql(LOGINS.read_text())


def downgrade() -> None:
    """Remove them."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TABLE log_in_tries, known_log_ins")
