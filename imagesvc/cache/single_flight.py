"""Single flight: concurrent requests for one missing variant share one rendering."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog

from imagesvc.cache.content import Fetched
from imagesvc.errors import ImagesvcError, NotFound, RateLimited, Unavailable, WorkerDied
from imagesvc.model.ids import ImageId, VariantKey
from imagesvc.store.files.files import named_error

log = structlog.get_logger()


@dataclass(slots=True)
class InFlight:
    """One variant that is being made, by a job or for requests.

    `is_void` is set when its image was deleted, or put into the trash. `is_of_job` is set when a
    job makes it; the job may be cancelled while requests wait. `task` makes it if no job does:
    `has_begun` is set once a worker has it, `is_expensive` if it occupies that worker for long.
    """

    key: VariantKey
    image_id: ImageId
    is_of_job: bool
    result: asyncio.Future[Fetched]
    is_void: bool = False
    task: asyncio.Task[None] | None = None
    has_begun: bool = False
    is_expensive: bool = False
    is_stopped: bool = False
    waiters: int = 0

    @property
    def was_ended(self) -> bool:
        """Whether it was ended for a reason that is not that of its other waiters."""
        return (self.is_stopped or self.is_of_job) and self.result.done()

    async def wait(self, timeout: float) -> Fetched:
        """Wait for the result; a waiter that stops waiting does not end it for others.

        The last waiter ends work that has not begun. A waiter that was cancelled, not timed out,
        also ends expensive work.

        Raises:
            TimeoutError: it is not complete in time.
            ImagesvcError: why it failed.
        """
        self.waiters += 1
        may_stop = False
        try:
            await asyncio.wait([self.result], timeout=timeout)
            if not self.result.done():
                may_stop = not self.has_begun
                raise TimeoutError
            return self.result.result()
        except asyncio.CancelledError:
            may_stop = self.is_expensive or not self.has_begun
            raise
        finally:
            self.waiters -= 1
            if may_stop and not self.waiters and self.task is not None:
                self.is_stopped = True
                self.task.cancel()


Make = Callable[[InFlight], Awaitable[Fetched]]


@dataclass(slots=True)
class SingleFlight:
    """The variants that are being made, by key; each is made once at a time."""

    _in_flight: dict[VariantKey, InFlight] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def share(
        self, key: VariantKey, image_id: ImageId, make: Make, timeout: float
    ) -> Fetched:
        """The result of `make`, called once for all requests that arrive meanwhile.

        A request tries again when the shared work ended for a reason that does not concern it: the
        rate limit of the first requester, or a cancelled job.

        Raises:
            TimeoutError: it is not complete in time.
            NotFound: the image was deleted meanwhile.
            ImagesvcError: what `make` raises.
        """
        while (running := self.find(key)) is not None:
            try:
                return await _result_of(running, timeout)
            except RateLimited:
                continue
            except Unavailable:
                if not running.was_ended:
                    raise
        started = self.start(key, image_id, is_of_job=False)
        task = started.task = asyncio.create_task(self._run(started, make))
        self._tasks.add(task)  # the event loop keeps no reference
        task.add_done_callback(self._tasks.discard)
        return await _result_of(started, timeout)

    async def _run(self, started: InFlight, make: Make) -> None:
        outcome: Fetched | ImagesvcError = WorkerDied("The rendering was stopped.")
        try:
            outcome = await make(started)
        except ImagesvcError as error:
            outcome = error
        except Exception as error:
            known = named_error(error)
            if known is None:
                log.exception("bug in a rendering", action="variant.bug")
            outcome = known or ImagesvcError("An internal error stopped this rendering.")
        finally:
            self.complete(started, outcome)

    def find(self, key: VariantKey) -> InFlight | None:
        """The variant with this key, if it is being made."""
        return self._in_flight.get(key)

    def start(self, key: VariantKey, image_id: ImageId, *, is_of_job: bool) -> InFlight:
        """Let others wait for a variant that the caller makes; the caller calls `complete`."""
        result = asyncio.get_running_loop().create_future()
        started = self._in_flight[key] = InFlight(key, image_id, is_of_job, result)
        return started

    def complete(self, started: InFlight, outcome: Fetched | ImagesvcError) -> None:
        """Give the outcome to all waiters: the variant, or why it failed."""
        if self._in_flight.get(started.key) is started:
            del self._in_flight[started.key]
        if started.result.done():
            return
        if isinstance(outcome, ImagesvcError):
            started.result.set_exception(outcome)
            started.result.exception()  # retrieved, even when no waiter is left
        else:
            started.result.set_result(outcome)

    def void(self, *image_ids: ImageId) -> None:
        """Discard the running work of deleted images; no further request joins it."""
        for key, found in list(self._in_flight.items()):
            if found.image_id in image_ids:
                found.is_void = True
                del self._in_flight[key]


async def _result_of(running: InFlight, timeout: float) -> Fetched:
    fetched = await running.wait(timeout)
    if running.is_void:
        raise NotFound("The image was deleted.")
    return fetched
