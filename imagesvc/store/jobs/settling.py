"""The end of an attempt of a job, and recovery after a crash."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Uuid,
    bindparam,
    case,
    literal,
    update,
)

from imagesvc.model.ids import Digest, JobId
from imagesvc.model.images import Analysis, Variant
from imagesvc.model.jobs import Operation, Status
from imagesvc.store import variants as variant_queries
from imagesvc.store.db.schema.columns import Instant
from imagesvc.store.db.schema.jobs import job_operations, jobs
from imagesvc.store.jobs.engine import announce, withdraw
from imagesvc.store.jobs.status import set_image_status
from imagesvc.store.originals import record_analysis

MAX_INTERRUPTIONS = 50
"""Crashes of the whole server during one job, after which the job is treated as their cause."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """The end of an attempt; `PENDING` with a later `due_at` requests another one."""

    job_id: JobId
    status: Status
    operations: tuple[Operation, ...]
    variants: tuple[Variant, ...]
    due_at: datetime
    is_counted: bool = True
    """Whether this was one of the attempts that a job may have."""
    error_code: str | None = None
    error_detail: str | None = None
    analysis: tuple[Digest, Analysis] | None = None
    claim: UUID | None = None
    """That of the attempt; another one has replaced it when the job was given to another worker."""


_SETTLE = (
    update(jobs)
    .where(
        jobs.c.id == bindparam("settled"),
        jobs.c.status == Status.PROCESSING,
        jobs.c.claim.is_not_distinct_from(bindparam("of_claim", type_=Uuid())),
    )
    .values(
        status=bindparam("status"),
        due_at=bindparam("due_at"),
        attempts=jobs.c.attempts - bindparam("uncounted", type_=Integer),
        finished_at=bindparam("finished_at"),
        error_code=bindparam("error_code"),
        error_detail=bindparam("error_detail"),
        claim=None,
    )
    .returning(jobs.c.image_id)
)


_SETTLE_OPERATION = (
    update(job_operations)
    .where(
        job_operations.c.job_id == bindparam("of_job"),
        job_operations.c.position == bindparam("at"),
    )
    .values(
        status=bindparam("status"),
        error_code=bindparam("error_code"),
        error_detail=bindparam("error_detail"),
    )
)


def _update_operations(
    connection: Connection, job_id: JobId, operations: tuple[Operation, ...]
) -> None:
    rows = [
        {
            "of_job": job_id,
            "at": operation.position,
            "status": operation.status,
            "error_code": operation.error_code,
            "error_detail": operation.error_detail,
        }
        for operation in operations
    ]
    if rows:
        connection.execute(_SETTLE_OPERATION, rows)


def settle_job(connection: Connection, settlement: Settlement, now: datetime) -> Status | None:
    """Record the end of an attempt, unless the job is no longer processing, or not by it."""
    image_id = connection.scalar(
        _SETTLE,
        {
            "settled": settlement.job_id,
            "of_claim": settlement.claim,
            "status": settlement.status,
            "due_at": settlement.due_at,
            "uncounted": int(not settlement.is_counted),
            "finished_at": now if settlement.status.is_final else None,
            "error_code": settlement.error_code,
            "error_detail": settlement.error_detail,
        },
    )
    if image_id is None:
        return None
    _update_operations(connection, settlement.job_id, settlement.operations)
    variant_queries.upsert(connection, settlement.variants)
    if settlement.analysis is not None:
        record_analysis(connection, image_id, *settlement.analysis)
    set_image_status(connection, [settlement.job_id], settlement.status, now)
    if settlement.status is Status.PENDING:
        withdraw(connection, [settlement.job_id], aborts=False)
        announce(connection, [settlement.job_id], now)
    return settlement.status


def end_poisonous(connection: Connection, which: ColumnElement[bool], now: datetime) -> None:
    """Fail those of some processing jobs that were interrupted too often."""
    failed = connection.scalars(
        update(jobs)
        .where(
            which,
            jobs.c.status == Status.PROCESSING,
            jobs.c.interruptions >= MAX_INTERRUPTIONS,
        )
        .values(
            status=Status.FAILED,
            finished_at=now,
            error_code="worker_died",
            error_detail="The server stopped each time it ran this job.",
        )
        .returning(jobs.c.id)
    ).all()
    set_image_status(connection, list(failed), Status.FAILED, now)


def recover_jobs(connection: Connection, now: datetime) -> int:
    """Queue the jobs again that are processing; those that were interrupted too often fail."""
    left = jobs.c.status == Status.PROCESSING
    end_poisonous(connection, left, now)
    queued = connection.scalars(
        update(jobs)
        .where(left)
        .values(
            status=Status.PENDING,
            attempts=jobs.c.attempts - 1,
            interruptions=jobs.c.interruptions + 1,
            due_at=case((jobs.c.due_at > now, literal(now, Instant)), else_=jobs.c.due_at),
        )
        .returning(jobs.c.id)
    ).all()
    set_image_status(connection, list(queued), Status.PENDING, now)
    return len(queued)
