"""Jobs as rows, with their operations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, bindparam, insert, select

from imagesvc.errors import NO_SUCH_ID, NotFound
from imagesvc.model.ids import ImageId, JobId, UserId
from imagesvc.model.jobs import Job, Operation, Priority, Status
from imagesvc.store.db.schema.jobs import job_operations, jobs
from imagesvc.store.events import record_job_event
from imagesvc.store.jobs.engine import announce

_OPERATIONS = (
    select(job_operations)
    .where(job_operations.c.job_id.in_(bindparam("ids", expanding=True)))
    .order_by(job_operations.c.job_id, job_operations.c.position)
)
_INSERT_JOB = insert(jobs)
_INSERT_OPERATION = insert(job_operations)


def insert_job(connection: Connection, job: Job) -> None:
    """Insert a job and its operations, within the caller's transaction."""
    connection.execute(
        _INSERT_JOB,
        [
            {
                "id": job.id,
                "image_id": job.image_id,
                "lane": job.priority,
                "status": job.status,
                "attempts": job.attempts,
                "interruptions": 0,
                "due_at": job.due_at,
                "created_at": job.created_at,
                "owner_id": job.owner_id,
            }
        ],
    )
    if job.operations:
        connection.execute(
            _INSERT_OPERATION,
            [
                {
                    "job_id": job.id,
                    "position": operation.position,
                    "name": operation.name,
                    "transform": operation.transform,
                    "status": operation.status,
                }
                for operation in job.operations
            ],
        )
    record_job_event(connection, job)
    announce(connection, [job.id], job.created_at)


def with_operations(connection: Connection, rows: Sequence[Row[Any]]) -> list[Job]:
    """The jobs of rows, in their order."""
    operations: dict[UUID, list[Row[Any]]] = {}
    for row in connection.execute(_OPERATIONS, {"ids": [row.id for row in rows]}):
        operations.setdefault(row.job_id, []).append(row)
    return [_job(row, operations.get(row.id, [])) for row in rows]


def _job(row: Row[Any], operations: list[Row[Any]]) -> Job:
    return Job(
        id=JobId(row.id),
        image_id=ImageId(row.image_id),
        priority=Priority(row.lane),
        status=Status(row.status),
        attempts=row.attempts,
        operations=tuple(_operation(operation, Status(row.status)) for operation in operations),
        error_code=row.error_code,
        error_detail=row.error_detail,
        due_at=row.due_at,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        owner_id=None if row.owner_id is None else UserId(row.owner_id),
    )


def _operation(row: Row[Any], job_status: Status) -> Operation:
    is_running = job_status is Status.PROCESSING and row.status == Status.PENDING
    return Operation(
        position=row.position,
        name=row.name,
        transform=row.transform,
        status=Status.PROCESSING if is_running else Status(row.status),
        error_code=row.error_code,
        error_detail=row.error_detail,
    )


def get_job(connection: Connection, job_id: JobId) -> Job:
    """The job with this id.

    Raises:
        NotFound: there is none.
    """
    rows = connection.execute(select(jobs).where(jobs.c.id == job_id)).all()
    if not rows:
        raise NotFound(NO_SUCH_ID)
    return with_operations(connection, rows)[0]
