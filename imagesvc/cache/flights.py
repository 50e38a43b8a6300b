"""Single flight: a variant on its way has one rendering, however many wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from imagesvc.cache.memory import Entry
from imagesvc.errors import ImagesvcError
from imagesvc.model.ids import ImageId, VariantKey
from imagesvc.model.images import Variant


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A variant too large for memory, to be sent from its file."""

    variant: Variant
    path: Path


Content = Entry | StoredFile


@dataclass(frozen=True, slots=True)
class Fetched:
    """A variant at hand, and how it came: from which tier, and the seconds each stage took."""

    content: Content
    tier: str  # memory, disk or rendered
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def variant(self) -> Variant:
        """The row about it."""
        return self.content.variant


@dataclass(slots=True)
class Flight:
    """One variant on its way.

    `is_void` once its image was deleted; `is_of_job` when a job makes it, which may be
    cancelled while others wait. `task` makes it where no job does: it has begun once a
    worker has it, and is expensive when it holds that for long.
    """

    key: VariantKey
    image_id: ImageId
    is_of_job: bool
    landing: asyncio.Future[Fetched]
    is_void: bool = False
    task: asyncio.Task[None] | None = None
    has_begun: bool = False
    is_expensive: bool = False
    is_stopped: bool = False
    waiters: int = 0

    async def wait(self, timeout: float) -> Fetched:
        """What it brings; a waiter that gives up does not end it for others.

        The last of them ends what has not begun. When it went away, and did not just wait too
        long, it ends what is expensive, too.

        Raises:
            TimeoutError: it has not landed in time.
            ImagesvcError: why it failed.
        """
        self.waiters += 1
        may_stop = False
        try:
            async with asyncio.timeout(timeout):
                return await asyncio.shield(self.landing)
        except TimeoutError:
            may_stop = not self.has_begun
            raise
        except asyncio.CancelledError:
            may_stop = self.is_expensive or not self.has_begun
            raise
        finally:
            self.waiters -= 1
            if may_stop and not self.waiters and self.task is not None:
                self.is_stopped = True
                self.task.cancel()


@dataclass(slots=True)
class Flights:
    """The flights under way, by variant."""

    _under_way: dict[VariantKey, Flight] = field(default_factory=dict)

    def find(self, key: VariantKey) -> Flight | None:
        """The flight that brings this variant."""
        return self._under_way.get(key)

    def begin(self, key: VariantKey, image_id: ImageId, *, is_of_job: bool) -> Flight:
        """A new flight, for which the caller will say how it landed."""
        flight = Flight(key, image_id, is_of_job, asyncio.get_running_loop().create_future())
        self._under_way[key] = flight
        return flight

    def land(self, flight: Flight, outcome: Fetched | ImagesvcError) -> None:
        """End a flight: wake its waiters with what it brought, or why it failed."""
        if self._under_way.get(flight.key) is flight:
            del self._under_way[flight.key]
        if flight.landing.done():
            return
        if isinstance(outcome, ImagesvcError):
            flight.landing.set_exception(outcome)
            flight.landing.exception()  # seen, even when every waiter has gone
        else:
            flight.landing.set_result(outcome)

    def void(self, image_id: ImageId) -> None:
        """Make the flights of a deleted image worthless; no request joins them any more."""
        for key, flight in list(self._under_way.items()):
            if flight.image_id == image_id:
                flight.is_void = True
                del self._under_way[key]
