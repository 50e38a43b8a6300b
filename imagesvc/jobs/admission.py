"""Admission: which waiting work may start, by lane, free workers and predicted memory."""

from __future__ import annotations

import asyncio
import bisect
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from imagesvc.errors import Overloaded
from imagesvc.model import Lane

PATIENCE_SECONDS = 5.0
"""How long work that does not fit lets later, smaller work pass it."""


@dataclass(slots=True, order=True)
class _Waiter:
    lane: Lane
    turn: int
    cost: int = field(compare=False)
    since: float = field(compare=False)
    granted: asyncio.Future[None] = field(compare=False)


class Admission:
    """Admits as much work as there are workers and memory for.

    Args:
        slots: pieces of work at once.
        memory: bytes that all admitted work together may be predicted to hold.
        max_waiting: interactive work that may wait; more is refused.
    """

    def __init__(
        self,
        *,
        slots: int,
        memory: int,
        max_waiting: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._slots = slots
        self._memory = memory
        self._max_waiting = max_waiting
        self._clock = clock
        self._heavy_cost = memory // (2 * slots)
        self._heavy_slots = max(1, slots - 1)
        self._running: list[int] = []
        self._waiting: list[_Waiter] = []
        self._turns = itertools.count()

    @property
    def running(self) -> int:
        """Pieces of work admitted now."""
        return len(self._running)

    @property
    def waiting(self) -> int:
        """Pieces of work that wait now."""
        return len(self._waiting)

    @contextlib.asynccontextmanager
    async def admit(self, lane: Lane, cost: int) -> AsyncIterator[None]:
        """Wait for a turn and hold it while the context lasts.

        Work goes by lane, then by arrival. Work that does not fit beside what runs lets later
        work pass, for a while; heavy work never takes the last slot of several.

        Args:
            lane: who waits for it.
            cost: bytes it is predicted to hold; more than all memory counts as all of it.

        Raises:
            Overloaded: too much interactive work is waiting already.
        """
        cost = min(cost, self._memory)
        await self._enter(lane, cost)
        try:
            yield
        finally:
            self._leave(cost)

    async def _enter(self, lane: Lane, cost: int) -> None:
        interactive = sum(1 for waiter in self._waiting if waiter.lane is Lane.INTERACTIVE)
        if lane is Lane.INTERACTIVE and interactive >= self._max_waiting:
            raise Overloaded("Too many images are waiting to be rendered; try again soon.")
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiter = _Waiter(lane, next(self._turns), cost, self._clock(), granted)
        bisect.insort(self._waiting, waiter)
        self._grant()
        try:
            await granted
        except asyncio.CancelledError:
            if granted.done() and not granted.cancelled():
                self._leave(cost)
            else:
                self._waiting.remove(waiter)
                self._grant()
            raise

    def _leave(self, cost: int) -> None:
        self._running.remove(cost)
        self._grant()

    def _grant(self) -> None:
        now = self._clock()
        for waiter in list(self._waiting):
            if len(self._running) >= self._slots:
                return
            if waiter.granted.done():  # cancelled, and about to leave the queue
                continue
            if self._fits(waiter.cost):
                self._waiting.remove(waiter)
                self._running.append(waiter.cost)
                waiter.granted.set_result(None)
            elif now - waiter.since > PATIENCE_SECONDS and self._light_work_is_in_the_way(waiter):
                return

    def _fits(self, cost: int) -> bool:
        if sum(self._running) + cost > self._memory:
            return False
        heavy_running = sum(1 for running in self._running if self._is_heavy(running))
        return not self._is_heavy(cost) or heavy_running < self._heavy_slots

    def _light_work_is_in_the_way(self, waiter: _Waiter) -> bool:
        """Whether holding light work back would soon make room; heavy work is never hurried."""
        heavy = sum(running for running in self._running if self._is_heavy(running))
        return heavy + waiter.cost <= self._memory < sum(self._running) + waiter.cost

    def _is_heavy(self, cost: int) -> bool:
        return cost > self._heavy_cost
