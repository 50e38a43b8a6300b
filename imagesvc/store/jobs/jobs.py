"""Queries about jobs: one method, one transaction; the clock is an argument."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, bindparam, func, select, update

from imagesvc.errors import NO_SUCH_ID, ImagesvcError, NotFound
from imagesvc.model.ids import JobId, UserId
from imagesvc.model.images import Viewer
from imagesvc.model.jobs import Job, Status
from imagesvc.model.uploads import IdempotencyRecord
from imagesvc.store.db.database import Database
from imagesvc.store.db.pages import Page
from imagesvc.store.db.schema.images import images
from imagesvc.store.db.schema.jobs import jobs
from imagesvc.store.idempotency import insert_record
from imagesvc.store.jobs.actions import cancel_job, remove_job, retry_job
from imagesvc.store.jobs.claiming import (
    NEXT_DUE,
    OLDEST_DUE,
    Claim,
    ClaimedJob,
    claim_jobs,
    release_jobs,
)
from imagesvc.store.jobs.engine import announce_lost, lost_jobs, remove_ended
from imagesvc.store.jobs.listing import JobFilter, page_of_jobs
from imagesvc.store.jobs.rows import get_job, insert_job
from imagesvc.store.jobs.settling import Settlement, recover_jobs, settle_job
from imagesvc.store.jobs.summary import JobSummary, ids_with_status, summary_of
from imagesvc.store.jobs.taking import give_back, take_job
from imagesvc.store.jobs.turns import Slots, Turns

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


class JobStore:
    """The jobs of one database: the truth about the queue."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turns = Turns()

    async def add(
        self, added: Sequence[Job], *, now: datetime, record: IdempotencyRecord | None = None
    ) -> None:
        """Insert jobs of existing images, all or none; each is then its image's newest.

        Raises:
            NotFound: an image has been deleted.
            RequestInProgress: another node was faster with the same key.
        """

        def work(connection: Connection) -> None:
            if record is not None:
                insert_record(connection, record)
            for job in added:
                values = {"newest": job.id, "image": job.image_id, "updated_at": now}
                if not connection.execute(_SET_NEWEST, values).rowcount:
                    raise NotFound(NO_SUCH_ID)
                insert_job(connection, job)

        await self._database.write(work)

    async def claim(self, slots: Slots, *, now: datetime) -> Claim:
        """Take due jobs for free slots and mark them as processing.

        One writer at a time holds the database, so two claims never take the same job.
        """
        return await self._database.write(
            lambda connection: claim_jobs(connection, slots, self._turns, now)
        )

    async def next_due_at(self, now: datetime) -> datetime | None:
        """The due time of the next job that is not due yet; None when there is none."""
        return await self._database.read(
            lambda connection: connection.scalar(NEXT_DUE, {"now": now})
        )

    async def settle(self, settlement: Settlement, *, now: datetime) -> Status | None:
        """Record the end of an attempt, with its variants.

        A job that was cancelled, or whose image was deleted, while it ran is unchanged.

        Returns:
            The status recorded; None when the job was no longer processing.
        """
        return await self._database.write(
            lambda connection: settle_job(connection, settlement, now)
        )

    async def release(self, job_ids: Sequence[JobId], *, now: datetime) -> None:
        """Put jobs back that were claimed and not run, as if they never had been claimed."""
        await self._database.write(lambda connection: release_jobs(connection, job_ids, now))

    async def take(self, job_id: JobId, claim: UUID, *, now: datetime) -> ClaimedJob | None:
        """Take a job of a queue that several processes share; None if it has ended.

        A job that another worker left processing is taken from it: this counts as an interruption.
        """
        return await self._database.write(
            lambda connection: take_job(connection, job_id, claim, now)
        )

    async def give_back(self, job_id: JobId, claim: UUID, *, now: datetime) -> bool:
        """Put a job back that was taken and not run; False if it is no longer of this claim."""
        return await self._database.write(
            lambda connection: give_back(connection, job_id, claim, now)
        )

    async def announce_lost(self, *, now: datetime) -> int:
        """Tell workers of the jobs of which none would learn; returns their number."""
        await self._database.write(remove_ended, wakes=False)
        if not await self._database.read(lost_jobs):  # which locks nothing
            return 0
        return await self._database.write(lambda connection: announce_lost(connection, now))

    async def recover(self, *, now: datetime) -> int:
        """Queue the jobs again that a crash left processing; returns their number.

        A crash of the server does not count as an attempt, unless it is repeated: then the job is
        treated as the cause and fails.
        """
        # Deleting on a full disk begins with a start.
        return await self._database.write(
            lambda connection: recover_jobs(connection, now), may_use_reserve=True
        )

    async def retry(self, job_id: JobId, *, now: datetime) -> Job:
        """Queue a job again, due now and with all its attempts; made variants stay.

        A job that is processing must no longer be run by any runner.

        Raises:
            NotFound: there is no such job.
            Conflict: it has succeeded.
        """
        return await self._database.write(lambda connection: retry_job(connection, job_id, now))

    async def retry_several(
        self, job_ids: Sequence[JobId], *, now: datetime
    ) -> dict[JobId, ImagesvcError]:
        """As `retry`, in one transaction; the errors of those that were not queued."""

        def work(connection: Connection) -> dict[JobId, ImagesvcError]:
            errors: dict[JobId, ImagesvcError] = {}
            for job_id in job_ids:
                try:
                    retry_job(connection, job_id, now)
                except ImagesvcError as error:  # before anything was written
                    errors[job_id] = error
            return errors

        return await self._database.write(work)

    async def summary(self, viewer: Viewer, owner_id: UserId | None) -> JobSummary:
        """How many jobs there are of each status, and how long they wait."""
        return await self._database.read(
            lambda connection: summary_of(connection, viewer, owner_id)
        )

    async def with_status(
        self,
        viewer: Viewer,
        owner_id: UserId | None,
        status: Status,
        *,
        limit: int,
        after: JobId | None,
    ) -> Sequence[JobId]:
        """Some jobs with a status, the oldest first, those newer than `after`."""
        return await self._database.read(
            lambda connection: ids_with_status(
                connection, viewer, owner_id, status, limit=limit, after=after
            )
        )

    async def cancel(self, job_id: JobId, *, now: datetime) -> Job:
        """End a job that has not ended yet; its results stay.

        Raises:
            NotFound: there is no such job.
            Conflict: it has ended already.
        """
        return await self._database.write(lambda connection: cancel_job(connection, job_id, now))

    async def remove(self, job_id: JobId) -> None:
        """Delete a job that has ended; its results stay, and its image's status.

        Raises:
            NotFound: there is no such job.
            Conflict: it has not ended.
        """
        await self._database.write(
            lambda connection: remove_job(connection, job_id), may_use_reserve=True
        )

    async def get(self, job_id: JobId) -> Job:
        """The job with this id.

        Raises:
            NotFound: there is none.
        """
        return await self._database.read(lambda connection: get_job(connection, job_id))

    async def page(self, wanted: JobFilter, *, limit: int, after: UUID | None) -> Page[Job]:
        """Jobs, the newest first, older than `after`."""
        return await self._database.read(
            lambda connection: page_of_jobs(connection, wanted, limit, after)
        )

    async def oldest_due_at(self, now: datetime) -> datetime | None:
        """When the pending job that has been due for longest was; None if none is due."""
        return await self._database.read(
            lambda connection: connection.scalar(OLDEST_DUE, {"now": now})
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
