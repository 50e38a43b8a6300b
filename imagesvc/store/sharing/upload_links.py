"""Queries about links for uploads, and about the files and bytes that they still accept."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, exists, or_, update

from imagesvc.model.ids import CollectionId, UploadLinkId, UserId
from imagesvc.model.sharing import UploadLink
from imagesvc.store.db.database import Database
from imagesvc.store.db.schema.accounts import users
from imagesvc.store.db.schema.sharing import upload_links
from imagesvc.store.sharing.links import LinkStore

EDITABLE = ("title", "expires_at", "max_files", "max_bytes")


class UploadLinkStore(LinkStore[UploadLink]):
    """The links for uploads of one database; images stay when their link is deleted."""

    def __init__(self, database: Database, max_of_owner: int) -> None:
        super().__init__(database, upload_links, _link, EDITABLE, max_of_owner)

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


_CHARGE = (
    update(upload_links)
    .where(
        upload_links.c.id == bindparam("link"),
        upload_links.c.files < upload_links.c.max_files,
        upload_links.c.bytes + bindparam("size") <= upload_links.c.max_bytes,
        or_(upload_links.c.expires_at.is_(None), upload_links.c.expires_at > bindparam("now")),
        ~exists().where(users.c.id == upload_links.c.owner_id, users.c.is_disabled),
    )
    .values(files=upload_links.c.files + 1, bytes=upload_links.c.bytes + bindparam("size"))
)
_REFUND = (
    update(upload_links)
    .where(upload_links.c.id == bindparam("link"))
    .values(files=upload_links.c.files - 1, bytes=upload_links.c.bytes - bindparam("size"))
)
