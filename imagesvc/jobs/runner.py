"""The runner: claims jobs, has their variants made, settles them; stops in good order."""

from __future__ import annotations

import asyncio
import functools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from anyio import move_on_after

from imagesvc.cancellation import run_to_end
from imagesvc.errors import DatabaseDamaged, ImagesvcError, Unavailable
from imagesvc.imaging.transforms.transform import parse_text
from imagesvc.jobs.attempts import Attempt
from imagesvc.jobs.calls import MakeTask
from imagesvc.jobs.limits import RunnerLimits
from imagesvc.jobs.maker import Made, Maker
from imagesvc.jobs.results import Results
from imagesvc.jobs.retry import space_delay
from imagesvc.jobs.space import SpaceWait
from imagesvc.model.ids import JobId, UserId, utc_now
from imagesvc.model.jobs import Job, Operation, Status
from imagesvc.outages import Outage
from imagesvc.store.files.files import named_error
from imagesvc.store.jobs.claiming import ClaimedJob
from imagesvc.store.jobs.jobs import JobStore
from imagesvc.store.jobs.settling import Settlement
from imagesvc.store.jobs.turns import Slots
from imagesvc.tracing.spans import Span, span

log = structlog.get_logger()

IDLE_SECONDS = 30.0
"""The time after which an idle runner queries for jobs of other processes."""
ERROR_PAUSE_SECONDS = 1.0
DAMAGED_PAUSE_SECONDS = 60.0
"""The time between two attempts to claim jobs of a damaged database."""


class Runner:
    """Runs the jobs of one queue until it is stopped."""

    def __init__(
        self,
        queue: JobStore,
        maker: Maker,
        limits: RunnerLimits,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._queue = queue
        self._maker = maker
        self._limits = limits
        self._clock = clock
        self.is_draining = False
        """Set before a stop: running jobs continue, no more are claimed."""
        self._space = SpaceWait(space_delay(self._first_delay).total_seconds())
        self._claim_outage = Outage(
            "no jobs can be claimed", "jobs.claim_failed", "jobs are claimed again", "jobs.claimed"
        )
        self._settle_outage = Outage(
            "job not settled", "job.unsettled", "jobs are settled again", "job.settled"
        )
        self._claiming = asyncio.Lock()
        self._are_left = True
        """Whether jobs may be due that wait for a slot, so that the end of a job is a reason to
        claim."""
        self._wake = asyncio.Event()
        self._stopping = asyncio.Event()
        self.results = Results()
        self._running: dict[JobId, asyncio.Task[None]] = {}
        self._running_of: Counter[UserId | None] = Counter()
        self._loop_task: asyncio.Task[None] | None = None

    @property
    def _first_delay(self) -> timedelta:
        return timedelta(seconds=self._limits.retry_delay)

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
        free = self._space.slots(self._limits.concurrency - running, running)
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
        if (pause := self._space.seconds_left) > 0:
            seconds = pause
        with move_on_after(seconds):
            await self._wake.wait()

    async def _attempt(self, item: ClaimedJob) -> None:
        try:
            with span("job") as traced:
                await self._make_and_settle(item, traced)
        except ImagesvcError as error:  # the next start queues it again, as after a crash
            job = str(item.job.id)
            log.error("job not settled", action="job.unsettled", job=job, error=str(error))

    async def _make_and_settle(self, item: ClaimedJob, traced: Span) -> None:
        job, started = item.job, self._clock()
        todo = [operation for operation in job.operations if not operation.status.is_final]
        try:
            made = await self._make(item, todo)
            outcomes, analysis, failure = made.outcomes, made.analysis, None
        except ImagesvcError as error:
            outcomes, analysis, failure = [error] * len(todo), None, error
        attempt = Attempt(job, todo, outcomes, failure)
        settlement = attempt.settlement(self._clock(), self._limits.max_attempts, self._first_delay)
        self._note_space(settlement)
        if analysis is not None:
            settlement = replace(settlement, analysis=(item.original.digest, analysis))
        recorded = await self._settle(settlement)
        if recorded is Status.PENDING:
            self.notify()  # it is due later
        ms = self.results.note(recorded, self._clock() - started)
        traced.note(imagesvc__job=str(job.id), imagesvc__status=str(recorded or "gone"))
        if settlement.error_code is not None:
            traced.fail(settlement.error_code)
        note = log.warning if settlement.error_code is not None else log.info
        note(
            "job",
            action="job.attempt",
            job=str(job.id),
            image=str(job.image_id),
            status=str(recorded or "gone"),
            attempt=job.attempts,
            ms=ms,
            error=settlement.error_code,
        )

    def _note_space(self, settlement: Settlement) -> None:
        if not settlement.is_counted:
            self._space.found_none(settlement.error_detail or "")
        elif settlement.variants:
            self._space.found()

    async def _settle(self, settlement: Settlement) -> Status | None:
        """Settle as soon as the database accepts it: a full disk may have space again.

        A cancellation waits for the attempt to settle that is running, not for a next one.
        """
        while True:
            try:
                status = await run_to_end(self._settle_once(settlement))
            except DatabaseDamaged:  # which waiting does not repair
                raise
            except Unavailable as error:
                self._settle_outage.failed(job=str(settlement.job_id), error=str(error))
                await asyncio.sleep(ERROR_PAUSE_SECONDS)
            else:
                self._settle_outage.passed()
                return status

    async def _settle_once(self, settlement: Settlement) -> Status | None:
        """Settle; the files of a job that is gone, or was cancelled, are removed."""
        status = await self._queue.settle(settlement, now=self._clock())
        if status is None:
            await self._maker.variants.disk.discard(settlement.variants)
        return status

    async def _make(self, item: ClaimedJob, todo: list[Operation]) -> Made:
        """Have operations made.

        Raises:
            ImagesvcError: none of them could be, nor could the original be looked at.
        """
        try:
            transforms = tuple(parse_text(operation.transform) for operation in todo)
            task = MakeTask(
                item.job.image_id,
                item.original,
                transforms,
                item.job.priority,
                item.needs_analysis,
                str(item.job.owner_id or ""),
            )
            return await self._maker.make(task, self._limits.job_timeout)
        except ImagesvcError:
            raise
        except Exception as error:
            known = named_error(error)
            if known is None:
                log.exception("bug in a job", action="job.bug", job=str(item.job.id))
            raise known or ImagesvcError("An internal error stopped this job.") from error
