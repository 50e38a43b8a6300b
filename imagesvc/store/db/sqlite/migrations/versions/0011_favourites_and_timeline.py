"""Favourites; indexes that count the images of a month; the search follows corrected dates."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from imagesvc.store.db.sqlite.migrations.triggers import amend_trigger

revision = "0011"
down_revision = "0010"

OF_OWNER = "ix_images_owner_id_trashed_at_dated_at_number"
OF_COLLECTION = "ix_images_collection_id_trashed_at_dated_at_number"
PALETTE = "FROM json_each(b.palette_lab)), '')"
KEY = (PALETTE, f"{PALETTE} || iif(i.is_favourite, ' isfavourite', '')")
AMENDED = {
    "image_search_insert": (KEY,),
    "image_search_update": (KEY, (" ON images", ", dated_at, is_favourite ON images")),
    "image_search_colors": (KEY,),
}


def upgrade() -> None:
    """Add the column and the indexes, and amend the triggers."""
    op.add_column(
        "images", sa.Column("is_favourite", sa.Boolean, nullable=False, server_default="0")
    )
    op.drop_index(OF_OWNER, "images")
    columns = ["trashed_at", "dated_at", "number"]
    op.create_index(OF_OWNER, "images", ["owner_id", *columns, "visibility"])
    op.create_index(OF_COLLECTION, "images", ["collection_id", *columns])
    for name, changes in AMENDED.items():
        amend_trigger(name, changes)


def downgrade() -> None:
    """Older code has other triggers."""
    raise NotImplementedError("Restore a backup instead.")
