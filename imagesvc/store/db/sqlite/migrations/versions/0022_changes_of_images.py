"""What nodes of PostgreSQL tell each other of changed images; SQLite has one node."""

from __future__ import annotations

from alembic import op

from imagesvc.store.db.postgres import CHANGES

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Make the tables and triggers."""
    if op.get_bind().dialect.name == "postgresql":
        op.get_bind().exec_driver_sql(CHANGES.read_text())


def downgrade() -> None:
    """Remove them."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER note_changed_blob ON blobs")
        op.execute("DROP TRIGGER note_changed_image ON images")
        op.execute("DROP TRIGGER note_deleted_image ON images")
        for name in ("note_changed_blob()", "note_changed_image()", "note_image_change(uuid)"):
            op.execute(f"DROP FUNCTION {name}")
        op.execute("DROP TABLE nodes, image_changes")
