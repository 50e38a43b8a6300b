"""A server's side of jobs that `imagesvc worker` runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from imagesvc.cancellation import run_to_end
from imagesvc.errors import ImagesvcError
from imagesvc.jobs.results import Results
from imagesvc.model.ids import JobId, utc_now
from imagesvc.model.jobs import Job
from imagesvc.store.jobs.jobs import JobStore


class RemoteRunner:
    """Leaves jobs to workers, which learn of every change with its commit; see `Runner`."""

    def __init__(self, queue: JobStore, clock: Callable[[], datetime] = utc_now) -> None:
        self._queue = queue
        self._clock = clock
        self.is_draining = False
        self.results = Results()
        """Of this process: none."""

    async def start(self) -> int:
        """Do nothing: what is processing is run by a worker, or taken over by another."""
        return 0

    def notify(self) -> None:
        """Do nothing: the commit has told them."""

    async def abandon(self, job_id: JobId) -> None:
        """Do nothing: the commit that ended the job has stopped its attempt."""

    async def retry(self, job_id: JobId) -> Job:
        """See `Runner`."""
        return await run_to_end(self._queue.retry(job_id, now=self._clock()))

    async def retry_several(self, job_ids: Sequence[JobId]) -> dict[JobId, ImagesvcError]:
        """See `Runner`."""
        return await run_to_end(self._queue.retry_several(job_ids, now=self._clock()))

    async def stop(self, grace_seconds: float) -> None:
        """Do nothing: no job runs here."""
