"""Queries about shares, and about the views that they count."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, or_, update

from imagesvc.model.ids import CollectionId, ImageId, ShareId, UserId
from imagesvc.model.sharing import Share, ShareTarget
from imagesvc.store.db.database import Database
from imagesvc.store.db.schema.sharing import shares
from imagesvc.store.sharing.links import LinkStore

EDITABLE = (
    "title", "password_hash", "expires_at", "max_views", "allow_download", "show_metadata",
)  # fmt: skip


class ShareStore(LinkStore[Share]):
    """The shares of one database."""

    def __init__(self, database: Database, max_of_owner: int) -> None:
        super().__init__(database, shares, _share, EDITABLE, max_of_owner)

    async def count_view(self, share_id: ShareId, *, now: datetime) -> bool:
        """Count a view, unless there have been as many as allowed; whether it was counted."""
        values = {"share": share_id, "now": now}
        return await self._database.write(
            lambda connection: connection.execute(_COUNT_VIEW, values).rowcount == 1, wakes=False
        )


def _share(row: Row[Any]) -> Share:
    return Share(
        id=ShareId(row.id),
        owner_id=None if row.owner_id is None else UserId(row.owner_id),
        token_sha256=row.token_sha256,
        target=ShareTarget(row.target),
        created_at=row.created_at,
        image_id=None if row.image_id is None else ImageId(row.image_id),
        collection_id=None if row.collection_id is None else CollectionId(row.collection_id),
        q=row.q,
        title=row.title,
        password_hash=row.password_hash,
        expires_at=row.expires_at,
        max_views=row.max_views,
        views=row.views,
        allow_download=row.allow_download,
        show_metadata=row.show_metadata,
        last_viewed_at=row.last_viewed_at,
    )


_COUNT_VIEW = (
    update(shares)
    .where(
        shares.c.id == bindparam("share"),
        or_(shares.c.max_views.is_(None), shares.c.views < shares.c.max_views),
    )
    .values(views=shares.c.views + 1, last_viewed_at=bindparam("now"))
)
