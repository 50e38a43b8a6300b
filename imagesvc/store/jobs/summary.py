"""How many jobs there are of each status, how long they wait, and which have a status."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Select, func, select

from imagesvc.model.ids import JobId, UserId
from imagesvc.model.images import Viewer
from imagesvc.model.jobs import Status
from imagesvc.store.db.schema.jobs import jobs
from imagesvc.store.jobs.turns import IS_PENDING


@dataclass(frozen=True, slots=True)
class JobSummary:
    """The jobs of a viewer."""

    counts: dict[Status, int]
    due_since: datetime | None
    """When the pending job was due that has waited longest; it may be in the future."""


def summary_of(connection: Connection, viewer: Viewer, owner_id: UserId | None) -> JobSummary:
    """The jobs that a viewer sees, or those of one owner."""
    counted = _seen(select(jobs.c.status, func.count()).group_by(jobs.c.status), viewer, owner_id)
    waiting = _seen(select(func.min(jobs.c.due_at)).where(IS_PENDING), viewer, owner_id)
    counts = {Status(status): count for status, count in connection.execute(counted)}
    return JobSummary(counts, connection.scalar(waiting))


def ids_with_status(
    connection: Connection,
    viewer: Viewer,
    owner_id: UserId | None,
    status: Status,
    *,
    limit: int,
    after: UUID | None,
) -> Sequence[JobId]:
    """Some jobs with a status, the oldest first, those newer than `after`."""
    query = _seen(select(jobs.c.id).where(jobs.c.status == status), viewer, owner_id)
    if after is not None:
        query = query.where(jobs.c.id > after)
    return connection.scalars(query.order_by(jobs.c.id).limit(limit)).all()


def _seen(query: Select[Any], viewer: Viewer, owner_id: UserId | None) -> Select[Any]:
    owner = owner_id if viewer.sees_all else viewer.owner_id
    if owner is None and viewer.sees_all:
        return query
    return query.where(jobs.c.owner_id == owner)
