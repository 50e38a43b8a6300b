"""Requests of users about existing jobs: retry, cancel, delete."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, update

from imagesvc.errors import Conflict
from imagesvc.model.ids import JobId
from imagesvc.model.jobs import Job, Status
from imagesvc.store.db.schema.images import images
from imagesvc.store.db.schema.jobs import job_operations, jobs
from imagesvc.store.jobs.engine import announce, withdraw
from imagesvc.store.jobs.rows import get_job
from imagesvc.store.jobs.status import set_image_status


def retry_job(connection: Connection, job_id: JobId, now: datetime) -> Job:
    """Queue a job again, due now and with all its attempts."""
    job = get_job(connection, job_id)
    if job.status is Status.SUCCEEDED:
        raise Conflict(f"A job that is {job.status} cannot be retried.")
    connection.execute(
        update(jobs)
        .where(jobs.c.id == job_id)
        .values(
            status=Status.PENDING,
            attempts=0,
            interruptions=0,
            due_at=now,
            error_code=None,
            error_detail=None,
            started_at=None,
            finished_at=None,
            claim=None,
        )
    )
    connection.execute(
        update(job_operations)
        .where(
            job_operations.c.job_id == job_id,
            job_operations.c.status != Status.SUCCEEDED,
        )
        .values(status=Status.PENDING, error_code=None, error_detail=None)
    )
    set_image_status(connection, [job.id], Status.PENDING, now)
    withdraw(connection, [job_id], aborts=True)
    announce(connection, [job_id], now)
    return get_job(connection, job_id)


def cancel_job(connection: Connection, job_id: JobId, now: datetime) -> Job:
    """End a job that has not ended yet."""
    job = get_job(connection, job_id)
    if job.status.is_final:
        raise Conflict(f"A job that is {job.status} cannot be cancelled.")
    connection.execute(
        update(jobs).where(jobs.c.id == job_id).values(status=Status.CANCELLED, finished_at=now)
    )
    connection.execute(
        update(job_operations)
        .where(
            job_operations.c.job_id == job_id,
            job_operations.c.status != Status.SUCCEEDED,
        )
        .values(status=Status.CANCELLED)
    )
    set_image_status(connection, [job.id], Status.FAILED, now)
    withdraw(connection, [job_id], aborts=True)
    return get_job(connection, job_id)


def remove_job(connection: Connection, job_id: JobId) -> None:
    """Delete a job that has ended."""
    job = get_job(connection, job_id)
    if not job.status.is_final:
        raise Conflict(f"A job that is {job.status} cannot be deleted.")
    connection.execute(delete(jobs).where(jobs.c.id == job_id))
    connection.execute(
        update(images)
        .where(images.c.id == job.image_id, images.c.job_id == job_id)
        .values(job_id=None)
    )
