"""Queries about shares, and about the views that they count."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, bindparam, delete, insert, or_, select, update

from imagesvc.errors import NO_SUCH_ID, NotFound
from imagesvc.model.ids import CollectionId, ImageId, ShareId, UserId
from imagesvc.model.images import Viewer
from imagesvc.model.sharing import Share, ShareTarget
from imagesvc.store.db.database import Database
from imagesvc.store.db.pages import Page, newest, page_of
from imagesvc.store.db.schema.accounts import users
from imagesvc.store.db.schema.sharing import shares

EDITABLE = (
    "title", "password_hash", "expires_at", "max_views", "allow_download", "show_metadata",
)  # fmt: skip


class ShareStore:
    """The shares of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, share: Share) -> None:
        """Insert a share."""
        values = {column.name: getattr(share, column.name) for column in shares.columns}
        await self._database.write(
            lambda connection: connection.execute(insert(shares), [values]), wakes=False
        )

    async def get(self, share_id: ShareId) -> Share:
        """The share with this id.

        Raises:
            NotFound: there is none.
        """
        return await self._database.read(lambda connection: _get(connection, share_id))

    async def of_token(self, token_sha256: str) -> Share | None:
        """The share of a token, unless its owner has been disabled."""
        row = await self._database.read(
            lambda connection: connection.execute(_OF_TOKEN, {"token": token_sha256}).first()
        )
        return None if row is None else _share(row)

    async def page(self, viewer: Viewer, *, limit: int, after: UUID | None) -> Page[Share]:
        """Shares, the newest first, older than `after`."""
        seen = select(shares)
        if not viewer.sees_all:
            seen = seen.where(shares.c.owner_id == viewer.owner_id)
        query = newest(seen, shares.c.id, limit=limit, after=after)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return page_of(rows, limit, _share)

    async def edit(self, share_id: ShareId, change: Callable[[Share], Share]) -> Share:
        """Change the editable fields, in one transaction; `change` depends on nothing else.

        Raises:
            NotFound: there is no such share.
        """

        def work(connection: Connection) -> Share:
            changed = change(_get(connection, share_id))
            values = {name: getattr(changed, name) for name in EDITABLE}
            connection.execute(update(shares).where(shares.c.id == share_id).values(values))
            return changed

        return await self._database.write(work, wakes=False)

    async def remove(self, share_id: ShareId) -> None:
        """Delete a share, which ends it immediately.

        Raises:
            NotFound: there is none.
        """
        query = delete(shares).where(shares.c.id == share_id)
        if not await self._database.write(
            lambda connection: connection.execute(query).rowcount, wakes=False
        ):
            raise NotFound(NO_SUCH_ID)

    async def count_view(self, share_id: ShareId, *, now: datetime) -> bool:
        """Count a view, unless there have been as many as allowed; whether it was counted."""
        values = {"share": share_id, "now": now}
        return await self._database.write(
            lambda connection: connection.execute(_COUNT_VIEW, values).rowcount == 1, wakes=False
        )


def _get(connection: Connection, share_id: ShareId) -> Share:
    row = connection.execute(select(shares).where(shares.c.id == share_id)).first()
    if row is None:
        raise NotFound(NO_SUCH_ID)
    return _share(row)


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


_OF_TOKEN = (
    select(shares)
    .join_from(shares, users, users.c.id == shares.c.owner_id, isouter=True)
    .where(shares.c.token_sha256 == bindparam("token"), users.c.is_disabled.is_not(True))
)
_COUNT_VIEW = (
    update(shares)
    .where(
        shares.c.id == bindparam("share"),
        or_(shares.c.max_views.is_(None), shares.c.views < shares.c.max_views),
    )
    .values(views=shares.c.views + 1, last_viewed_at=bindparam("now"))
)
