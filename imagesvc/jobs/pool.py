"""The worker pool: processes that touch pixels, so that the server process never does.

anyio.to_process was the first choice. It costs the server half a millisecond of processor
time a call, an eighth of what a thumbnail costs its worker, and it unpickles whatever a
decoder sends back; a socket that carries JSON and bytes costs a tenth and trusts nobody.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog

from imagesvc.errors import ImagesvcError, TimedOut, WorkerDied
from imagesvc.imaging.calls import READY, Call, unpack_error
from imagesvc.jobs.admission import Admission
from imagesvc.jobs.process import Reply, WorkerProcess
from imagesvc.jobs.worker import Confinement
from imagesvc.model import Lane

T = TypeVar("T")

log = structlog.get_logger()

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
        self._idle: list[WorkerProcess] = []
        self._busy: set[WorkerProcess] = set()
        self._background: set[asyncio.Task[None]] = set()
        self.is_started = False
        self.calls = 0
        self.killed = 0
        self.admission = Admission(
            slots=limits.workers, memory=limits.decode_memory, max_waiting=limits.queue_size
        )

    async def start(self) -> None:
        """Start every worker and have it load the codecs.

        Raises:
            WorkerDied, TimedOut: one does not come up.
        """
        async with asyncio.TaskGroup() as group:
            for _ in range(self._limits.workers):
                group.create_task(self._add_worker())
        self.is_started = True

    def admit(self, lane: Lane, cost: int) -> AbstractAsyncContextManager[None]:
        """Wait for a worker and for memory; see `Admission.admit`."""
        return self.admission.admit(lane, cost)

    async def run(self, call: Call[T], *args: Any, timeout: float) -> T:
        """Make a call in a worker; the caller has been admitted.

        Raises:
            TimedOut: it took longer than `timeout` seconds and its process was killed.
            WorkerDied: its process ended by itself, or the system ended it.
            ImagesvcError: what the function raised.
        """
        worker = await self._take()
        self.calls += 1
        self._busy.add(worker)
        try:
            async with asyncio.timeout(timeout):
                reply = await worker.call(call.name, args)
        except TimeoutError:
            raise TimedOut(f"The work took longer than {timeout:g} s and was stopped.") from None
        else:
            if not self._is_worn(reply):
                self._idle.append(worker)
        finally:
            self._busy.discard(worker)
            if worker not in self._idle:
                self.killed += 1
                worker.kill()
                self._in_background(self._add_worker())
        return _value(call, reply)

    async def _take(self) -> WorkerProcess:
        while self._idle:
            worker = self._idle.pop()
            if worker.is_alive:
                return worker
            worker.kill()
        return await self._started_worker()

    async def _started_worker(self) -> WorkerProcess:
        worker = await WorkerProcess.start(self._confinement)
        try:
            async with asyncio.timeout(START_SECONDS):
                await worker.call(READY.name, ())
        except TimeoutError:
            worker.kill()
            raise TimedOut("A worker process does not come up.") from None
        except BaseException:
            worker.kill()
            raise
        return worker

    async def _add_worker(self) -> None:
        worker = await self._started_worker()
        if len(self._idle) + len(self._busy) < self._limits.workers:
            self._idle.append(worker)
        else:
            worker.kill()

    def _is_worn(self, reply: Reply) -> bool:
        limits, plain = self._limits, reply.plain
        return (
            int(plain["calls"]) >= limits.worker_jobs
            or int(plain["resident_bytes"]) > limits.worker_resident
        )

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        async def quietly() -> None:
            with contextlib.suppress(ImagesvcError):  # the next call says it better
                await work

        task = asyncio.create_task(quietly())
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def close(self) -> None:
        """End every worker."""
        self.is_started = False
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        for worker in (*self._idle, *self._busy):
            worker.kill()
        self._idle.clear()


def _value(call: Call[T], reply: Reply) -> T:
    plain = reply.plain
    try:
        if "error" in plain:
            error: ImagesvcError = unpack_error(plain["error"])
        elif "bug" in plain:
            log.error("bug in a worker", action="worker.bug", traceback=str(plain["bug"]))
            error = ImagesvcError("An internal error stopped this work.")
        else:
            return call.unpack(plain["value"], reply.body)
    except (KeyError, TypeError, ValueError) as garbled:
        raise WorkerDied("A worker process answered nonsense.") from garbled
    raise error
