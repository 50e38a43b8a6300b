"""Taking jobs out of the queue, and putting them back unrun."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, bindparam, func, select, update

from imagesvc.model.ids import JobId
from imagesvc.model.images import Original
from imagesvc.model.jobs import Job, Status
from imagesvc.store.db.schema.columns import Instant
from imagesvc.store.db.schema.images import blobs, images
from imagesvc.store.db.schema.jobs import jobs
from imagesvc.store.jobs.rows import with_operations
from imagesvc.store.jobs.status import set_image_status
from imagesvc.store.jobs.turns import IS_PENDING, Slots, Turns, next_jobs
from imagesvc.store.originals import FACT_COLUMNS, ORIGINAL_COLUMNS, analysis_of, original_of


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """A job to run now, with the original it is about."""

    job: Job
    original: Original
    needs_analysis: bool
    claim: UUID | None = None
    """With which it must be settled, where several processes take jobs."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The jobs that got a slot, in the order of their turns."""

    jobs: list[ClaimedJob]
    are_left: bool
    """Whether other jobs are due, which get a slot when one is free."""
    next_due_at: datetime | None
    """The due time of the next job that is not due yet; None when there is none."""


# Built once: SQLAlchemy then finds their SQL without taking them apart at each call.
_CLAIM = (
    update(jobs)
    .where(jobs.c.id.in_(bindparam("ids", expanding=True)), jobs.c.status == Status.PENDING)
    .values(
        status=Status.PROCESSING,
        attempts=jobs.c.attempts + 1,
        started_at=func.coalesce(jobs.c.started_at, bindparam("now", type_=Instant)),
    )
    .returning(*jobs.c)
)


NEXT_DUE = (
    select(jobs.c.due_at)
    .where(IS_PENDING, jobs.c.due_at > bindparam("now", type_=Instant))
    .order_by(jobs.c.due_at)
    .limit(1)
)
OLDEST_DUE = (
    select(jobs.c.due_at)
    .where(IS_PENDING, jobs.c.due_at <= bindparam("now", type_=Instant))
    .order_by(jobs.c.due_at)
    .limit(1)
)
_ORIGINALS = (
    select(images.c.id, *FACT_COLUMNS, *ORIGINAL_COLUMNS)
    .join(blobs, blobs.c.sha256 == images.c.sha256)
    .where(images.c.id.in_(bindparam("ids", expanding=True)))
)


def with_originals(
    connection: Connection, claimed: list[Job], claim: UUID | None = None
) -> list[ClaimedJob]:
    """Claimed jobs with what they are about."""
    rows = connection.execute(_ORIGINALS, {"ids": [job.image_id for job in claimed]})
    found = {row.id: row for row in rows}
    return [
        ClaimedJob(
            job,
            original_of(found[job.image_id]),
            needs_analysis=analysis_of(found[job.image_id]) is None,
            claim=claim,
        )
        for job in claimed
    ]


def claim_jobs(connection: Connection, slots: Slots, turns: Turns, now: datetime) -> Claim:
    """Take due jobs and mark them as processing."""
    ids, are_left = next_jobs(connection, slots, turns, now)
    next_due_at = connection.scalar(NEXT_DUE, {"now": now})
    if not ids:
        return Claim([], are_left, next_due_at)
    rows = connection.execute(_CLAIM, {"ids": ids, "now": now}).all()
    set_image_status(connection, [row.id for row in rows], Status.PROCESSING, now)
    claimed = with_originals(connection, with_operations(connection, rows))
    in_order = sorted(claimed, key=lambda item: ids.index(item.job.id))
    return Claim(in_order, are_left, next_due_at)


def release_jobs(connection: Connection, job_ids: Sequence[JobId], now: datetime) -> None:
    """Put jobs back as if they had not been claimed."""
    released = connection.scalars(
        update(jobs)
        .where(jobs.c.id.in_(job_ids), jobs.c.status == Status.PROCESSING)
        .values(status=Status.PENDING, attempts=jobs.c.attempts - 1)
        .returning(jobs.c.id)
    ).all()
    set_image_status(connection, list(released), Status.PENDING, now)
