"""A worker: runs the jobs that the queue gives it, and looks after the queue."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from uuid import UUID, uuid4

import structlog

from imagesvc.cancellation import end, run_to_end
from imagesvc.errors import DatabaseDamaged, ImagesvcError, Unavailable
from imagesvc.jobs.cluster.engine import Engine
from imagesvc.jobs.cluster.room import Room
from imagesvc.jobs.execution import ERROR_PAUSE_SECONDS, Execution
from imagesvc.jobs.results import Results
from imagesvc.model.ids import JobId, utc_now
from imagesvc.outages.outage import Outage
from imagesvc.store.jobs.claiming import ClaimedJob
from imagesvc.store.jobs.jobs import JobStore

log = structlog.get_logger()

RECONCILE_SECONDS = 60.0


class JobWorker:
    """Runs jobs from `start` to `stop`."""

    def __init__(
        self,
        queue: JobStore,
        execution: Execution,
        engine_of: Callable[[Callable[[str], Awaitable[None]]], Engine],
        check_room: Callable[[], Awaitable[None]],
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._queue = queue
        self._execution = execution
        self._engine = engine_of(self._attempt)
        self.room = Room(check_room, self._engine.restart)
        self._clock = clock
        self._is_stopping = False
        self._outage = Outage(
            "no jobs can be taken", "jobs.claim_failed", "jobs are taken again", "jobs.claimed"
        )
        self._running: set[asyncio.Task[None]] = set()
        self._serving: asyncio.Task[None] | None = None
        self._care: list[asyncio.Task[None]] = []

    @property
    def results(self) -> Results:
        """How attempts have ended."""
        return self._execution.results

    async def start(self) -> None:
        """Begin to take jobs."""
        await self._engine.open()
        self._serving = asyncio.create_task(self._serve())
        self._care = [
            asyncio.create_task(self.room.watch()),
            asyncio.create_task(self._regularly(self._rescue, self._engine.beat_seconds)),
            asyncio.create_task(self._regularly(self._reconcile, RECONCILE_SECONDS)),
        ]

    async def stop(self, grace_seconds: float) -> None:
        """Take no more jobs, let what runs finish for a while, and put the rest back."""
        self._is_stopping = True
        if self._serving is not None:
            self._serving.cancel()
        if self._running:
            await asyncio.wait(self._running, timeout=grace_seconds)
        await end(*self._running)
        if self._serving is not None:
            await end(self._serving)
        await end(*self._care)
        await self._engine.close()

    async def _serve(self) -> None:
        """Have the engine run jobs; it ends without room, or after an outage of the database."""
        while not self._is_stopping:
            await self.room.wait()
            try:
                await self._engine.run()
                if self.room.is_there:
                    log.info("the worker connects again", action="jobs.reconnected")
            except Exception as error:  # noqa: BLE001  # of the engine or its driver: it starts again
                self._outage.failed(error=reason_of(error))
            await asyncio.sleep(ERROR_PAUSE_SECONDS)

    async def _regularly(self, work: Callable[[], Awaitable[None]], seconds: float) -> None:
        while True:
            try:
                await work()
                self._outage.passed()
            except Exception as error:  # noqa: BLE001  # the same
                self._outage.failed(error=reason_of(error))
            await asyncio.sleep(seconds)

    async def _rescue(self) -> None:
        try:
            found = await self._engine.rescue()
        except Exception:
            self._engine.restart()
            raise
        if found:
            log.warning("jobs of a lost worker are run again", action="jobs.rescued", jobs=found)

    async def _reconcile(self) -> None:
        if found := await self._queue.announce_lost(now=self._clock()):
            log.warning("lost jobs are queued again", action="jobs.announced", jobs=found)

    async def _attempt(self, job_id: str) -> None:
        """Run a job that the engine gives, unless it has ended."""
        task = asyncio.current_task()
        if task is None:
            return
        self._running.add(task)
        job, claim = JobId(UUID(job_id)), uuid4()
        try:
            item = await self._take(job, claim)
            if item is not None:
                await self._execution.run(item)
                if self._execution.space.seconds_left:  # it found no room, perhaps here
                    await self.room.look()
        except asyncio.CancelledError:  # of a stop, or of the job
            await run_to_end(self._give_back(job, claim))
            raise
        finally:
            self._running.discard(task)

    async def _take(self, job_id: JobId, claim: UUID) -> ClaimedJob | None:
        """Take a job as soon as the database can be used."""
        while True:
            try:
                return await run_to_end(self._queue.take(job_id, claim, now=self._clock()))
            except DatabaseDamaged:  # which waiting does not repair
                raise
            except Unavailable as error:
                self._outage.failed(error=str(error))
                await asyncio.sleep(ERROR_PAUSE_SECONDS)

    async def _give_back(self, job_id: JobId, claim: UUID) -> None:
        try:
            await self._queue.give_back(job_id, claim, now=self._clock())
        except ImagesvcError as error:  # another worker takes it over
            job = str(job_id)
            log.error("job not released", action="jobs.unreleased", job=job, error=str(error))


def reason_of(error: Exception) -> str:
    """In one line: the engine's errors say of which kind they are, and the driver's say why."""
    cause = error.__cause__ or error
    return " ".join(str(cause).split()) or type(cause).__name__
