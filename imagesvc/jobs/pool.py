"""The worker pool: processes that touch pixels, so that the server process never does."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, TypeVar, TypeVarTuple, Unpack

import structlog
from anyio import BrokenWorkerProcess, CapacityLimiter, fail_after, to_process

from imagesvc.errors import ImagesvcError, TimedOut, WorkerDied
from imagesvc.jobs import worker
from imagesvc.jobs.admission import Admission
from imagesvc.jobs.worker import Confinement, Reply
from imagesvc.model import Lane

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

log = structlog.get_logger()

PRELOADED = ("imagesvc.imaging.probe", "imagesvc.imaging.render")
START_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """How many workers there are and what each may use; sizes in bytes."""

    workers: int
    worker_memory: int
    worker_jobs: int
    worker_resident: int
    decode_memory: int
    output_bytes: int
    queue_size: int


class WorkerPool:
    """Calls functions in limited worker processes.

    A call that times out or is cancelled has its process killed; a process that dies fails
    its own call only. A worker that has served long or grown large is replaced.
    """

    def __init__(self, limits: PoolLimits) -> None:
        self._limits = limits
        self._confinement = Confinement(limits.worker_memory, limits.output_bytes)
        self._limiter = CapacityLimiter(limits.workers)
        self.is_started = False
        self._background: set[asyncio.Task[None]] = set()
        self.admission = Admission(
            slots=limits.workers, memory=limits.decode_memory, max_waiting=limits.queue_size
        )

    async def start(self) -> None:
        """Start every worker and have it load the codecs."""
        os.environ.setdefault("MALLOC_ARENA_MAX", "2")  # inherited: arenas count as memory used
        async with asyncio.TaskGroup() as group:
            for _ in range(self._limits.workers):
                group.create_task(self._warm())
        self.is_started = True

    @contextlib.asynccontextmanager
    async def admit(self, lane: Lane, cost: int) -> AsyncIterator[None]:
        """Wait for a worker and for memory; see `Admission.admit`."""
        async with self.admission.admit(lane, cost):
            yield

    async def run(self, function: Callable[[Unpack[Ts]], T], *args: *Ts, timeout: float) -> T:
        """Call `function` in a worker; the caller has been admitted.

        Raises:
            TimedOut: it took longer than `timeout` seconds and its process was killed.
            WorkerDied: its process ended by itself, or the system ended it.
            ImagesvcError: what the function raised.
        """
        try:
            with fail_after(timeout):
                reply = await self._call(function, args)
        except TimeoutError:
            raise TimedOut(f"The work took longer than {timeout:g} s and was stopped.") from None
        except BrokenWorkerProcess as error:
            raise WorkerDied("The process that worked on this image died.") from error
        if self._is_worn(reply):
            self._in_background(self._replace_one())
        if reply.error is not None:
            raise reply.error
        value: T = reply.value
        return value

    async def _call(self, function: Callable[..., Any], args: tuple[Any, ...]) -> Reply:
        return await to_process.run_sync(
            worker.call,
            self._confinement,
            function,
            args,
            cancellable=True,
            limiter=self._limiter,
        )

    def _is_worn(self, reply: Reply) -> bool:
        limits = self._limits
        return reply.calls >= limits.worker_jobs or reply.resident_bytes > limits.worker_resident

    async def _replace_one(self) -> None:
        """End the worker that was idle last, mostly the worn one, and start a fresh one.

        Should another one have been idle later, that one goes, and the worn one reports
        itself again at its next call.
        """
        async with self.admit(Lane.INTERACTIVE, 0):
            with contextlib.suppress(BrokenWorkerProcess):
                await to_process.run_sync(os._exit, 0, limiter=self._limiter)
            await self._warm()
        log.debug("worker replaced", action="worker.replaced")

    async def _warm(self) -> None:
        with contextlib.suppress(ImagesvcError):  # the next call will say it better
            await self.run(worker.ready, PRELOADED, timeout=START_SECONDS)

    def _in_background(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def close(self) -> None:
        """Stop replacing workers; the processes end with the event loop."""
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
