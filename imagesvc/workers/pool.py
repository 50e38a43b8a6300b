"""The worker pool: processes that handle pixels, so that the server process never does.

anyio.to_process was the first choice. It costs the server half a millisecond of processor time a
call, an eighth of the worker's time for a thumbnail, and it unpickles the output of decoders. A
socket with JSON and bytes costs a tenth, and each value is checked.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from imagesvc.errors import ImagesvcError, NotFound, TimedOut, Unavailable
from imagesvc.imaging import replies
from imagesvc.imaging.calls import Call
from imagesvc.imaging.cost import PROBE_COST, Cost
from imagesvc.model.jobs import Priority
from imagesvc.workers.admission import Admission, Kind
from imagesvc.workers.answers import Failure, read_answer
from imagesvc.workers.process import WORKER_MODULE, Reply, WorkerProcess
from imagesvc.workers.sandbox.policy import Sandbox
from imagesvc.workers.starting import Starter
from imagesvc.workers.usage import RECYCLED, Usage

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """The number of workers and the limits of each; sizes in bytes."""

    workers: int
    worker_memory: int
    worker_jobs: int
    worker_resident: int
    decode_memory: int
    output_bytes: int
    queue_size: int


class WorkerPool:
    """Calls functions in limited worker processes.

    The process of a call that times out or is cancelled is killed; a process that dies fails its
    own call only. A worker that has served long or grown large is replaced. One process more than
    `limits.workers` is started when it is first needed: identification uses it while renderings
    occupy the others.
    """

    def __init__(
        self,
        limits: PoolLimits,
        spill_dir: Path,
        sandbox: Sandbox,
        module: str = WORKER_MODULE,
    ) -> None:
        self._limits = limits
        self._starter = Starter(
            sandbox, limits.worker_memory, limits.output_bytes, spill_dir, module
        )
        self.sandbox = sandbox
        self._idle: list[WorkerProcess] = []
        self._busy: set[WorkerProcess] = set()
        self._replacing: set[asyncio.Task[None]] = set()
        self._waiting = 0
        """Calls that wait for a worker that replaces another."""
        self.is_started = False
        self.calls = 0
        self.usage = Usage()
        self.admission = Admission(
            slots=limits.workers, memory=limits.decode_memory, max_waiting=limits.queue_size
        )

    async def start(self) -> None:
        """Start every worker, and have it load the codecs and lock itself.

        Raises:
            WorkerDied: one does not start.
            OSError: the system refuses to start one.
        """
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._limits.workers):
                    group.create_task(self._add_worker())
        except* (ImagesvcError, OSError) as failed:
            raise failed.exceptions[0] from None
        self.sandbox.settle()
        self.is_started = True

    def admit(
        self, priority: Priority, cost: Cost, requester: str = ""
    ) -> AbstractAsyncContextManager[None]:
        """Wait for a worker and for memory; see `Admission.admit`."""
        return self.admission.admit(priority, cost, requester)

    def admit_identification(self, requester: str) -> AbstractAsyncContextManager[None]:
        """Wait for a process to identify an upload; renderings cannot occupy all of them."""
        kind = Kind.IDENTIFICATION
        return self.admission.admit(Priority.INTERACTIVE, PROBE_COST, requester, kind)

    async def run(
        self,
        call: Call[T],
        *args: Any,
        timeout: float,
        source: Path | None = None,
        max_files: int = 0,
    ) -> T:
        """Make a call in a worker; the caller has been admitted.

        Args:
            call: what to do.
            args: its arguments.
            timeout: in seconds.
            source: the file that it is about.
            max_files: large outputs that it may have.

        Raises:
            NotFound: there is no such file.
            TimedOut: it took longer than `timeout` seconds and its process was killed.
            WorkerDied: its process ended by itself, or the system ended it.
            ImagesvcError: what the function raised.
        """
        with _opened(source) as fd:
            value = await self._call(call, args, fd, timeout, max_files)
        if isinstance(value, Failure):
            raise value.error
        return value

    async def _call(
        self, call: Call[T], args: tuple[Any, ...], fd: int | None, timeout: float, max_files: int
    ) -> T | Failure:
        worker = await self._take()
        self.calls += 1
        self._busy.add(worker)
        with self.usage.call():
            try:
                async with asyncio.timeout(timeout):
                    reply = await worker.call(call.name, args, source=fd, max_files=max_files)
                value = read_answer(call, reply)
            except TimeoutError:
                raise TimedOut(
                    f"The work took longer than {timeout:g} s and was stopped."
                ) from None
            else:
                if self._should_recycle(worker, reply):
                    self.usage.ended[RECYCLED] += 1
                else:
                    self._idle.append(worker)
                return value
            finally:
                worker.close_files()
                self._busy.discard(worker)
                if worker not in self._idle:
                    worker.kill()
                    self._replace()

    async def _take(self) -> WorkerProcess:
        """An idle worker, one that is being started to replace another, or a further one."""
        while True:
            while self._idle:
                worker = self._idle.pop()
                if worker.is_alive:
                    return worker
                worker.kill()
            if self._waiting >= len(self._replacing):
                return await self._starter.start()
            self._waiting += 1
            try:
                await asyncio.wait(self._replacing, return_when=asyncio.FIRST_COMPLETED)
            finally:
                self._waiting -= 1

    async def _add_worker(self) -> None:
        worker = await self._starter.start()
        if self._waiting or not self._is_full:
            self._idle.append(worker)
        else:
            worker.kill()

    @property
    def _is_full(self) -> bool:
        return len(self._idle) + len(self._busy) >= self._limits.workers

    @property
    def resident_bytes(self) -> int:
        """Memory of all workers, each after its last call."""
        return sum(worker.resident_bytes for worker in (*self._idle, *self._busy))

    def _should_recycle(self, worker: WorkerProcess, reply: Reply) -> bool:
        limits, plain = self._limits, reply.plain
        try:
            calls, resident = (replies.natural(plain[it]) for it in ("calls", "resident_bytes"))
        except (LookupError, ValueError):
            return True
        worker.resident_bytes = resident
        return calls >= limits.worker_jobs or resident > limits.worker_resident

    def _replace(self) -> None:
        """Start a worker in the background, in the place of one that has ended."""

        async def add() -> None:
            with contextlib.suppress(ImagesvcError, OSError):  # the next call has its own error
                await self._add_worker()

        if len(self._idle) + len(self._busy) + len(self._replacing) < self._limits.workers:
            task = asyncio.create_task(add())
            self._replacing.add(task)
            task.add_done_callback(self._replacing.discard)

    async def close(self) -> None:
        """End every worker."""
        self.is_started = False
        for task in self._replacing:
            task.cancel()
        await asyncio.gather(*self._replacing, return_exceptions=True)
        for worker in (*self._idle, *self._busy):
            worker.kill()
        self._idle.clear()


@contextlib.contextmanager
def _opened(path: Path | None) -> Iterator[int | None]:
    """A file for a worker; its offset and its name stay with the server."""
    if path is None:
        yield None
        return
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise NotFound("The original is missing.") from None
    except OSError as error:
        raise Unavailable(f"The original cannot be opened: {error.strerror}.") from error
    try:
        yield fd
    finally:
        os.close(fd)
