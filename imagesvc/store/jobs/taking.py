"""Taking one job out of a queue that several processes share; a claim is a fence.

Who takes a job marks it with a claim of its own, and only with this claim it can settle or release
the job. A job that is processing was another worker's, which has died or is late.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, Uuid, bindparam, case, func, update

from imagesvc.model.ids import JobId
from imagesvc.model.jobs import Status
from imagesvc.store.db.schema.columns import Instant
from imagesvc.store.db.schema.jobs import jobs
from imagesvc.store.jobs.claiming import ClaimedJob, with_originals
from imagesvc.store.jobs.engine import announce, withdraw
from imagesvc.store.jobs.rows import with_operations
from imagesvc.store.jobs.settling import end_poisonous
from imagesvc.store.jobs.status import set_image_status

_IS_PENDING = jobs.c.status == Status.PENDING
_TAKE = (
    update(jobs)
    .where(jobs.c.id == bindparam("taken"), jobs.c.status.in_([Status.PENDING, Status.PROCESSING]))
    .values(
        status=Status.PROCESSING,
        claim=bindparam("by", type_=Uuid()),
        attempts=jobs.c.attempts + case((_IS_PENDING, 1), else_=0),
        interruptions=jobs.c.interruptions + case((_IS_PENDING, 0), else_=1),
        started_at=func.coalesce(jobs.c.started_at, bindparam("now", type_=Instant)),
    )
    .returning(*jobs.c)
)


def take_job(
    connection: Connection, job_id: JobId, claim: UUID, now: datetime
) -> ClaimedJob | None:
    """Mark a job as processing; None if it has ended, or ends now after many interruptions."""
    end_poisonous(connection, jobs.c.id == job_id, now)
    rows = connection.execute(_TAKE, {"taken": job_id, "by": claim, "now": now}).all()
    if not rows:
        return None
    set_image_status(connection, [job_id], Status.PROCESSING, now)
    (item,) = with_originals(connection, with_operations(connection, rows), claim)
    return item


def give_back(connection: Connection, job_id: JobId, claim: UUID, now: datetime) -> bool:
    """Put a job back as if it had not been taken; False if it is no longer of this claim."""
    released = connection.execute(
        update(jobs)
        .where(jobs.c.id == job_id, jobs.c.claim == claim, jobs.c.status == Status.PROCESSING)
        .values(status=Status.PENDING, attempts=jobs.c.attempts - 1, claim=None)
    ).rowcount
    if released:
        set_image_status(connection, [job_id], Status.PENDING, now)
        withdraw(connection, [job_id], aborts=False)
        announce(connection, [job_id], now)
    return bool(released)
