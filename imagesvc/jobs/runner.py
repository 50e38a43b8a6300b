"""What servers need of whatever runs the jobs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from imagesvc.errors import ImagesvcError
from imagesvc.jobs.results import Results
from imagesvc.model.ids import JobId
from imagesvc.model.jobs import Job


class Runner(Protocol):
    """Runs jobs, in this process or through others, from `start` to `stop`."""

    is_draining: bool
    """Set before a stop: running jobs continue, no more are claimed."""

    @property
    def results(self) -> Results:
        """How the attempts of this process have ended since the start."""

    async def start(self) -> int:
        """Start; returns the number of jobs that a crash left, and that were queued again."""

    def notify(self) -> None:
        """Say that a job may be due: one was added or retried."""

    async def abandon(self, job_id: JobId) -> None:
        """Stop the attempt of a cancelled job; its worker is killed."""

    async def retry(self, job_id: JobId) -> Job:
        """Queue a job again; an attempt of it that is under way is stopped.

        A cancellation waits until the job is queued: it is not left stopped and never run.

        Raises:
            NotFound: there is no such job.
            Conflict: it has succeeded.
        """

    async def retry_several(self, job_ids: Sequence[JobId]) -> dict[JobId, ImagesvcError]:
        """As `retry`; the errors of those that were not queued."""

    async def stop(self, grace_seconds: float) -> None:
        """Claim no more, let what runs finish for a while, and queue the rest again."""
