"""Queries about the trash: images are put in, restored, and found when they are to be deleted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, func, select, update

from imagesvc.errors import Conflict
from imagesvc.model.ids import ImageId, UserId
from imagesvc.model.trash import InTrash
from imagesvc.store.collections import count_images
from imagesvc.store.db.database import Database
from imagesvc.store.db.schema.images import images
from imagesvc.store.events import EventType, record_image_event

IN_TRASH = images.c.trashed_at.is_not(None)


class TrashStore:
    """The trash of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put_in(self, image_ids: Sequence[ImageId], *, now: datetime) -> None:
        """Put images into the trash; collections no longer count them.

        Those that are in it already, or do not exist, are ignored.
        """

        def work(connection: Connection) -> None:
            moved = connection.execute(_PUT_IN, {"ids": list(image_ids), "now": now}).all()
            _record(connection, EventType.IMAGE_TRASHED, moved, now)
            _count(connection, moved, -1)

        await self._database.write(work, makes_room=True)

    async def restore(self, image_ids: Sequence[ImageId], *, now: datetime) -> None:
        """Restore images from the trash, each to its collection if that still exists.

        Those that are not in the trash are ignored.
        """

        def work(connection: Connection) -> None:
            moved = connection.execute(_RESTORE, {"ids": list(image_ids)}).all()
            _record(connection, EventType.IMAGE_RESTORED, moved, now)
            _count(connection, moved, 1)

        await self._database.write(work)

    async def of_owner(self, owner_id: UserId | None) -> list[ImageId]:
        """The images in the trash of an owner; None: all."""
        query = select(images.c.id).where(IN_TRASH)
        if owner_id is not None:
            query = query.where(images.c.owner_id == owner_id)
        rows = await self._database.read(lambda connection: connection.scalars(query).all())
        return [ImageId(row) for row in rows]

    async def due(self, condition: InTrash, limit: int) -> list[ImageId]:
        """Images that are to be deleted, those that have waited longest first."""
        query = select(images.c.id).where(is_in_trash(condition))
        query = query.order_by(images.c.trashed_at).limit(limit)
        rows = await self._database.read(lambda connection: connection.scalars(query).all())
        return [ImageId(row) for row in rows]

    async def count_due(self, condition: InTrash) -> int:
        """How many images are to be deleted."""
        query = select(func.count()).select_from(images).where(is_in_trash(condition))
        return await self._database.read(lambda connection: connection.scalar(query) or 0)


def is_in_trash(condition: InTrash) -> ColumnElement[bool]:
    """Whether a row of `images` meets a condition."""
    if condition.before is None:
        return IN_TRASH
    return IN_TRASH & (images.c.trashed_at <= condition.before)


def in_trash() -> Conflict:
    """The error of a change of an image in the trash."""
    return Conflict("This image is in the trash; restore it first.")


def _record(
    connection: Connection, event_type: EventType, moved: Iterable[Row[Any]], now: datetime
) -> None:
    for row in moved:
        record_image_event(connection, event_type, row.id, row.owner_id, now)


def _count(connection: Connection, moved: Iterable[Row[Any]], sign: int) -> None:
    places = Counter(row.collection_id for row in moved if row.collection_id is not None)
    for collection_id, count in places.items():
        count_images(connection, collection_id, sign * count)


_THESE = images.c.id.in_(bindparam("ids", expanding=True))
_MOVED = (images.c.id, images.c.owner_id, images.c.collection_id)
_PUT_IN = (
    update(images)
    .where(_THESE, images.c.trashed_at.is_(None))
    .values(trashed_at=bindparam("now"))
    .returning(*_MOVED)
)
_RESTORE = update(images).where(_THESE, IN_TRASH).values(trashed_at=None).returning(*_MOVED)
