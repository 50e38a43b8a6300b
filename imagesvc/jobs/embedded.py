"""The runner of the one process that uses a database: it claims the jobs itself."""

from __future__ import annotations

import asyncio
import functools
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog
from anyio import move_on_after

from imagesvc.cancellation import run_to_end
from imagesvc.errors import DatabaseDamaged, ImagesvcError
from imagesvc.jobs.execution import ERROR_PAUSE_SECONDS, Execution
from imagesvc.jobs.results import Results
from imagesvc.model.ids import JobId, UserId, utc_now
from imagesvc.model.jobs import Job, Status
from imagesvc.outages.outage import Outage
from imagesvc.store.jobs.claiming import ClaimedJob
from imagesvc.store.jobs.jobs import JobStore
from imagesvc.store.jobs.turns import Slots

log = structlog.get_logger()

IDLE_SECONDS = 30.0
"""The time after which an idle runner queries for jobs of other processes."""
DAMAGED_PAUSE_SECONDS = 60.0
"""The time between two attempts to claim jobs of a damaged database."""


class EmbeddedRunner:
    """Runs the jobs of one database until it is stopped; see `Runner`."""

    def __init__(
        self,
        queue: JobStore,
        execution: Execution,
        concurrency: int,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._queue = queue
        self._concurrency = concurrency
        self._clock = clock
        self.is_draining = False
        """Set before a stop: running jobs continue, no more are claimed."""
        self._execution = execution
        self._claim_outage = Outage(
            "no jobs can be claimed", "jobs.claim_failed", "jobs are claimed again", "jobs.claimed"
        )
        self._claiming = asyncio.Lock()
        self._are_left = True
        """Whether jobs may be due that wait for a slot, so that the end of a job is a reason to
        claim."""
        self._wake = asyncio.Event()
        self._stopping = asyncio.Event()
        self._running: dict[JobId, asyncio.Task[None]] = {}
        self._running_of: Counter[UserId | None] = Counter()
        self._loop_task: asyncio.Task[None] | None = None

    @property
    def results(self) -> Results:
        """How attempts have ended since the start."""
        return self._execution.results

    async def start(self) -> int:
        """Queue again the jobs that a crash left, then start.

        Returns the number of recovered jobs.
        """
        recovered = await self._queue.recover(now=self._clock())
        self._loop_task = asyncio.create_task(self._run())
        return recovered

    def notify(self) -> None:
        """Say that a job may be due: one was added or retried."""
        self._wake.set()

    async def abandon(self, job_id: JobId) -> None:
        """Stop the attempt of a cancelled job; its worker is killed."""
        task = self._running.get(job_id)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def retry(self, job_id: JobId) -> Job:
        """Queue a job again; an attempt of it that is under way is stopped.

        A cancellation waits until the job is queued: it is not left stopped and never run.

        Raises:
            NotFound: there is no such job.
            Conflict: it has succeeded.
        """
        return await run_to_end(self._retry(job_id))

    async def _retry(self, job_id: JobId) -> Job:
        async with self._claiming:  # or it could be claimed before it is queued again
            await self.abandon(job_id)
            job = await self._queue.retry(job_id, now=self._clock())
        self.notify()
        return job

    async def retry_several(self, job_ids: Sequence[JobId]) -> dict[JobId, ImagesvcError]:
        """As `retry`; the errors of those that were not queued."""
        return await run_to_end(self._retry_several(job_ids))

    async def _retry_several(self, job_ids: Sequence[JobId]) -> dict[JobId, ImagesvcError]:
        async with self._claiming:
            for job_id in job_ids:
                await self.abandon(job_id)
            errors = await self._queue.retry_several(job_ids, now=self._clock())
        self.notify()
        return errors

    async def stop(self, grace_seconds: float) -> None:
        """Claim no more, let what runs finish for a while, and queue the rest again."""
        self.is_draining = True
        self._stopping.set()
        self._wake.set()
        if self._loop_task is not None:  # not cancelled: a claim under way would be lost
            await asyncio.gather(self._loop_task, return_exceptions=True)
        if self._running:
            await asyncio.wait(self._running.values(), timeout=grace_seconds)
        unfinished = list(self._running)
        for task in list(self._running.values()):
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)
        if unfinished:
            try:
                await self._queue.release(unfinished, now=self._clock())
            except ImagesvcError as error:  # the next start recovers them, as after a crash
                log.error("jobs not released", action="jobs.unreleased", error=str(error))

    async def _run(self) -> None:
        while not self.is_draining:
            self._wake.clear()
            try:
                async with self._claiming:
                    next_due_at = await self._claim(self._clock())
                self._claim_outage.passed()
                await self._sleep(next_due_at)
            except ImagesvcError as error:
                self._claim_outage.failed(error=str(error))
                is_damaged = isinstance(error, DatabaseDamaged)
                pause = DAMAGED_PAUSE_SECONDS if is_damaged else ERROR_PAUSE_SECONDS
                with move_on_after(pause):
                    await self._stopping.wait()

    async def _claim(self, now: datetime) -> datetime | None:
        """Run due jobs in the free slots; returns when another job is due, if that matters."""
        running = len(self._running)
        free = self._execution.space.slots(self._concurrency - running, running)
        self._are_left = True  # for a job that ends before the claim does
        if free <= 0:
            return None
        claim = await self._queue.claim(Slots(free, self._running_of), now=now)
        self._are_left = claim.are_left
        for item in claim.jobs:
            task = asyncio.create_task(self._attempt(item))
            self._running[item.job.id] = task
            self._running_of[item.job.owner_id] += 1
            task.add_done_callback(functools.partial(self._ended, item.job))
        return claim.next_due_at

    def _ended(self, job: Job, _task: asyncio.Task[None]) -> None:
        del self._running[job.id]
        self._running_of[job.owner_id] -= 1
        if not self._running_of[job.owner_id]:
            del self._running_of[job.owner_id]
        if self._are_left:
            self._wake.set()

    async def _sleep(self, due_at: datetime | None) -> None:
        """Wait until a job may be claimed that could not be claimed just now.

        A job that is due and was left waits for a slot: then the end of a job wakes this task.
        """
        seconds = IDLE_SECONDS
        if due_at is not None:
            seconds = min(seconds, max(0.0, (due_at - self._clock()).total_seconds()))
        if (pause := self._execution.space.seconds_left) > 0:
            seconds = pause
        with move_on_after(seconds):
            await self._wake.wait()

    async def _attempt(self, item: ClaimedJob) -> None:
        if await self._execution.run(item) is Status.PENDING:
            self.notify()  # it is due later
