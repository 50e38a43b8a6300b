"""Queries about the trash, and about the images that are to be deleted for good."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Row,
    bindparam,
    case,
    func,
    select,
    type_coerce,
    update,
)

from imagesvc.errors import Conflict
from imagesvc.model.ids import ImageId, UserId
from imagesvc.model.trash import Condition, Expired
from imagesvc.store.collections import count_images
from imagesvc.store.db.database import Database
from imagesvc.store.db.schema.columns import Instant
from imagesvc.store.db.schema.images import images
from imagesvc.store.events import EventType, record_image_event

MICROSECOND = timedelta(microseconds=1)
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

        await self._database.write(work, may_use_reserve=True)

    async def restore(self, image_ids: Sequence[ImageId], *, now: datetime) -> None:
        """Restore images from the trash, each to its collection if that still exists.

        Those that are not in the trash are ignored.
        """

        def work(connection: Connection) -> None:
            moved = connection.execute(_RESTORE, {"ids": list(image_ids)}).all()
            _record(connection, EventType.IMAGE_RESTORED, moved, now)
            _count(connection, moved, 1)

        await self._database.write(work)

    async def move_times(
        self, image_ids: Sequence[ImageId], *, by: timedelta, latest: datetime
    ) -> None:
        """Move when images were put into the trash forward, to `latest` at most."""
        values = {"ids": list(image_ids), "by": by // MICROSECOND, "latest": latest}
        await self._database.write(lambda connection: connection.execute(_MOVE_TIMES, values))

    async def of_owner(self, owner_id: UserId | None) -> list[ImageId]:
        """The images in the trash of an owner; None: all."""
        query = select(images.c.id).where(IN_TRASH)
        if owner_id is not None:
            query = query.where(images.c.owner_id == owner_id)
        rows = await self._database.read(lambda connection: connection.scalars(query).all())
        return [ImageId(row) for row in rows]

    async def due(self, condition: Condition, limit: int) -> list[ImageId]:
        """Images that meet a condition, those first that have met it for longest."""
        query = select(images.c.id).where(meets(condition))
        query = query.order_by(*_since(condition)).limit(limit)
        rows = await self._database.read(lambda connection: connection.scalars(query).all())
        return [ImageId(row) for row in rows]

    async def count_due(self, condition: Condition) -> int:
        """How many images meet a condition."""
        query = select(func.count()).select_from(images).where(meets(condition))
        return await self._database.read(lambda connection: connection.scalar(query) or 0)


def meets(condition: Condition) -> ColumnElement[bool]:
    """Whether a row of `images` meets a condition."""
    if isinstance(condition, Expired):
        return images.c.expires_at <= condition.now
    if condition.before is None:
        return IN_TRASH
    return IN_TRASH & (images.c.trashed_at <= condition.before)


def _since(condition: Condition) -> Sequence[ColumnElement[Any]]:
    if isinstance(condition, Expired):
        return (images.c.expires_at, images.c.number)
    return (images.c.trashed_at,)


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
_MOVED_TIME = type_coerce(images.c.trashed_at, BigInteger) + bindparam("by", type_=BigInteger)
_LATEST = bindparam("latest", type_=Instant)
_MOVE_TIMES = (
    update(images)
    .where(_THESE, IN_TRASH)
    .values(trashed_at=case((_MOVED_TIME < _LATEST, _MOVED_TIME), else_=_LATEST))
)
