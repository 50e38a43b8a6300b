"""One claimed job: has its variants made, and settles it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

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
from imagesvc.model.ids import utc_now
from imagesvc.model.jobs import Operation, Status
from imagesvc.outages.outage import Outage
from imagesvc.store.files.files import is_of_disk, named_error
from imagesvc.store.jobs.claiming import ClaimedJob
from imagesvc.store.jobs.jobs import JobStore
from imagesvc.store.jobs.settling import Settlement
from imagesvc.tracing.spans import Span, span

log = structlog.get_logger()

ERROR_PAUSE_SECONDS = 1.0
"""The time between two attempts to settle a job."""


class Execution:
    """Executes claimed jobs, however they were claimed.

    Args:
        queue: has them.
        maker: makes what they lack.
        limits: of attempts.
        check_disk: raises what is wrong with the disk as a whole, after an error of one file.
        clock: tells the time.
    """

    def __init__(
        self,
        queue: JobStore,
        maker: Maker,
        limits: RunnerLimits,
        check_disk: Callable[[], Awaitable[None]],
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._queue = queue
        self._maker = maker
        self._limits = limits
        self._check_disk = check_disk
        self._clock = clock
        self.space = SpaceWait(space_delay(self._first_delay).total_seconds())
        self.results = Results()
        self._outage = Outage(
            "job not settled", "job.unsettled", "jobs are settled again", "job.settled"
        )

    @property
    def _first_delay(self) -> timedelta:
        return timedelta(seconds=self._limits.retry_delay)

    async def run(self, item: ClaimedJob) -> Status | None:
        """Make what a job lacks, and record how that ended.

        Returns:
            The status recorded; None when there is none.
        """
        try:
            with span("job") as traced:
                return await self._make_and_settle(item, traced)
        except ImagesvcError as error:  # the next start queues it again, as after a crash
            job = str(item.job.id)
            log.error("job not settled", action="job.unsettled", job=job, error=str(error))
            return None

    async def _make_and_settle(self, item: ClaimedJob, traced: Span) -> Status | None:
        job, started = item.job, self._clock()
        todo = [operation for operation in job.operations if not operation.status.is_final]
        try:
            made = await self._make(item, todo)
            outcomes, analysis, failure = made.outcomes, made.analysis, None
        except ImagesvcError as error:
            outcomes, analysis, failure = [error] * len(todo), None, error
        attempt = Attempt(job, todo, outcomes, failure)
        settlement = attempt.settlement(self._clock(), self._limits.max_attempts, self._first_delay)
        settlement = replace(settlement, claim=item.claim)
        self._note_space(settlement)
        if analysis is not None:
            settlement = replace(settlement, analysis=(item.original.digest, analysis))
        recorded = await self._settle(settlement)
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
        return recorded

    def _note_space(self, settlement: Settlement) -> None:
        if not settlement.is_counted:
            self.space.found_none(settlement.error_detail or "")
        elif settlement.variants:
            self.space.found()

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
                self._outage.failed(job=str(settlement.job_id), error=str(error))
                await asyncio.sleep(ERROR_PAUSE_SECONDS)
            else:
                self._outage.passed()
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
            elif is_of_disk(error):  # if it fails as a whole, no attempt is counted
                await self._check_disk()
            raise known or ImagesvcError("An internal error stopped this job.") from error
