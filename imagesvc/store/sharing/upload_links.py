"""Queries about links for uploads, and about the files and bytes that they still accept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, bindparam, delete, insert, or_, select, update

from imagesvc.errors import NO_SUCH_ID, NotFound
from imagesvc.model.ids import CollectionId, UploadLinkId, UserId
from imagesvc.model.images import Viewer
from imagesvc.model.sharing import UploadLink
from imagesvc.store.db.database import Database
from imagesvc.store.db.pages import Page, newest, page_of
from imagesvc.store.db.schema.accounts import users
from imagesvc.store.db.schema.sharing import upload_links

EDITABLE = ("title", "expires_at", "max_files", "max_bytes")


class UploadLinkStore:
    """The links for uploads of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, link: UploadLink) -> None:
        """Insert a link."""
        values = {column.name: getattr(link, column.name) for column in upload_links.columns}
        await self._database.write(
            lambda connection: connection.execute(insert(upload_links), [values]), wakes=False
        )

    async def get(self, link_id: UploadLinkId) -> UploadLink:
        """The link with this id.

        Raises:
            NotFound: there is none.
        """
        return await self._database.read(lambda connection: _get(connection, link_id))

    async def of_token(self, token_sha256: str) -> UploadLink | None:
        """The link of a token, unless its owner has been disabled."""
        row = await self._database.read(
            lambda connection: connection.execute(_OF_TOKEN, {"token": token_sha256}).first()
        )
        return None if row is None else _link(row)

    async def page(self, viewer: Viewer, *, limit: int, after: UUID | None) -> Page[UploadLink]:
        """Links, the newest first, older than `after`."""
        seen = select(upload_links)
        if not viewer.sees_all:
            seen = seen.where(upload_links.c.owner_id == viewer.owner_id)
        query = newest(seen, upload_links.c.id, limit=limit, after=after)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return page_of(rows, limit, _link)

    async def edit(
        self, link_id: UploadLinkId, change: Callable[[UploadLink], UploadLink]
    ) -> UploadLink:
        """Change the editable fields, in one transaction; `change` depends on nothing else.

        Raises:
            NotFound: there is no such link.
        """

        def work(connection: Connection) -> UploadLink:
            changed = change(_get(connection, link_id))
            values = {name: getattr(changed, name) for name in EDITABLE}
            query = update(upload_links).where(upload_links.c.id == link_id)
            connection.execute(query.values(values))
            return changed

        return await self._database.write(work, wakes=False)

    async def remove(self, link_id: UploadLinkId) -> None:
        """Delete a link, which ends it immediately; the images stay.

        Raises:
            NotFound: there is none.
        """
        query = delete(upload_links).where(upload_links.c.id == link_id)
        if not await self._database.write(
            lambda connection: connection.execute(query).rowcount, wakes=False
        ):
            raise NotFound(NO_SUCH_ID)

    async def charge(self, link_id: UploadLinkId, size: int, *, now: datetime) -> bool:
        """Count a file before it is accepted; whether the link still accepts it."""
        values = {"link": link_id, "size": size, "now": now}
        return await self._database.write(
            lambda connection: connection.execute(_CHARGE, values).rowcount == 1, wakes=False
        )

    async def refund(self, link_id: UploadLinkId, size: int) -> None:
        """Count a file no more, since it was not accepted."""
        values = {"link": link_id, "size": size}
        await self._database.write(
            lambda connection: connection.execute(_REFUND, values), wakes=False
        )


def _get(connection: Connection, link_id: UploadLinkId) -> UploadLink:
    row = connection.execute(select(upload_links).where(upload_links.c.id == link_id)).first()
    if row is None:
        raise NotFound(NO_SUCH_ID)
    return _link(row)


def _link(row: Row[Any]) -> UploadLink:
    return UploadLink(
        id=UploadLinkId(row.id),
        owner_id=None if row.owner_id is None else UserId(row.owner_id),
        token_sha256=row.token_sha256,
        title=row.title,
        collection_id=CollectionId(row.collection_id),
        max_files=row.max_files,
        max_bytes=row.max_bytes,
        created_at=row.created_at,
        expires_at=row.expires_at,
        files=row.files,
        bytes=row.bytes,
    )


_OF_TOKEN = (
    select(upload_links)
    .join_from(upload_links, users, users.c.id == upload_links.c.owner_id, isouter=True)
    .where(upload_links.c.token_sha256 == bindparam("token"), users.c.is_disabled.is_not(True))
)
_CHARGE = (
    update(upload_links)
    .where(
        upload_links.c.id == bindparam("link"),
        upload_links.c.files < upload_links.c.max_files,
        upload_links.c.bytes + bindparam("size") <= upload_links.c.max_bytes,
        or_(upload_links.c.expires_at.is_(None), upload_links.c.expires_at > bindparam("now")),
    )
    .values(files=upload_links.c.files + 1, bytes=upload_links.c.bytes + bindparam("size"))
)
_REFUND = (
    update(upload_links)
    .where(upload_links.c.id == bindparam("link"))
    .values(files=upload_links.c.files - 1, bytes=upload_links.c.bytes - bindparam("size"))
)
