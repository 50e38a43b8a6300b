"""Pictures of guests wait until their owner accepts them; the search finds those that wait."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from imagesvc.store.db.sqlite.migrations.triggers import amend_trigger

revision = "0018"
down_revision = "0017"

FAVOURITE = "iif(i.is_favourite, ' isfavourite', '')"
KEY = (FAVOURITE, f"{FAVOURITE} || iif(i.awaits_review, ' iswaiting', '')")
AMENDED = {
    "image_search_insert": (KEY,),
    "image_search_update": (KEY, (", is_favourite", ", is_favourite, awaits_review")),
    "image_search_colors": (KEY,),
}


def upgrade() -> None:
    """Add the column, and amend the triggers; pictures that were accepted before do not wait."""
    op.add_column(
        "images", sa.Column("awaits_review", sa.Boolean, nullable=False, server_default="0")
    )
    for name, changes in AMENDED.items():
        amend_trigger(name, changes)


def downgrade() -> None:
    """Older code would show pictures that wait."""
    raise NotImplementedError("Restore a backup instead.")
