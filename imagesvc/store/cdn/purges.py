"""The queue of purges: images whose responses a CDN must forget, taken from events.

An event is in the transaction of its change, so that no purge is lost. An image is in the queue
once: a later change raises its generation and is what it waits for, and a purge that was sent
settles the generation that it was sent for.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, delete, func, insert, or_, select, tuple_, update

from imagesvc.model.ids import ImageId
from imagesvc.store.db.database import Database
from imagesvc.store.db.schema.cdn import cdn_position, cdn_purges
from imagesvc.store.db.schema.events import events
from imagesvc.store.db.upserts import Upsert
from imagesvc.store.events import EventType

TAKEN_AT_ONCE = 500
CLOCK_STEP = timedelta(minutes=1)
CHANGES = (
    EventType.IMAGE_UPDATED,
    EventType.IMAGE_TRASHED,
    EventType.IMAGE_RESTORED,
    EventType.IMAGE_DELETED,
)
"""The events after which a URL of an image has another response."""


@dataclass(frozen=True, slots=True)
class Purge:
    """An image whose responses are to be purged."""

    image_id: ImageId
    generation: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """The purges that no CDN has confirmed."""

    count: int
    since: datetime | None
    """The oldest of their last requests."""


_POSITION = select(cdn_position.c.last_event_id)
_NEWEST = select(func.coalesce(func.max(events.c.id), 0))
_WAITING = select(func.count(), func.min(cdn_purges.c.requested_at))


class PurgeQueue:
    """The purges of one database; one process takes events."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._seen: int | None = None
        """No event up to this one requires a purge that is not in the queue."""

    async def begin(self) -> None:
        """Continue after the last event that was taken, or begin with those from now on."""

        def work(connection: Connection) -> int:
            known: int | None = connection.scalar(_POSITION)
            if known is not None:
                return known
            newest = connection.scalar(_NEWEST) or 0
            connection.execute(insert(cdn_position).values(id=1, last_event_id=newest))
            return newest

        self._seen = await self._database.write(work, may_use_reserve=True, wakes=False)

    async def take_events(self, now: datetime) -> bool:
        """Queue the images of some new events; returns whether there were any.

        The purges and the position are one transaction, so that a crash loses no event.
        """
        if self._seen is None:
            await self.begin()
        seen = self._seen or 0
        query = (
            select(events.c.id, events.c.subject_id)
            .where(events.c.id > seen, events.c.type.in_(CHANGES))
            .order_by(events.c.id)
            .limit(TAKEN_AT_ONCE)
        )

        def look(connection: Connection) -> tuple[int, Sequence[Any]]:
            newest = connection.scalar(_NEWEST) or 0  # before the others
            return newest, connection.execute(query).all()

        newest, found = await self._database.read(look)
        if not found:
            self._seen = max(seen, newest)
            return False
        last = found[-1].id

        def work(connection: Connection) -> None:
            request(connection, {row.subject_id for row in found}, now)
            connection.execute(update(cdn_position).values(last_event_id=last))

        await self._database.write(work, may_use_reserve=True, wakes=False)
        self._seen = last
        return True

    async def add(self, image_ids: Collection[UUID], now: datetime) -> None:
        """Queue images that no event is about."""
        await self._database.write(
            lambda connection: request(connection, image_ids, now), may_use_reserve=True
        )

    async def due(self, before: datetime, now: datetime, limit: int) -> list[Purge]:
        """The purges that were requested before a time, those first that have waited longest.

        Those that seem to be requested in the future, not just a moment ago by another task, are
        due: the clock has been set back.
        """
        requested_at = cdn_purges.c.requested_at
        query = (
            select(cdn_purges.c.image_id, cdn_purges.c.generation)
            .where(or_(requested_at <= before, requested_at > now + CLOCK_STEP))
            .order_by(requested_at)
            .limit(limit)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [Purge(ImageId(row.image_id), row.generation) for row in rows]

    async def settle(self, sent: Sequence[Purge]) -> None:
        """Remove purges that a CDN has confirmed, except those requested again meanwhile."""
        query = delete(cdn_purges).where(
            tuple_(cdn_purges.c.image_id, cdn_purges.c.generation).in_(
                [(purge.image_id, purge.generation) for purge in sent]
            )
        )
        await self._database.write(
            lambda connection: connection.execute(query), may_use_reserve=True, wakes=False
        )

    async def waiting(self) -> Waiting:
        """How many purges wait, and since when."""
        row = await self._database.read(lambda connection: connection.execute(_WAITING).one())
        return Waiting(row[0], row[1])


def request(connection: Connection, image_ids: Collection[UUID], now: datetime) -> None:
    """Queue images for purging, within the caller's transaction."""
    rows = [{"image_id": image_id, "generation": 1, "requested_at": now} for image_id in image_ids]
    if rows:
        connection.execute(_UPSERT.on(connection), rows)


def _or_once_more(insertion: Any) -> Any:
    return insertion.on_conflict_do_update(
        index_elements=["image_id"],
        set_={
            "generation": cdn_purges.c.generation + 1,
            "requested_at": insertion.excluded.requested_at,
        },
    )


_UPSERT = Upsert(cdn_purges, _or_once_more)
