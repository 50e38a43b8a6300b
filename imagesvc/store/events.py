"""Events: what changed, told in the very transaction that changes it, and read in order.

Readers go on after the last id alone: one that has read up to an id has missed none below it. Ids
are given inside write transactions, of which there is one at a time in SQLite. In PostgreSQL each
takes a lock before its first event.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, bindparam, delete, func, insert, select

from imagesvc.model.ids import UserId
from imagesvc.model.images import Viewer
from imagesvc.model.jobs import Job
from imagesvc.store.db.database import Database
from imagesvc.store.db.schema.events import events
from imagesvc.store.db.schema.jobs import jobs

PRUNED_AT_ONCE = 2000


class EventType(StrEnum):
    """The types of events; those of a job are named after its status."""

    IMAGE_CREATED = "image.created"
    IMAGE_UPDATED = "image.updated"
    IMAGE_TRASHED = "image.trashed"
    IMAGE_RESTORED = "image.restored"
    IMAGE_DELETED = "image.deleted"
    JOB_PENDING = "job.pending"
    JOB_PROCESSING = "job.processing"
    JOB_SUCCEEDED = "job.succeeded"
    JOB_FAILED = "job.failed"
    JOB_CANCELLED = "job.cancelled"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that has happened; ids grow with time."""

    id: int
    type: str
    data: dict[str, Any]
    created_at: datetime


_INSERT = insert(events)
_JOBS = select(
    jobs.c.id, jobs.c.image_id, jobs.c.owner_id, jobs.c.status, jobs.c.attempts, jobs.c.error_code
).where(jobs.c.id.in_(bindparam("ids", expanding=True)))
_BOUNDS = select(func.min(events.c.id), func.max(events.c.id))


def record_image_event(
    connection: Connection,
    event_type: EventType,
    image_id: UUID,
    owner_id: UserId | None,
    now: datetime,
) -> None:
    """Note what happened to an image, within the caller's transaction."""
    data = {"image_id": str(image_id), "url": f"/api/v1/images/{image_id}"}
    connection.execute(_INSERT, [_row(event_type, image_id, owner_id, data, now)])


def record_job_event(connection: Connection, job: Job) -> None:
    """Note that a job was queued, within the caller's transaction."""
    data = _job_data(job.id, job.image_id, job.status, job.attempts, None)
    event_type = EventType(f"job.{job.status}")
    connection.execute(_INSERT, [_row(event_type, job.id, job.owner_id, data, job.created_at)])


def record_job_events(connection: Connection, job_ids: Iterable[UUID], now: datetime) -> None:
    """Note the status that jobs have now, within the transaction that gave it to them."""
    rows = connection.execute(_JOBS, {"ids": list(job_ids)}).all()
    told = [
        _row(
            EventType(f"job.{row.status}"),
            row.id,
            row.owner_id,
            _job_data(row.id, row.image_id, row.status, row.attempts, row.error_code),
            now,
        )
        for row in rows
    ]
    if told:
        connection.execute(_INSERT, told)


def _job_data(
    job_id: UUID, image_id: UUID, status: str, attempts: int, error_code: str | None
) -> dict[str, Any]:
    return {
        "job_id": str(job_id),
        "image_id": str(image_id),
        "status": str(status),
        "attempts": attempts,
        "error_code": error_code,
        "url": f"/api/v1/jobs/{job_id}",
    }


def _row(
    event_type: EventType,
    subject_id: UUID,
    owner_id: UUID | None,
    data: dict[str, Any],
    now: datetime,
) -> dict[str, Any]:
    return {
        "type": event_type,
        "subject_id": subject_id,
        "owner_id": owner_id,
        "data": data,
        "created_at": now,
    }


def rebased(data: dict[str, Any], base: str) -> dict[str, Any]:
    """The data of an event, with its URL below a base."""
    return {**data, "url": f"{base}{data['url']}"} if base and "url" in data else data


class EventStore:
    """The events of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def after(
        self, last: int, viewer: Viewer, types: Sequence[EventType], *, limit: int
    ) -> tuple[list[Event], int]:
        """Events that a viewer owns, in order, and the id to continue after.

        That id is beyond the events of other owners and types, so that they are skipped once. No
        types are all types.
        """
        query = select(events).where(events.c.id > last).order_by(events.c.id).limit(limit)
        if not viewer.sees_all:
            query = query.where(events.c.owner_id == viewer.owner_id)
        if types:
            query = query.where(events.c.type.in_(types))

        def work(connection: Connection) -> tuple[list[Event], int]:
            newest = connection.scalar(select(func.max(events.c.id))) or 0  # before the others
            rows = connection.execute(query).all()
            found = [Event(row.id, row.type, row.data, row.created_at) for row in rows]
            at_end = max(last, newest, *(event.id for event in found))
            return found, found[-1].id if len(found) == limit else at_end

        return await self._database.read(work)

    async def bounds(self) -> tuple[int, int]:
        """The ids of the oldest and the newest kept event; zeros if there is none."""
        row = await self._database.read(lambda connection: connection.execute(_BOUNDS).one())
        return row[0] or 0, row[1] or 0

    async def prune(self, before: datetime) -> None:
        """Delete older events, except the newest, which has the highest id."""
        newest = select(func.max(events.c.id)).scalar_subquery()
        old = (
            select(events.c.id)
            .where(events.c.created_at < before, events.c.id < newest)
            .limit(PRUNED_AT_ONCE)
        )

        def work(connection: Connection) -> int:
            return connection.execute(delete(events).where(events.c.id.in_(old))).rowcount

        while await self._database.write(work) == PRUNED_AT_ONCE:
            pass
