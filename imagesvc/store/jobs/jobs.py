"""Queries about jobs: one method, one transaction; the clock is an argument."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    Connection,
    and_,
    bindparam,
    case,
    delete,
    func,
    select,
    update,
)

from imagesvc.errors import NO_SUCH_ID, Conflict, NotFound
from imagesvc.model import (
    Digest,
    Facts,
    Job,
    JobId,
    Operation,
    Original,
    Receipt,
    Status,
    Variant,
)
from imagesvc.store import variants as variant_queries
from imagesvc.store.db.database import Database
from imagesvc.store.db.pages import Page
from imagesvc.store.db.schema.columns import Instant
from imagesvc.store.db.schema.images import blobs, images
from imagesvc.store.db.schema.jobs import job_operations, jobs
from imagesvc.store.events import tell_jobs
from imagesvc.store.jobs.claims import IS_PENDING, Slots, Turns, next_jobs
from imagesvc.store.jobs.listing import JobFilter, page_of_jobs
from imagesvc.store.jobs.rows import insert_job, with_operations
from imagesvc.store.originals import (
    FACT_COLUMNS,
    ORIGINAL_COLUMNS,
    facts_of,
    original_of,
    record_facts,
)
from imagesvc.store.receipts import insert_receipt

MAX_INTERRUPTIONS = 50
"""Crashes of the whole server during one job, after which the job is taken for their cause."""


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """A job to run now, with the original it is about."""

    job: Job
    original: Original
    needs_facts: bool


@dataclass(frozen=True, slots=True)
class Settlement:
    """How an attempt of a job ended; `PENDING` with a later `due_at` asks for another one."""

    job_id: JobId
    status: Status
    operations: tuple[Operation, ...]
    variants: tuple[Variant, ...]
    due_at: datetime
    error_code: str | None = None
    error_detail: str | None = None
    facts: tuple[Digest, Facts] | None = None


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
_SETTLE = (
    update(jobs)
    .where(jobs.c.id == bindparam("settled"), jobs.c.status == Status.PROCESSING)
    .values(
        status=bindparam("status"),
        due_at=bindparam("due_at"),
        finished_at=bindparam("finished_at"),
        error_code=bindparam("error_code"),
        error_detail=bindparam("error_detail"),
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
_SET_IMAGE_STATUS = (
    update(images)
    .where(
        images.c.id.in_(
            select(jobs.c.image_id).where(jobs.c.id.in_(bindparam("ids", expanding=True)))
        ),
        images.c.job_id.in_(bindparam("ids", expanding=True)),
    )
    .values(
        status=bindparam("status"),
        updated_at=bindparam("updated_at"),
        completed_at=bindparam("completed_at"),
    )
)
_SET_NEWEST = (
    update(images)
    .where(images.c.id == bindparam("image"))
    .values(
        job_id=bindparam("newest"),
        status=Status.PENDING,
        updated_at=bindparam("updated_at"),
        completed_at=None,
    )
)
_ORIGINALS = (
    select(images.c.id, *FACT_COLUMNS, *ORIGINAL_COLUMNS)
    .join(blobs, blobs.c.sha256 == images.c.sha256)
    .where(images.c.id.in_(bindparam("ids", expanding=True)))
)


class JobStore:
    """The jobs of one database: the truth about the queue."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turns = Turns()

    async def add(
        self, added: Sequence[Job], *, now: datetime, receipt: Receipt | None = None
    ) -> None:
        """Insert jobs of images that are there, all or none; each is its image's newest then.

        Raises:
            NotFound: an image has been deleted.
            RequestInProgress: another node was faster with the same receipt.
        """

        def work(connection: Connection) -> None:
            if receipt is not None:
                insert_receipt(connection, receipt)
            for job in added:
                values = {"newest": job.id, "image": job.image_id, "updated_at": now}
                if not connection.execute(_SET_NEWEST, values).rowcount:
                    raise NotFound(NO_SUCH_ID)
                insert_job(connection, job)

        await self._database.write(work)

    async def claim(self, slots: Slots, *, now: datetime) -> list[ClaimedJob]:
        """Take due jobs for free slots and mark them as processing, in the order of their turns.

        One writer at a time holds the database, so two claims never take the same job.
        """

        def work(connection: Connection) -> list[ClaimedJob]:
            ids = next_jobs(connection, slots, self._turns, now)
            if not ids:
                return []
            rows = connection.execute(_CLAIM, {"ids": ids, "now": now}).all()
            _set_image_status(connection, [row.id for row in rows], Status.PROCESSING, now)
            claimed = _claimed(connection, with_operations(connection, rows))
            return sorted(claimed, key=lambda item: ids.index(item.job.id))

        return await self._database.write(work)

    async def next_due_at(self, now: datetime) -> datetime | None:
        """When the next job will be due that is not due yet; None when there is none."""
        due_later = select(jobs.c.due_at).where(IS_PENDING, jobs.c.due_at > now)
        query = due_later.order_by(jobs.c.due_at).limit(1)
        return await self._database.read(lambda connection: connection.scalar(query))

    async def settle(self, settlement: Settlement, *, now: datetime) -> Status | None:
        """Record how an attempt ended, with the variants it made.

        A job that was cancelled, or whose image was deleted, while it ran stays as it is.

        Returns:
            The status recorded; None when the job was no longer processing.
        """

        def work(connection: Connection) -> Status | None:
            image_id = connection.scalar(
                _SETTLE,
                {
                    "settled": settlement.job_id,
                    "status": settlement.status,
                    "due_at": settlement.due_at,
                    "finished_at": now if settlement.status.is_final else None,
                    "error_code": settlement.error_code,
                    "error_detail": settlement.error_detail,
                },
            )
            if image_id is None:
                return None
            _update_operations(connection, settlement.job_id, settlement.operations)
            variant_queries.upsert(connection, settlement.variants)
            if settlement.facts is not None:
                record_facts(connection, image_id, *settlement.facts)
            _set_image_status(connection, [settlement.job_id], settlement.status, now)
            return settlement.status

        return await self._database.write(work)

    async def release(self, job_ids: Sequence[JobId], *, now: datetime) -> None:
        """Put jobs back that were claimed and not run, as if they never had been claimed."""

        def work(connection: Connection) -> None:
            released = connection.scalars(
                update(jobs)
                .where(jobs.c.id.in_(job_ids), jobs.c.status == Status.PROCESSING)
                .values(status=Status.PENDING, attempts=jobs.c.attempts - 1)
                .returning(jobs.c.id)
            ).all()
            _set_image_status(connection, list(released), Status.PENDING, now)

        await self._database.write(work)

    async def recover(self, *, now: datetime) -> int:
        """Queue the jobs again that a crash left processing; the number of them.

        A crash of the server is not held against a job's attempts, unless it happens again and
        again: then the job is taken for the cause and fails.
        """
        left = jobs.c.status == Status.PROCESSING

        def work(connection: Connection) -> int:
            poisonous = and_(left, jobs.c.interruptions >= MAX_INTERRUPTIONS)
            failed = connection.scalars(
                update(jobs)
                .where(poisonous)
                .values(
                    status=Status.FAILED,
                    finished_at=now,
                    error_code="worker_died",
                    error_detail="The server stopped each time it ran this job.",
                )
                .returning(jobs.c.id)
            ).all()
            _set_image_status(connection, list(failed), Status.FAILED, now)
            queued = connection.scalars(
                update(jobs)
                .where(left)
                .values(
                    status=Status.PENDING,
                    attempts=jobs.c.attempts - 1,
                    interruptions=jobs.c.interruptions + 1,
                    due_at=case((jobs.c.due_at > now, now), else_=jobs.c.due_at),
                )
                .returning(jobs.c.id)
            ).all()
            _set_image_status(connection, list(queued), Status.PENDING, now)
            return len(queued)

        # A start is what deleting on a full disk begins with.
        return await self._database.write(work, makes_room=True)

    async def retry(self, job_id: JobId, *, now: datetime) -> Job:
        """Queue a job again, due now and with all its attempts; made variants stay.

        One that is processing must not be run by anybody any more.

        Raises:
            NotFound: there is no such job.
            Conflict: it has succeeded.
        """

        def work(connection: Connection) -> Job:
            job = _get(connection, job_id)
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
            _set_image_status(connection, [job.id], Status.PENDING, now)
            return _get(connection, job_id)

        return await self._database.write(work)

    async def cancel(self, job_id: JobId, *, now: datetime) -> Job:
        """End a job that has not ended yet; what it has made stays.

        Raises:
            NotFound: there is no such job.
            Conflict: it has ended already.
        """

        def work(connection: Connection) -> Job:
            job = _get(connection, job_id)
            if job.status.is_final:
                raise Conflict(f"A job that is {job.status} cannot be cancelled.")
            connection.execute(
                update(jobs)
                .where(jobs.c.id == job_id)
                .values(status=Status.CANCELLED, finished_at=now)
            )
            connection.execute(
                update(job_operations)
                .where(
                    job_operations.c.job_id == job_id,
                    job_operations.c.status != Status.SUCCEEDED,
                )
                .values(status=Status.CANCELLED)
            )
            _set_image_status(connection, [job.id], Status.FAILED, now)
            return _get(connection, job_id)

        return await self._database.write(work)

    async def remove(self, job_id: JobId) -> None:
        """Delete a job that has ended; what it has made stays, and its image's status.

        Raises:
            NotFound: there is no such job.
            Conflict: it has not ended.
        """

        def work(connection: Connection) -> None:
            job = _get(connection, job_id)
            if not job.status.is_final:
                raise Conflict(f"A job that is {job.status} cannot be deleted.")
            connection.execute(delete(jobs).where(jobs.c.id == job_id))
            connection.execute(
                update(images)
                .where(images.c.id == job.image_id, images.c.job_id == job_id)
                .values(job_id=None)
            )

        await self._database.write(work, makes_room=True)

    async def get(self, job_id: JobId) -> Job:
        """The job with this id.

        Raises:
            NotFound: there is none.
        """
        return await self._database.read(lambda connection: _get(connection, job_id))

    async def page(self, wanted: JobFilter, *, limit: int, after: UUID | None) -> Page[Job]:
        """Jobs, the newest first, older than `after`."""
        return await self._database.read(
            lambda connection: page_of_jobs(connection, wanted, limit, after)
        )

    async def count_open(self) -> dict[Status, int]:
        """How many jobs are pending and processing; the ended ones are not counted."""
        query = (
            select(jobs.c.status, func.count())
            .where(jobs.c.status.in_([Status.PENDING, Status.PROCESSING]))
            .group_by(jobs.c.status)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return {Status(status): count for status, count in rows}


def _set_image_status(
    connection: Connection, job_ids: list[UUID], status: Status, now: datetime
) -> None:
    """Images show how far their newest job has come; that of older ones does not count.

    Every change of a job's status ends here, and its event with it.
    """
    if not job_ids:
        return
    connection.execute(
        _SET_IMAGE_STATUS,
        {
            "ids": job_ids,
            "status": status,
            "updated_at": now,
            "completed_at": now if status is Status.SUCCEEDED else None,
        },
    )
    tell_jobs(connection, job_ids, now)


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


def _claimed(connection: Connection, claimed: list[Job]) -> list[ClaimedJob]:
    rows = connection.execute(_ORIGINALS, {"ids": [job.image_id for job in claimed]})
    found = {row.id: row for row in rows}
    return [
        ClaimedJob(
            job,
            original_of(found[job.image_id]),
            needs_facts=facts_of(found[job.image_id]) is None,
        )
        for job in claimed
    ]


def _get(connection: Connection, job_id: JobId) -> Job:
    rows = connection.execute(select(jobs).where(jobs.c.id == job_id)).all()
    if not rows:
        raise NotFound(NO_SUCH_ID)
    return with_operations(connection, rows)[0]
