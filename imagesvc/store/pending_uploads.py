"""Queries about presigned uploads whose file has not arrived yet."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select

from imagesvc.errors import Conflict, Forbidden, QuotaExceeded
from imagesvc.model.ids import ImageId, UserId
from imagesvc.model.uploads import PendingUpload
from imagesvc.store.accounts import is_disabled
from imagesvc.store.db.database import Database
from imagesvc.store.db.schema.requests import upload_slots

MAX_OF_OWNER = 1000
"""Upload URLs that one user may have at a time; each is a row until it is used or expires."""


class PendingUploadStore:
    """The pending uploads of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, pending: PendingUpload) -> None:
        """Insert a pending upload, and drop those that have expired.

        Raises:
            Forbidden: its owner has been disabled meanwhile.
            QuotaExceeded: its owner has as many as there may be.
        """
        values = {column.name: getattr(pending, column.name) for column in upload_slots.c}
        columns = upload_slots.c

        def work(connection: Connection) -> None:
            if is_disabled(connection, pending.owner_id):
                raise Forbidden("This user is disabled.")
            connection.execute(delete(upload_slots).where(columns.expires_at <= pending.created_at))
            count = select(func.count()).where(columns.owner_id == pending.owner_id)
            if (connection.scalar(count) or 0) >= MAX_OF_OWNER:
                raise QuotaExceeded(
                    f"{MAX_OF_OWNER:,} upload URLs have been made and not been used; "
                    "use them, or wait until they expire."
                )
            connection.execute(insert(upload_slots), [values])

        await self._database.write(work, wakes=False)

    async def find(self, image_id: ImageId) -> PendingUpload | None:
        """The pending upload whose image is to have this id; None when it is used or withdrawn."""
        query = select(upload_slots).where(upload_slots.c.id == image_id)
        row = await self._database.read(lambda connection: connection.execute(query).first())
        if row is None:
            return None
        owner_id = None if row.owner_id is None else UserId(row.owner_id)
        return PendingUpload(**row._asdict() | {"id": ImageId(row.id), "owner_id": owner_id})

    async def usable(self, image_ids: Sequence[ImageId], *, now: datetime) -> set[ImageId]:
        """Those of these ids whose file may still arrive."""
        columns = upload_slots.c
        query = select(columns.id).where(columns.id.in_(image_ids), columns.expires_at > now)
        rows = await self._database.read(lambda connection: connection.scalars(query).all())
        return {ImageId(row) for row in rows}

    async def remove_expired(self, *, now: datetime, dry_run: bool = False) -> int:
        """Delete the expired ones; their number."""
        expired = upload_slots.c.expires_at <= now
        if dry_run:
            query = select(func.count()).select_from(upload_slots).where(expired)
            return await self._database.read(lambda connection: connection.scalar(query) or 0)
        return await self._database.write(
            lambda connection: connection.execute(delete(upload_slots).where(expired)).rowcount,
            wakes=False,
        )


def use_pending(connection: Connection, image_id: ImageId) -> None:
    """Use up a pending upload, within the transaction that inserts its image.

    Raises:
        Conflict: it is used up already, or withdrawn.
    """
    done = connection.execute(delete(upload_slots).where(upload_slots.c.id == image_id))
    if not done.rowcount:
        raise used_up()


def used_up() -> Conflict:
    """The error of a second upload to one URL, or of one for a disabled user."""
    return Conflict("This upload URL has been used or withdrawn; ask for another.")
