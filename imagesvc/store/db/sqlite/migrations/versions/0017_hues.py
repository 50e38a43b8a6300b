"""The names of the colours of images, which searches find.

`keys` of `image_search` has them only for images whose own job has analysed them: the colours of
a file that another user has uploaded, too, would reveal that upload.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from imagesvc.store.db.sqlite.migrations.triggers import amend_trigger
from imagesvc.store.search.hues import hues_of

revision = "0017"
down_revision = "0016"

BATCH = 1_000
FAVOURITE = "|| iif(i.is_favourite, ' isfavourite', '')"
HUES = """coalesce((SELECT group_concat(' h' || value, '')
                 FROM json_each(b.hues) WHERE i.is_analysed), '')"""
KEY = (FAVOURITE, f"{FAVOURITE}\n    || {HUES}")
INDEXED = f"""
    UPDATE image_search SET keys = keys || coalesce((SELECT {HUES}
        FROM images AS i JOIN blobs AS b ON b.sha256 = i.sha256
        WHERE i.number = image_search.rowid), '')
"""
ANALYSED = """
    CREATE TRIGGER image_search_analysed AFTER UPDATE OF is_analysed ON images
        WHEN NEW.is_analysed IS NOT OLD.is_analysed
            AND (SELECT hues FROM blobs WHERE sha256 = NEW.sha256) IS NOT NULL
        BEGIN UPDATE images SET number = number WHERE id = NEW.id; END
"""


def upgrade() -> None:
    """Add the column, name the colours that are known, and amend the triggers."""
    op.add_column("blobs", sa.Column("hues", sa.JSON, nullable=True))
    _fill()
    op.execute(INDEXED)
    for name in ("image_search_insert", "image_search_update", "image_search_colors"):
        amend_trigger(name, (KEY,))
    op.get_bind().exec_driver_sql(ANALYSED)


def _fill() -> None:
    blobs = sa.table(
        "blobs", sa.column("sha256"), sa.column("palette", sa.JSON), sa.column("hues", sa.JSON)
    )
    change = (
        sa.update(blobs)
        .where(blobs.c.sha256 == sa.bindparam("of"))
        .values(hues=sa.bindparam("hues"))
    )
    query = sa.select(blobs.c.sha256, blobs.c.palette).where(blobs.c.palette.is_not(None))
    values = [
        {"of": row.sha256, "hues": hues_of(row.palette)} for row in op.get_bind().execute(query)
    ]
    for start in range(0, len(values), BATCH):
        op.get_bind().execute(change, values[start : start + BATCH])


def downgrade() -> None:
    """Older code has other triggers."""
    raise NotImplementedError("Restore a backup instead.")
