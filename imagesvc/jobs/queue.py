"""What a durable job queue promises; `store.jobs.JobStore` keeps the promise in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from imagesvc.model import Job, JobId, Receipt, Status
from imagesvc.store.db.pages import Page
from imagesvc.store.jobs.claims import Slots
from imagesvc.store.jobs.jobs import ClaimedJob, Settlement
from imagesvc.store.jobs.listing import JobFilter


class JobQueue(Protocol):
    """Jobs enter with their image's transaction, or later, and leave settled, across any crash."""

    async def add(
        self, added: Sequence[Job], *, now: datetime, receipt: Receipt | None = None
    ) -> None:
        """Take jobs of images that are there already, all or none, with the request's receipt."""
        ...

    async def claim(self, slots: Slots, *, now: datetime) -> list[ClaimedJob]:
        """Take due jobs for free slots, the most urgent first; owners take turns."""
        ...

    async def settle(self, settlement: Settlement, *, now: datetime) -> Status | None:
        """Record how an attempt ended; None when the job was cancelled or deleted meanwhile."""
        ...

    async def release(self, job_ids: Sequence[JobId], *, now: datetime) -> None:
        """Put claimed jobs back untouched."""
        ...

    async def recover(self, *, now: datetime) -> int:
        """Queue again what a crash left processing; the number of jobs."""
        ...

    async def next_due_at(self, now: datetime) -> datetime | None:
        """When the next job will be due that is not due yet."""
        ...

    async def retry(self, job_id: JobId, *, now: datetime) -> Job:
        """Queue a job again that has not succeeded and that nobody runs."""
        ...

    async def cancel(self, job_id: JobId, *, now: datetime) -> Job:
        """End a job that has not ended."""
        ...

    async def remove(self, job_id: JobId) -> None:
        """Delete a job that has ended."""
        ...

    async def get(self, job_id: JobId) -> Job:
        """The job with this id."""
        ...

    async def page(self, wanted: JobFilter, *, limit: int, after: UUID | None) -> Page[Job]:
        """Jobs, the newest first, older than `after`."""
        ...
