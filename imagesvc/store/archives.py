"""Queries about archives: which images a user may download together."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, delete, insert, or_, select

from imagesvc.errors import NO_SUCH_ID, NotFound
from imagesvc.model.ids import ArchiveId, ImageId, UserId
from imagesvc.model.saved import Archive
from imagesvc.store.db.database import Database
from imagesvc.store.db.schema.saved import archives

MAX_OF_USER = 20
"""Archives that are kept for one user, the newest."""


class ArchiveStore:
    """The archives of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, archive: Archive) -> None:
        """Insert an archive; those that have expired, and the oldest of many, are removed."""
        values = {name: getattr(archive, name) for name in archives.c.keys()}  # noqa: SIM118
        values["image_ids"] = [image_id.hex for image_id in archive.image_ids]
        newest = (
            select(archives.c.id)
            .where(archives.c.user_id == archive.user_id)
            .order_by(archives.c.id.desc())
            .offset(MAX_OF_USER - 1)
        )
        useless = or_(archives.c.expires_at <= archive.created_at, archives.c.id.in_(newest))

        def work(connection: Connection) -> None:
            connection.execute(delete(archives).where(useless))
            connection.execute(insert(archives), [values])

        await self._database.write(work, wakes=False)

    async def get(self, archive_id: ArchiveId, *, now: datetime) -> Archive:
        """The archive with this id.

        Raises:
            NotFound: there is none, or it has expired.
        """
        query = select(archives).where(archives.c.id == archive_id, archives.c.expires_at > now)
        row = await self._database.read(lambda connection: connection.execute(query).first())
        if row is None:
            raise NotFound(NO_SUCH_ID)
        return Archive(
            id=ArchiveId(row.id),
            user_id=None if row.user_id is None else UserId(row.user_id),
            image_ids=tuple(ImageId(UUID(digits)) for digits in row.image_ids),
            preset=row.preset,
            created_at=row.created_at,
            expires_at=row.expires_at,
        )
