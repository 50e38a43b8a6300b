"""Which jobs a list shows, and a page of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Connection, Row, Select, select

from imagesvc.model.ids import ImageId, UserId, least_id
from imagesvc.model.images import Viewer
from imagesvc.model.jobs import Job, Status
from imagesvc.store.db.pages import Page, newest, page_of
from imagesvc.store.db.schema.columns import unindexed
from imagesvc.store.db.schema.jobs import jobs
from imagesvc.store.jobs.rows import with_operations

ID_SLACK = timedelta(minutes=1)
"""How far the time in a job's id may be from its `created_at`."""


@dataclass(frozen=True, slots=True)
class JobFilter:
    """A filter of jobs; None does not restrict.

    Of a viewer only its own jobs count. `owner_id` restricts the list of a viewer that sees all.
    """

    viewer: Viewer
    status: Status | None = None
    image_id: ImageId | None = None
    owner_id: UserId | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None


def page_of_jobs(
    connection: Connection, wanted: JobFilter, limit: int, after: UUID | None
) -> Page[Job]:
    """Jobs, the newest first, older than `after`."""
    if wanted.created_to is not None:
        oldest_too_late = least_id(wanted.created_to, slack=ID_SLACK)
        after = oldest_too_late if after is None else min(after, oldest_too_late)
    query = newest(_filtered(wanted), jobs.c.id, limit=limit, after=after)
    page = page_of(connection.execute(query).all(), limit, lambda row: row)
    rows, ends = _since(page.items, wanted.created_from)
    return Page(with_operations(connection, rows), None if ends else page.next_after)


def _filtered(wanted: JobFilter) -> Select[Any]:
    """A stretch of one index, which has the ids after what is asked for."""
    query = select(jobs)
    owner_id = wanted.owner_id if wanted.viewer.sees_all else wanted.viewer.owner_id
    of_image = wanted.image_id is not None
    if owner_id is not None or not wanted.viewer.sees_all:
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
