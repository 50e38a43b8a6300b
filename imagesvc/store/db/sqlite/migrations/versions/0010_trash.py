"""The trash: images that are hidden until they are restored or deleted.

Lists are walked along indexes that begin with whose images they are and whether they are in the
trash. Images in the trash have no row in `image_search`.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from imagesvc.store.db.schema.columns import Instant
from imagesvc.store.db.sqlite.migrations.triggers import amend_trigger

revision = "0010"
down_revision = "0009"

KEYS = (("number",), ("dated_at", "number"), ("bytes", "number"), ("name_key", "number"))
LISTED: Sequence[tuple[str, tuple[str, ...]]] = (
    ("collection_id", ("id",)),
    ("collection_id", ("number",)),
    *((whose, keys) for whose in ("owner_id", "visibility") for keys in KEYS),
)
AMENDED = {
    "image_search_update": (
        (" ON images", ", trashed_at ON images"),
        ("WHERE i.id = NEW.id;", "WHERE i.id = NEW.id AND i.trashed_at IS NULL;"),
    ),
    "image_search_colors": (
        ("WHERE i.sha256 = NEW.sha256;", "WHERE i.sha256 = NEW.sha256 AND i.trashed_at IS NULL;"),
    ),
}
"""What changes in the text of triggers: the first occurrence of each."""


def upgrade() -> None:
    """Add the column, and replace the indexes and triggers that depend on it."""
    op.add_column("images", sa.Column("trashed_at", Instant, nullable=True))
    is_trashed = sa.text("trashed_at IS NOT NULL")
    op.create_index(
        "ix_images_trashed_at", "images", ["trashed_at"],
        sqlite_where=is_trashed, postgresql_where=is_trashed,
    )  # fmt: skip
    for whose, keys in LISTED:
        op.drop_index(f"ix_images_{whose}_{'_'.join(keys)}", "images")
        name = f"ix_images_{whose}_trashed_at_{'_'.join(keys)}"
        op.create_index(name, "images", [whose, "trashed_at", *keys])
    for name, changes in AMENDED.items():
        amend_trigger(name, changes)


def downgrade() -> None:
    """Older code would show what is in the trash."""
    raise NotImplementedError("Restore a backup instead.")
