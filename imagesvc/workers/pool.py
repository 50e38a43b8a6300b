"""The worker pool: processes that handle pixels, so that the server process never does.

anyio.to_process was the first choice. It costs the server half a millisecond of processor time a
call, an eighth of the worker's time for a thumbnail, and it unpickles the output of decoders. A
socket with JSON and bytes costs a tenth, and each value is checked.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import structlog

from imagesvc.errors import ImagesvcError, NotFound, TimedOut, Unavailable, WorkerDied
from imagesvc.imaging import replies
from imagesvc.imaging.calls import Answer, Call
from imagesvc.imaging.cost import PROBE_COST, Cost
from imagesvc.model.jobs import Priority
from imagesvc.workers.admission import Admission, Kind
from imagesvc.workers.process import WORKER_MODULE, Reply, WorkerProcess
from imagesvc.workers.sandbox.lock import ResourceLimits
from imagesvc.workers.sandbox.policy import Sandbox
from imagesvc.workers.sandbox.readiness import READY, Readiness
from imagesvc.workers.usage import RECYCLED, Usage

T = TypeVar("T")

log = structlog.get_logger()

START_SECONDS = 30.0
MAX_TRACEBACK = 8192


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
        self._spill_dir = spill_dir
        self._module = module
        self.sandbox = sandbox
        self._idle: list[WorkerProcess] = []
        self._busy: set[WorkerProcess] = set()
        self._background: set[asyncio.Task[None]] = set()
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
        if isinstance(value, _Failure):
            raise value.error
        return value

    async def _call(
        self, call: Call[T], args: tuple[Any, ...], fd: int | None, timeout: float, max_files: int
    ) -> T | _Failure:
        worker = await self._take()
        self.calls += 1
        self._busy.add(worker)
        with self.usage.call():
            try:
                async with asyncio.timeout(timeout):
                    reply = await worker.call(call.name, args, source=fd, max_files=max_files)
                value = _read(call, reply)
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
                    self._in_background(self._add_worker)

    async def _take(self) -> WorkerProcess:
        while self._idle:
            worker = self._idle.pop()
            if worker.is_alive:
                return worker
            worker.kill()
        return await self._started_worker()

    async def _started_worker(self) -> WorkerProcess:
        while True:
            layers = self.sandbox.layers
            try:
                return await self._worker_with(layers)
            except WorkerDied as error:
                if not self.sandbox.falls_back(layers, error.detail):
                    raise

    async def _worker_with(self, layers: tuple[str, ...]) -> WorkerProcess:
        limits = ResourceLimits(self._limits.worker_memory, self._limits.output_bytes, layers)
        worker = await WorkerProcess.start(limits, self._spill_dir, self._module)
        try:
            async with asyncio.timeout(START_SECONDS):
                reply = await worker.call(READY.name, ())
            self.sandbox.accept(_readiness(reply))
        except TimeoutError:
            worker.kill()
            raise WorkerDied("A worker process does not start.") from None
        except BaseException:
            worker.kill()
            raise
        return worker

    async def _add_worker(self) -> None:
        if self._is_full:
            return
        worker = await self._started_worker()
        if not self._is_full:
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

    def _in_background(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        async def quietly() -> None:
            with contextlib.suppress(ImagesvcError):  # the next call gives a better error
                await work()

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


@dataclass(frozen=True, slots=True)
class _Failure:
    """An error that a worker reports, as an ordinary answer."""

    error: ImagesvcError


def _readiness(reply: Reply) -> Readiness:
    found = _read(READY, reply)
    if isinstance(found, _Failure):
        raise WorkerDied("A worker process cannot load or use its codecs.")
    return found


def _read(call: Call[T], reply: Reply) -> T | _Failure:
    """The result of a call.

    Raises:
        WorkerDied: it is invalid: the worker must not be used again.
    """
    plain = reply.plain
    try:
        if "error" in plain:
            return _Failure(replies.error(plain["error"]))
        if "bug" in plain:
            said = str(plain["bug"])[-MAX_TRACEBACK:]
            log.error("bug in a worker", action="worker.bug", traceback=said)
            return _Failure(ImagesvcError("An internal error stopped this work."))
        return call.unpack(plain["value"], Answer(reply.body, reply.files))
    except (LookupError, TypeError, ValueError) as garbled:
        raise WorkerDied("A worker process sent an invalid answer.") from garbled


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
