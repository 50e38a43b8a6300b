"""Collections that are found by their title, for files whose folder names it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, insert, select

from imagesvc.model.ids import CollectionId, UserId, new_id
from imagesvc.model.images import Visibility
from imagesvc.store.db.schema.images import collections


def find_or_make(
    connection: Connection,
    title: str,
    owner_id: UserId | None,
    visibility: Visibility,
    now: datetime,
) -> CollectionId:
    """The owner's oldest collection with a title, which is made if there is none."""
    query = (
        select(collections.c.id)
        .where(collections.c.owner_id.is_not_distinct_from(owner_id))
        .where(collections.c.title == title)
        .order_by(collections.c.id)
        .limit(1)
    )
    found = connection.scalar(query)
    if found is not None:
        return CollectionId(found)
    made = CollectionId(new_id())
    row = {
        "id": made, "owner_id": owner_id, "title": title, "description": "",
        "visibility": visibility, "image_count": 0, "version": 1,
        "created_at": now, "updated_at": now,
    }  # fmt: skip
    connection.execute(insert(collections), [row])
    return made
