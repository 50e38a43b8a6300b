"""Which jobs a list shows, and a page of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Row, Select, select

from imagesvc.model import Audience, ImageId, Job, JobId, Status, UserId, least_id
from imagesvc.store.job_rows import with_operations
from imagesvc.store.schema import jobs, unindexed

ID_SLACK = timedelta(minutes=1)
"""How far the time in a job's id may be from its `created_at`."""


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs to list; None does not restrict. Of its audience only the owner's own count.

    `owner_id` restricts what an audience lists that sees all.
    """

    audience: Audience
    status: Status | None = None
    image_id: ImageId | None = None
    owner_id: UserId | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None


def page_of_jobs(
    connection: Connection, wanted: JobFilter, limit: int, after: JobId | None
) -> tuple[list[Job], JobId | None]:
    """Jobs newest first, those older than `after`, and the id to go on after."""
    query = _filtered(wanted).order_by(jobs.c.id.desc()).limit(limit + 1)
    below = [after] if after is not None else []
    if wanted.created_to is not None:
        below.append(JobId(least_id(wanted.created_to, slack=ID_SLACK)))
    if below:
        query = query.where(jobs.c.id < min(below))
    rows = connection.execute(query).all()
    page, ends = _since(rows[:limit], wanted.created_from)
    last = None if ends or len(rows) <= limit else JobId(rows[limit - 1].id)
    return with_operations(connection, page), last


def _filtered(wanted: JobFilter) -> Select[Any]:
    """A stretch of one index, which has the ids after what is asked for."""
    query = select(jobs)
    owner_id = wanted.owner_id if wanted.audience.sees_all else wanted.audience.owner_id
    of_image = wanted.image_id is not None
    if owner_id is not None or not wanted.audience.sees_all:
        query = query.where(_plain(jobs.c.owner_id, of_image) == owner_id)
    if wanted.status is not None:
        query = query.where(_plain(jobs.c.status, of_image) == wanted.status)
    if of_image:
        query = query.where(jobs.c.image_id == wanted.image_id)
    if wanted.created_to is not None:
        query = query.where(unindexed(jobs.c.created_at) < wanted.created_to)
    return query


def _since(rows: Sequence[Row[Any]], first: datetime | None) -> tuple[Sequence[Row[Any]], bool]:
    """Rows of a page that are not too old, and whether only older ones can follow.

    As a condition this would have SQLite choose an index by the ids' bounds rather than one with
    what else is asked for.
    """
    if first is None:
        return rows, False
    least = least_id(first, slack=-ID_SLACK)
    return [row for row in rows if row.created_at >= first], any(row.id < least for row in rows)


def _plain(column: Column[Any], of_image: bool) -> ColumnElement[Any]:
    return unindexed(column) if of_image else column
